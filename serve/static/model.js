// What the messages add up to: the present trial, the one before, tally and latency. No DOM here.

const LATENCY_DECISIONS = 200, STRIP = 36, TRIALS = 64, MOMENTS = 4;

export function newModel() {
  return {
    hello: null, state: "connecting", detail: "", paused: false, unrecorded: "", moments: [], decision: null,
    trials: new Map(), // by number, the newest: markers may run ahead of decisions, and trials may overlap
    trial: null, before: null, // the one that is drawn, and the one drawn before it
    skipped: 0, latency: new Map(),
    tally: { known: 0, top1: 0, top5: 0, trials: 0, strip: [] },
  };
}

/** Fold one message into the model; unknown types are ignored. */
export function fold(model, said) {
  (FOLDS[said.type] ?? (() => {}))(model, said);
}

const FOLDS = {
  hello(model, said) {
    if (!said.again) Object.assign(model, newModel());
    model.hello = said;
  },
  status(model, said) {
    if (said.lasting) Object.assign(model, { state: said.state, detail: said.detail });
    else model.moments = [...model.moments.slice(1 - MOMENTS), { state: said.state, detail: said.detail }];
    if (said.state === "record_failed") model.unrecorded = said.detail; // stays in sight: the data are being lost
    if (said.state === "paused" || said.state === "resumed") model.paused = said.state === "paused";
  },
  trial(model, said) {
    if (!model.trials.has(said.trial)) draw(model, begin(model, said.trial, said.label ?? said.marker, said.label));
  },
  dropped(model, said) {
    model.skipped += said.count;
  },
  decision(model, said) {
    for (const [stage, ms] of Object.entries(said.latency_ms)) {
      const last = model.latency.get(stage) ?? model.latency.set(stage, []).get(stage);
      last.push(ms);
      if (last.length > LATENCY_DECISIONS) last.shift();
    }
    // A trial is over once a whole hop has gone without a decision of it.
    for (const trial of model.trials.values()) {
      const since = trial.last && said.hop - trial.last.hop;
      if (trial.last && !trial.over && trial.trial !== said.trial && (since > 1 || since < 0)) finish(model, trial);
    }
    if (said.trial === null) {
      if (!model.trial?.last || said.hop !== model.trial.last.hop) model.decision = said;
      return;
    }
    const trial = model.trials.get(said.trial) ?? begin(model, said.trial, null, null);
    if (trial.over) return;
    trial.last = said;
    // Of trials that overlap the newest is drawn; of those that were only announced, none before it is decided on.
    if (!(trial.trial < model.trial?.trial && model.trial.last && !model.trial.over)) {
      if (trial !== model.before || model.trial.last) draw(model, trial);
      model.decision = said;
    }
    if (said.decided) trial.decidedAt ??= said.since_onset_s;
    for (const { label, p } of said.top) {
      const line = trial.lines.get(label) ?? trial.lines.set(label, []).get(label);
      line.push([said.since_onset_s, p]);
    }
  },
};

function begin(model, number, shown, label) {
  const trial = { trial: number, shown, label, lines: new Map(), last: null, decidedAt: null, over: false };
  model.trials.set(number, trial);
  if (model.trials.size > TRIALS) model.trials.delete(model.trials.keys().next().value);
  return trial;
}

function draw(model, trial) {
  if (trial === model.trial) return;
  if (model.trial?.last) model.before = model.trial;
  model.trial = trial;
}

function finish(model, trial) {
  trial.over = true;
  const { tally } = model;
  tally.trials += 1;
  if (trial.label === null || trial.last.quality.gap) return; // a trial with lost samples is no fair test
  const rank = trial.last.top.findIndex(({ label }) => label === trial.label);
  tally.known += 1;
  tally.top1 += rank === 0;
  tally.top5 += rank >= 0;
  tally.strip.push({ shown: trial.label, decoded: trial.last.top[0].label, rank });
  if (tally.strip.length > STRIP) tally.strip.shift();
}

/** The q-quantile (0 to 1) of some numbers. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}
