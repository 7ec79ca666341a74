// The API page: openapi.json as a list of foldable entries, without a library and without a network.

import { byId, newElement } from "./dom.js";

/** An entry that unfolds to `body` as JSON. */
function entry(method, title, about, body) {
  const summary = newElement("summary", {}, newElement("span", { className: "method" }, method));
  summary.append(newElement("code", {}, title), about ? ` ${about}` : "");
  const text = newElement("pre", {}, newElement("code", {}, JSON.stringify(body, null, 2)));
  return newElement("details", {}, summary, text);
}

const api = await (await fetch("openapi.json")).json();
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, { summary, parameters, requestBody, responses }] of Object.entries(methods)) {
    byId("paths").append(entry(method.toUpperCase(), path, summary, { parameters, requestBody, responses }));
  }
}
for (const [name, schema] of Object.entries(api.components.schemas)) {
  byId("schemas").append(entry("", name, schema.description, schema.properties));
}
