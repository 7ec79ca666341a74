// The confidence chart: confidence of the leading labels against seconds since onset, the previous trial faint.

import { newSvgElement, setText } from "../dom.js";

const MARGIN = { left: 40, right: 18, top: 8, bottom: 24 }; // pixels
const MIN_PLOT_WIDTH = 40;
const MAX_NAME_LENGTH = 24;

export class ConfidenceChart {
  /** Draws into `svg` and explains the lines in the text of `note`. */
  constructor(svg, note) {
    this.svg = svg;
    this.note = note;
    this.lengthS = 0; // of the time axis: grows with the trials, never shrinks
  }

  show({ trial, previousTrial, hello }) {
    const width = this.svg.clientWidth;
    const height = this.svg.clientHeight;
    if (!hello || width < MARGIN.left + MARGIN.right + MIN_PLOT_WIDTH) return;
    this.lengthS = Math.max(hello.window_s[1], this.lengthS, trial?.lastDecision?.since_onset_s ?? 0);
    const scale = {
      x: (t) => MARGIN.left + (t / this.lengthS) * (width - MARGIN.left - MARGIN.right),
      y: (p) => MARGIN.top + (1 - p) * (height - MARGIN.top - MARGIN.bottom),
    };
    const elements = this.axes(scale, width, hello.labels.length);
    const previous = previousTrial?.lastDecision?.top[0].label;
    if (previous) elements.push(curve("previous", previousTrial.curves.get(previous), scale));
    if (trial?.lastDecision) elements.push(...this.trialCurves(trial, scale));
    this.svg.replaceChildren(...elements);
    setText(this.note, [previous && `previous trial dashed: ${previous}`, "chance dotted"].filter(Boolean).join(", "));
  }

  /** The curves of a trial: the leading label and the label shown to the person with their names. */
  trialCurves(trial, scale) {
    const [first, ...others] = trial.lastDecision.top.map(({ label }) => label);
    const elements = others
      .filter((label) => label !== trial.label)
      .map((label) => curve("other", trial.curves.get(label), scale));
    if (trial.decidedAt !== null) {
      const x = scale.x(trial.decidedAt);
      elements.push(newSvgElement("line", { class: "decided", x1: x, x2: x, y1: scale.y(1), y2: scale.y(0) }));
    }
    const highlighted = [["first", first]];
    if (trial.label !== null && trial.label !== first && trial.curves.has(trial.label)) {
      highlighted.push(["shown", trial.label]);
    }
    let previousY = Number.POSITIVE_INFINITY;
    for (const [kind, label] of highlighted) {
      const points = trial.curves.get(label);
      const position = this.namePosition(points.at(-1), scale, previousY);
      previousY = position.baseline;
      elements.push(curve(kind, points, scale), name(kind, label, position));
    }
    return elements;
  }

  /** Where the name of a curve stands: right of its end, or above it late in the chart, and not over another name. */
  namePosition([t, p], { x, y }, previousY) {
    const late = t > 0.7 * this.lengthS;
    const nearTop = y(p) < 20; // no room above the curve: the name stands below it
    let baseline = y(p) + (late ? (nearTop ? 16 : -8) : 4);
    if (Math.abs(baseline - previousY) < 14) baseline = previousY + (late ? 22 : 14);
    return { x: x(t) + (late ? 0 : 8), baseline, anchor: late ? "end" : "start" };
  }

  axes({ x, y }, width, nLabels) {
    const level = (kind, p) =>
      newSvgElement("line", { class: kind, x1: x(0), x2: x(this.lengthS), y1: y(p), y2: y(p) });
    const elements = [];
    for (const p of [0, 0.25, 0.5, 0.75, 1]) {
      elements.push(level("grid", p));
      elements.push(newSvgElement("text", { x: MARGIN.left - 8, y: y(p) + 4, "text-anchor": "end" }, `${100 * p}%`));
    }
    const maxTicks = Math.min(8, width / 70);
    const stepS = [0.1, 0.25, 0.5, 1, 2, 5].find((step) => this.lengthS / step <= maxTicks) ?? 10;
    for (let t = 0; t <= this.lengthS + 1e-9; t += stepS) {
      elements.push(newSvgElement("text", { x: x(t), y: y(0) + 18, "text-anchor": "middle" }, `${+t.toFixed(2)} s`));
    }
    elements.push(level("chance", 1 / nLabels));
    return elements;
  }
}

function curve(kind, points, { x, y }) {
  const ends = points.length > 1 ? points : [points[0], points[0]]; // a polyline of a single point is not drawn
  const text = ends.map(([t, p]) => `${x(t).toFixed(1)},${y(p).toFixed(1)}`).join(" ");
  return newSvgElement("polyline", { class: kind, points: text });
}

function name(kind, label, { x, baseline, anchor }) {
  const text = label.length > MAX_NAME_LENGTH ? `${label.slice(0, MAX_NAME_LENGTH - 1)}…` : label;
  return newSvgElement("text", { class: kind, x, y: Math.max(baseline, 12), "text-anchor": anchor }, text);
}
