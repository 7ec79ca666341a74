// The latency table: milliseconds of each stage of the newest decisions.

import { newElement, setText } from "../dom.js";

const STAGES = { age: "Sample age", preprocess: "Preprocess", encode: "Encode", retrieve: "Retrieve" };

export function showLatency(byId, { latency }) {
  const rows = [...latency].map(([stage, values]) => {
    const texts = [STAGES[stage] ?? stage, threeDigits(quantile(values, 0.5)), threeDigits(quantile(values, 0.99))];
    return newElement("tr", {}, ...texts.map((text) => newElement("td", {}, text)));
  });
  byId("latency").tBodies[0].replaceChildren(...rows);
  const nDecisions = Math.max(0, ...[...latency.values()].map((values) => values.length));
  setText(byId("latency-note"), `ms, last ${nDecisions}`);
}

const threeDigits = (ms) => ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0);

/** The q-quantile (0 to 1) of some numbers. */
export function quantile(values, q) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}
