// The decision as it grows: confidence of the leading labels against seconds since onset, the previous trial faint.

import { write } from "./decision.js";

const LEFT = 40, RIGHT = 18, TOP = 8, BOTTOM = 24;

export class GrowthChart {
  constructor(svg, note) { this.svg = svg; this.note = note; this.lengthS = 0; }

  show({ trial, before, hello }) {
    const { svg } = this, width = svg.clientWidth, height = svg.clientHeight;
    if (!hello || width < LEFT + RIGHT + 40) return;
    const since = trial?.last?.since_onset_s ?? 0;
    this.lengthS = Math.max(hello.window_s[1], this.lengthS, since);
    const x = (t) => LEFT + (t / this.lengthS) * (width - LEFT - RIGHT);
    const y = (p) => TOP + (1 - p) * (height - TOP - BOTTOM);
    const parts = [...this.axes(x, y, width, hello.labels.length)];
    const winner = before?.last?.top[0].label;
    if (winner) parts.push(line("before", before.lines.get(winner), x, y));
    if (trial?.last) parts.push(...this.present(trial, x, y));
    svg.replaceChildren(...parts);
    write(this.note, [winner && `previous trial dashed: ${winner}`, "chance dotted"].filter(Boolean).join(", "));
  }

  present(trial, x, y) {
    const labels = trial.last.top.map(({ label }) => label), first = labels[0], parts = [];
    for (const label of labels.slice(1)) if (label !== trial.label) parts.push(line("other", trial.lines.get(label), x, y));
    const named = [["first", first]];
    if (trial.label !== null && trial.label !== first && trial.lines.has(trial.label)) named.unshift(["shown", trial.label]);
    if (trial.decidedAt !== null) {
      parts.push(make("line", { class: "decided", x1: x(trial.decidedAt), x2: x(trial.decidedAt), y1: y(1), y2: y(0) }));
    }
    let taken = Infinity;
    for (const [kind, label] of named.reverse()) {
      const points = trial.lines.get(label), [t, p] = points.at(-1);
      parts.push(line(kind, points, x, y));
      const late = t > 0.7 * this.lengthS; // no room on the right: the name stands above its line's end, or below the top
      let at = y(p) + (!late ? 4 : y(p) < 20 ? 16 : -8);
      if (Math.abs(at - taken) < 14) at = taken + (late ? 22 : 14);
      taken = at;
      const place = { x: x(t) + (late ? 0 : 8), y: Math.max(at, 12), "text-anchor": late ? "end" : "start" };
      parts.push(make("text", { class: kind, ...place }, label.length > 24 ? `${label.slice(0, 23)}…` : label));
    }
    return parts;
  }

  *axes(x, y, width, nLabels) {
    for (const p of [0, 0.25, 0.5, 0.75, 1]) {
      yield make("line", { class: "grid", x1: x(0), x2: x(this.lengthS), y1: y(p), y2: y(p) });
      yield make("text", { x: LEFT - 8, y: y(p) + 4, "text-anchor": "end" }, `${100 * p}%`);
    }
    const most = Math.min(8, width / 70);
    const step = [0.1, 0.25, 0.5, 1, 2, 5].find((value) => this.lengthS / value <= most) ?? 10;
    for (let t = 0; t <= this.lengthS + 1e-9; t += step) {
      yield make("text", { x: x(t), y: y(0) + 18, "text-anchor": "middle" }, `${+t.toFixed(2)} s`);
    }
    yield make("line", { class: "chance", x1: x(0), x2: x(this.lengthS), y1: y(1 / nLabels), y2: y(1 / nLabels) });
  }
}

function line(kind, known, x, y) {
  const points = known.length > 1 ? known : [known[0], known[0]]; // one point alone would not be drawn
  return make("polyline", { class: kind, points: points.map(([t, p]) => `${x(t).toFixed(1)},${y(p).toFixed(1)}`).join(" ") });
}

function make(name, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
