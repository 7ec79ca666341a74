// The decision panel: the label shown to the person, the decoded label, and the five most likely labels as bars.

import { newElement, setText } from "../dom.js";

const N_BARS = 5;
const NO_LABEL = "–";
const VERDICTS = { match: "✓ match", differs: "✗ differs", decided: "decided", deciding: "deciding…", "": NO_LABEL };

export class DecisionPanel {
  /** `byId` finds the elements of the panel. */
  constructor(byId) {
    this.byId = byId;
    this.bars = Array.from({ length: N_BARS }, newBar);
    byId("bars").append(...this.bars.map(({ row }) => row));
  }

  show({ trial, decision }) {
    if (!decision) return;
    const inTrial = trial?.lastDecision === decision;
    this.showHeadline(trial, decision, inTrial);
    this.byId("bars").classList.toggle("decided", inTrial && decision.decided);
    for (const [i, bar] of this.bars.entries()) showBar(bar, decision.top[i], inTrial ? trial.label : null);
  }

  showHeadline(trial, decision, inTrial) {
    const { byId } = this;
    const kind = inTrial ? verdictOf(trial, decision) : "";
    setText(byId("shown"), trial && !trial.finished ? (trial.shown ?? NO_LABEL) : NO_LABEL);
    setText(byId("decoded"), decodedText(trial, decision, inTrial));
    setText(
      byId("since"),
      inTrial ? `trial ${trial.number}, ${decision.since_onset_s.toFixed(2)} s since onset` : "between trials",
    );
    setText(byId("verdict"), VERDICTS[kind]);
    byId("verdict").className = `verdict ${kind}`;
  }
}

function verdictOf(trial, decision) {
  if (!decision.decided) return "deciding";
  if (trial.label === null) return "decided";
  return trial.label === decision.top[0].label ? "match" : "differs";
}

function decodedText(trial, decision, inTrial) {
  if (trial && !trial.lastDecision) return "…"; // announced by its marker, without a decision yet
  if (trial && !inTrial) return NO_LABEL;
  return decision.top[0]?.label ?? NO_LABEL;
}

function newBar() {
  const label = newElement("span", { className: "label" });
  const percent = newElement("span", { className: "percent" });
  const fill = newElement("div", { className: "fill" });
  const track = newElement("div", { className: "track" }, fill);
  return { row: newElement("li", { hidden: true }, label, percent, track), label, percent, fill };
}

/** Show one candidate, or hide the bar if there is none. `shown` is the label shown to the person, or null. */
function showBar({ row, label, percent, fill }, candidate, shown) {
  row.hidden = !candidate;
  if (!candidate) return;
  setText(label, candidate.label);
  setText(percent, `${(100 * candidate.p).toFixed(1)} %`);
  fill.style.transform = `scaleX(${candidate.p})`;
  row.classList.toggle("shown", candidate.label === shown);
}
