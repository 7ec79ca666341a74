// What the messages add up to: the present trial, the one before, tally and latency. No DOM here.

const LATENCY_DECISIONS = 200, STRIP = 36, MARKED = 64;

export function newModel() {
  return {
    hello: null, state: "connecting", detail: "", moment: null, decision: null,
    marked: new Map(), // trial number -> trial message, the newest: markers may run ahead of decisions
    trial: null, before: null, skipped: 0, latency: new Map(),
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
    else model.moment = { state: said.state, detail: said.detail, at: performance.now() };
  },
  trial(model, said) {
    model.marked.set(said.trial, said);
    if (model.marked.size > MARKED) model.marked.delete(model.marked.keys().next().value);
    if (model.trial?.trial !== said.trial) begin(model, said.trial, said.label ?? said.marker, said.label);
  },
  dropped(model, said) {
    model.skipped += said.count;
  },
  decision(model, said) {
    model.decision = said;
    for (const [stage, ms] of Object.entries(said.latency_ms)) {
      const last = model.latency.get(stage) ?? model.latency.set(stage, []).get(stage);
      last.push(ms);
      if (last.length > LATENCY_DECISIONS) last.shift();
    }
    // Decisions come in order, so a trial is over with the first one that belongs to another, or to none.
    for (const trial of [model.before, model.trial]) {
      if (trial?.last && !trial.over && trial.trial !== said.trial) finish(model, trial);
    }
    if (said.trial === null) return;
    if (said.trial !== model.trial?.trial && said.trial !== model.before?.trial) {
      const at = model.marked.get(said.trial);
      begin(model, said.trial, at?.label ?? at?.marker ?? null, at?.label ?? null);
    }
    const trial = said.trial === model.trial.trial ? model.trial : model.before;
    trial.last = said;
    if (said.decided) trial.decidedAt ??= said.since_onset_s;
    for (const { label, p } of said.top) {
      const line = trial.lines.get(label) ?? trial.lines.set(label, []).get(label);
      line.push([said.since_onset_s, p]);
    }
  },
};

function begin(model, number, shown, label) {
  model.before = model.trial?.last ? model.trial : model.before;
  model.trial = { trial: number, shown, label, lines: new Map(), last: null, decidedAt: null, over: false };
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
