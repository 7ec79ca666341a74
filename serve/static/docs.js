// The API page: openapi.json as a list that opens, without a library and without a network.

function entry(method, title, about, body) {
  const details = document.createElement("details"), summary = document.createElement("summary");
  const kind = Object.assign(document.createElement("span"), { className: "method", textContent: method });
  summary.append(kind, Object.assign(document.createElement("code"), { textContent: title }), about ? ` ${about}` : "");
  const text = document.createElement("pre");
  text.append(Object.assign(document.createElement("code"), { textContent: JSON.stringify(body, null, 2) }));
  details.append(summary, text);
  return details;
}

const api = await (await fetch("openapi.json")).json();
for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, { summary, parameters, requestBody, responses }] of Object.entries(methods)) {
    document.getElementById("paths").append(entry(method.toUpperCase(), path, summary, { parameters, requestBody, responses }));
  }
}
for (const [name, schema] of Object.entries(api.components.schemas)) {
  document.getElementById("schemas").append(entry("", name, schema.description, schema.properties));
}
