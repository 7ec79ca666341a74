// State badge, tally, latency and the lines about stream and bundle.

import { write } from "./decision.js";
import { quantile } from "./model.js";

const MOMENT_MS = 4000, HURRIED_MS = 1500; // how long a moment is shown, and when another waits
const NEWS = ["assumed", "reconnected", "resumed", "swapped", "recording", "recorded"];
const FAILURES = ["failed", "record_failed"];
const STAGES = { age: "Sample age", preprocess: "Preprocess", encode: "Encode", retrieve: "Retrieve" };

const percent = (part, whole) => `${Math.round((100 * part) / whole)}%`;
const words = (state) => state.replaceAll("_", " ");

export function showState(find, model, connected) {
  const moment = presentMoment(model.moments);
  const now = !connected
    ? { kind: "lost", state: "no server", detail: "The connection to the server is gone; trying again." }
    : moment ? { kind: FAILURES.includes(moment.state) ? "failed" : NEWS.includes(moment.state) ? "news" : "moment", ...moment }
    : model.paused ? { kind: "moment", state: "paused", detail: "Decoding waits to be resumed." }
    : model.unrecorded && model.state === "live" ? { kind: "failed", state: "not recorded", detail: model.unrecorded }
    : { kind: model.state, state: model.state, detail: model.detail };
  find("state").dataset.state = now.kind;
  write(find("state-name"), words(now.state));
  write(find("state-detail"), now.detail);
}

/** The moment that is being shown: each long enough to be read, the newest ones when they come fast. */
function presentMoment(moments) {
  while (moments.length) {
    const now = performance.now(), since = now - (moments[0].shownAt ??= now);
    if (since < (moments.length > 1 ? HURRIED_MS : MOMENT_MS)) return moments[0];
    moments.shift();
  }
  return null;
}

export function showTally(find, { tally, hello }) {
  if (!hello) return;
  const n = hello.labels.length, five = n > 5;
  write(find("tally-trials"), String(tally.trials));
  write(find("tally-note"), `${n} labels`);
  write(find("tally-top1"), tally.known ? percent(tally.top1, tally.known) : "–");
  write(find("tally-chance1"), `chance ${percent(1, n)}`);
  find("tally-five").hidden = find("tally-pale").hidden = !five; // five of five labels are always right
  write(find("tally-top5"), tally.known ? percent(tally.top5, tally.known) : "–");
  write(find("tally-chance5"), `chance ${percent(Math.min(5, n), n)}`);
  const strip = find("tally-strip");
  if (strip.dataset.trials === String(tally.trials)) return;
  strip.dataset.trials = tally.trials;
  strip.replaceChildren(...tally.strip.map(({ shown, decoded, rank }) => {
    const item = document.createElement("li");
    item.className = rank === 0 ? "top1" : rank > 0 && five ? "top5" : "miss";
    item.title = item.ariaLabel = `shown ${shown}, decoded ${decoded}`;
    return item;
  }));
}

const threeDigits = (ms) => ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0);

export function showLatency(find, { latency }) {
  const rows = [...latency].map(([stage, values]) => {
    const row = document.createElement("tr");
    for (const text of [STAGES[stage] ?? stage, threeDigits(quantile(values, 0.5)), threeDigits(quantile(values, 0.99))]) {
      row.append(Object.assign(document.createElement("td"), { textContent: text }));
    }
    return row;
  });
  find("latency").tBodies[0].replaceChildren(...rows);
  const counted = Math.max(0, ...[...latency.values()].map((values) => values.length));
  write(find("latency-note"), `ms, last ${counted}`);
}

export function showNames(find, { hello, skipped }) {
  if (!hello) {
    for (const id of ["stream", "bundle", "skipped"]) write(find(id), "");
    document.title = "Glimpse";
    return;
  }
  const { stream, channels, sfreq, name, note, bundle, hop_s } = hello;
  write(find("stream"), `${stream} · ${channels.length} channels · ${+sfreq.toFixed(2)} Hz`);
  const about = [`Bundle ${name}`, note, `a decision every ${+(1000 * hop_s).toFixed(1)} ms`, bundle.slice(0, 19)];
  write(find("bundle"), about.filter(Boolean).join(" · "));
  write(find("skipped"), skipped ? `${skipped} messages skipped` : "");
  document.title = `${stream} · Glimpse`;
}
