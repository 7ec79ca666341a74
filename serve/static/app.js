// Glimpse's page: one session, live. `?session=s2` in the address chooses another than the first.

import { DecisionPanel, write } from "./decision.js";
import { GrowthChart } from "./growth.js";
import { fold, newModel } from "./model.js";
import { showLatency, showNames, showState, showTally } from "./panels.js";
import { listen, watch } from "./socket.js";
import { Traces } from "./traces.js";

const LOOK_MS = 2000;
const find = (id) => document.getElementById(id);
const model = newModel();
const traces = new Traces(find("traces"));
const decision = new DecisionPanel(find);
const growth = new GrowthChart(find("growth"), find("growth-note"));
let connected = false, changed = true;

function follow(session) {
  find("empty").hidden = true;
  find("live").hidden = false;
  let left = false; // both sockets close, and each may ask more than once before the answer comes
  const endings = [
    listen(session, (said) => {
      connected = changed = true;
      fold(model, said);
      if (said.type === "hello") traces.channels = said.channels;
      if (said.type === "decision") traces.flag(said, model.hello.hop_s);
      if (said.type === "trial") traces.mark(said.t_onset, said.label ?? said.marker);
    }, async () => {
      connected = false;
      if (await isOpen(session) || left) return;
      left = true;
      endings.forEach((end) => end());
      choose();
    }),
    watch(session, (frame) => traces.add(frame)),
  ];
}

const sessionsNow = async () => (await fetch("v1/sessions")).json();

/** Is the session still there; a server that does not answer may come back with it. */
async function isOpen(session) {
  try { return (await sessionsNow()).some((open) => open.session === session); } catch { return true; }
}

/** Follow the session of the address or the first one, or offer the streams in sight until there is one. */
async function choose() {
  const wanted = new URLSearchParams(location.search).get("session");
  try {
    const sessions = await sessionsNow();
    const found = sessions.find(({ session }) => session === wanted) ?? sessions[0];
    connected = true;
    if (found) return follow(found.session);
    Object.assign(model, newModel(), { state: "idle", detail: "No stream is being decoded." });
    find("live").hidden = true;
    find("empty").hidden = false;
    offer(await (await fetch("v1/streams")).json());
  } catch {
    connected = false;
  }
  setTimeout(choose, LOOK_MS);
}

function offer(streams) {
  const rows = streams.filter(({ sfreq }) => sfreq > 0).map(({ name, type, source_id, n_channels, sfreq }) => {
    const twins = streams.filter((other) => other.name === name).length > 1; // only the source_id tells them apart
    const row = document.createElement("li"), text = document.createElement("span"), button = document.createElement("button");
    text.textContent = `${name} · ${twins ? `${source_id}, ` : ""}${type}, ${n_channels} channels, ${sfreq} Hz`;
    button.textContent = "Decode";
    button.onclick = () => decode(twins && source_id ? source_id : name, button);
    row.append(text, button);
    return row;
  });
  if (!rows.length) rows.push(Object.assign(document.createElement("li"), { textContent: "None yet: start the amplifier's LSL outlet." }));
  find("sight").replaceChildren(...rows);
}

async function decode(stream, button) {
  button.disabled = true;
  const refusal = await refused(stream);
  find("refusal").textContent = refusal;
  button.disabled = !refusal;
}

/** Ask for a session; what the server has against it in words, or nothing. */
async function refused(stream) {
  try {
    const answer = await fetch("v1/sessions", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ stream }),
    });
    if (answer.ok) return "";
    const { detail } = await answer.json();
    return typeof detail === "string" ? detail : detail.map(({ loc, msg }) => `${loc.at(-1)}: ${msg}`).join("; ");
  } catch {
    return "The server does not answer; try again.";
  }
}

function draw() {
  if (changed) {
    changed = false;
    decision.show(model);
    growth.show(model);
  }
  requestAnimationFrame(draw);
}

setInterval(() => {
  showState(find, model, connected);
  showTally(find, model);
  showLatency(find, model);
  showNames(find, model);
  write(find("signal-note"), traces.note());
}, 250);
choose();
draw();
