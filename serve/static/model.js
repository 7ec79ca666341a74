// The state of the page, built from the messages of a session: trials, tally and latency. No DOM here.

const LATENCY_DECISIONS = 200; // the newest decisions, whose latency is summarised
const MAX_HISTORY = 36; // finished trials in the tally's history
const MAX_TRIALS = 64;
const MAX_NOTICES = 4;

export function newModel() {
  return {
    hello: null,
    state: "connecting",
    detail: "",
    paused: false,
    recordingError: "", // why the recording failed; stays until the next session, since data are being lost
    notices: [], // passing states {state, detail}, oldest first
    decision: null, // the decision in the decision panel
    trials: new Map(), // the newest trials by number: markers may run ahead of decisions, and trials may overlap
    trial: null, // the displayed trial
    previousTrial: null, // the trial displayed before it
    skipped: 0, // messages that the server dropped because this client was slow
    latency: new Map(), // stage -> milliseconds of the newest decisions
    tally: { trials: 0, labelled: 0, top1: 0, top5: 0, history: [] },
  };
}

/** Update the model with one message of the server. Messages of unknown type are ignored. */
export function applyMessage(model, message) {
  HANDLERS[message.type]?.(model, message);
}

const HANDLERS = {
  hello(model, message) {
    if (!message.sameRun) Object.assign(model, newModel());
    model.hello = message;
  },
  status(model, { state, detail, lasting }) {
    if (lasting) Object.assign(model, { state, detail });
    else model.notices = [...model.notices.slice(1 - MAX_NOTICES), { state, detail }];
    if (state === "record_failed") model.recordingError = detail;
    if (state === "paused" || state === "resumed") model.paused = state === "paused";
  },
  trial(model, { trial: number, marker, label }) {
    if (!model.trials.has(number)) display(model, addTrial(model, number, label ?? marker, label));
  },
  dropped(model, { count }) {
    model.skipped += count;
  },
  decision(model, message) {
    addLatency(model.latency, message.latency_ms);
    finishTrials(model, message);
    if (message.trial === null) {
      if (message.hop !== model.trial?.lastDecision?.hop) model.decision = message;
      return;
    }
    const trial = model.trials.get(message.trial) ?? addTrial(model, message.trial, null, null);
    if (trial.finished) return;
    addDecision(trial, message);
    if (isNewest(model, trial)) {
      if (trial !== model.previousTrial || model.trial.lastDecision) display(model, trial);
      model.decision = message;
    }
  },
};

function addTrial(model, number, shown, label) {
  const trial = {
    number,
    shown, // what the page names: the label, or else the text of the marker
    label, // null if the marker names no label of the bundle
    curves: new Map(), // label -> points [seconds since onset, confidence]
    lastDecision: null,
    decidedAt: null, // seconds since onset
    finished: false,
  };
  model.trials.set(number, trial);
  if (model.trials.size > MAX_TRIALS) model.trials.delete(model.trials.keys().next().value);
  return trial;
}

function addDecision(trial, decision) {
  trial.lastDecision = decision;
  if (decision.decided) trial.decidedAt ??= decision.since_onset_s;
  for (const { label, p } of decision.top) listOf(trial.curves, label).push([decision.since_onset_s, p]);
}

function addLatency(latency, stages) {
  for (const [stage, ms] of Object.entries(stages)) {
    const values = listOf(latency, stage);
    values.push(ms);
    if (values.length > LATENCY_DECISIONS) values.shift();
  }
}

/** The list under this key of a map, added if it is missing. */
function listOf(map, key) {
  if (!map.has(key)) map.set(key, []);
  return map.get(key);
}

/** Whether a decision of this trial is displayed: not if a newer trial has decisions and goes on (trials overlap). */
function isNewest({ trial: displayed }, trial) {
  return !(displayed && trial.number < displayed.number && displayed.lastDecision && !displayed.finished);
}

function display(model, trial) {
  if (trial === model.trial) return;
  if (model.trial?.lastDecision) model.previousTrial = model.trial;
  model.trial = trial;
}

/** Finish the trials that got no decision for a whole hop. The hop also jumps if messages were dropped. */
function finishTrials(model, decision) {
  for (const trial of model.trials.values()) {
    if (!trial.lastDecision || trial.finished || trial.number === decision.trial) continue;
    const hops = decision.hop - trial.lastDecision.hop;
    if (hops > 1 || hops < 0) finish(model.tally, trial);
  }
}

function finish(tally, trial) {
  trial.finished = true;
  tally.trials += 1;
  if (trial.label === null || trial.lastDecision.quality.gap) return; // lost samples make a trial no fair test
  const { top } = trial.lastDecision;
  const rank = top.findIndex(({ label }) => label === trial.label);
  tally.labelled += 1;
  if (rank === 0) tally.top1 += 1;
  if (rank >= 0) tally.top5 += 1;
  tally.history.push({ shown: trial.label, decoded: top[0].label, rank });
  if (tally.history.length > MAX_HISTORY) tally.history.shift();
}
