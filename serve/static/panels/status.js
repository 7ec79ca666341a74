// The state of the session, and the names of stream and bundle.

import { setText } from "../dom.js";

const NOTICE_MS = 4000;
const NOTICE_MS_IF_MORE = 1500; // if another notice waits
const NEWS = ["assumed", "reconnected", "resumed", "swapped", "recording", "recorded"];
const FAILURES = ["failed", "record_failed"];

/** Show the state: a lost server comes first, then notices, then what lasts. */
export function showState(byId, model, connected) {
  const { kind, state, detail } = connected
    ? (noticeStatus(model) ?? lastingStatus(model))
    : { kind: "lost", state: "no server", detail: "The connection to the server is gone; trying again." };
  byId("state").dataset.state = kind;
  setText(byId("state-name"), state.replaceAll("_", " "));
  setText(byId("state-detail"), detail);
}

function noticeStatus({ notices }) {
  const notice = currentNotice(notices);
  if (!notice) return null;
  const kind = FAILURES.includes(notice.state) ? "failed" : NEWS.includes(notice.state) ? "news" : "notice";
  return { kind, ...notice };
}

/** The notice to show, or null. Removes those shown long enough to be read; sooner if others wait. */
function currentNotice(notices) {
  while (notices.length) {
    const now = performance.now();
    notices[0].shownAt ??= now;
    if (now - notices[0].shownAt < (notices.length > 1 ? NOTICE_MS_IF_MORE : NOTICE_MS)) return notices[0];
    notices.shift();
  }
  return null;
}

function lastingStatus({ paused, recordingError, state, detail }) {
  if (paused) return { kind: "notice", state: "paused", detail: "Decoding waits to be resumed." };
  if (recordingError && state === "live") return { kind: "failed", state: "not recorded", detail: recordingError };
  return { kind: state, state, detail };
}

/** Name stream and bundle, and say how many messages were skipped. */
export function showNames(byId, { hello, skipped }) {
  if (!hello) {
    for (const id of ["stream", "bundle", "skipped"]) setText(byId(id), "");
    document.title = "Glimpse";
    return;
  }
  const { stream, channels, sfreq, name, note, bundle, hop_s } = hello;
  setText(byId("stream"), `${stream} · ${channels.length} channels · ${+sfreq.toFixed(2)} Hz`);
  const about = [`Bundle ${name}`, note, `a decision every ${+(1000 * hop_s).toFixed(1)} ms`, bundle.slice(0, 19)];
  setText(byId("bundle"), about.filter(Boolean).join(" · "));
  setText(byId("skipped"), skipped ? `${skipped} messages skipped` : "");
  document.title = `${stream} · Glimpse`;
}
