// The page of one live session. `?session=s2` in the address selects a session; the default is the first one.

import { getSessions, getStreams, isOpen, openSession } from "./api.js";
import { followEvents, followSignal } from "./client.js";
import { byId, newElement, setText } from "./dom.js";
import { applyMessage, newModel } from "./model.js";
import { ConfidenceChart } from "./panels/confidence_chart.js";
import { DecisionPanel } from "./panels/decision.js";
import { showLatency } from "./panels/latency.js";
import { showNames, showState } from "./panels/status.js";
import { showTally } from "./panels/tally.js";
import { Traces } from "./panels/traces.js";

const POLL_INTERVAL_MS = 2000; // between two looks for a session
const PANEL_INTERVAL_MS = 250; // state, tally and latency are readable at this rate; the decision is drawn at once

const model = newModel();
const traces = new Traces(byId("traces"));
const decisionPanel = new DecisionPanel(byId);
const confidenceChart = new ConfidenceChart(byId("confidence"), byId("confidence-note"));
let connected = false;
let changed = true;

/** Show a session until it ends, then select another one. */
function follow(session) {
  byId("empty").hidden = true;
  byId("live").hidden = false;
  let ended = false;
  const onLost = async () => {
    connected = false;
    // The connection may be lost again before the server answers: only its first answer ends the session.
    if ((await isOpen(session)) || ended) return;
    ended = true;
    closeEvents();
    closeSignal();
    selectSession();
  };
  const closeEvents = followEvents(session, showMessage, onLost);
  const closeSignal = followSignal(session, (frame) => traces.add(frame));
}

function showMessage(message) {
  connected = true;
  changed = true;
  applyMessage(model, message);
  if (message.type === "hello") traces.channels = message.channels;
  if (message.type === "decision") traces.addQuality(message, model.hello.hop_s);
  if (message.type === "trial") traces.addOnset(message.t_onset, message.label ?? message.marker);
}

/** Follow the session of the address or the first one. Until there is one, list the streams of the network. */
async function selectSession() {
  const name = new URLSearchParams(location.search).get("session");
  try {
    const sessions = await getSessions();
    const selected = sessions.find(({ session }) => session === name) ?? sessions[0];
    connected = true;
    if (selected) return follow(selected.session);
    Object.assign(model, newModel(), { state: "idle", detail: "No stream is being decoded." });
    byId("live").hidden = true;
    byId("empty").hidden = false;
    showStreams(await getStreams());
  } catch {
    connected = false;
  }
  setTimeout(selectSession, POLL_INTERVAL_MS);
}

/** List the streams with samples, each with a button that opens a session. */
function showStreams(streams) {
  const rows = streams.filter(({ sfreq }) => sfreq > 0).map((stream) => streamRow(stream, streams));
  if (!rows.length) rows.push(newElement("li", {}, "None yet: start the amplifier's LSL outlet."));
  byId("streams").replaceChildren(...rows);
}

function streamRow({ name, type, source_id, n_channels, sfreq }, streams) {
  const ambiguous = streams.filter((other) => other.name === name).length > 1; // then only the source_id is unique
  const text = `${name} · ${ambiguous ? `${source_id}, ` : ""}${type}, ${n_channels} channels, ${sfreq} Hz`;
  const button = newElement("button", {}, "Decode");
  button.onclick = () => decode(ambiguous && source_id ? source_id : name, button);
  return newElement("li", {}, newElement("span", {}, text), button);
}

async function decode(stream, button) {
  button.disabled = true;
  const refusal = await openSession(stream);
  setText(byId("refusal"), refusal);
  button.disabled = !refusal;
}

function draw() {
  if (changed) {
    changed = false;
    decisionPanel.show(model);
    confidenceChart.show(model);
  }
  requestAnimationFrame(draw);
}

function showPanels() {
  showState(byId, model, connected);
  showTally(byId, model);
  showLatency(byId, model);
  showNames(byId, model);
  setText(byId("signal-note"), traces.note());
}

setInterval(showPanels, PANEL_INTERVAL_MS);
selectSession();
draw();
