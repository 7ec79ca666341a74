// The tally: how many of the finished trials were decoded right.

import { newElement, setText } from "../dom.js";

const percent = (n, total) => `${Math.round((100 * n) / total)}%`;

export function showTally(byId, { tally, hello }) {
  if (!hello) return;
  const nLabels = hello.labels.length;
  const withTop5 = nLabels > 5; // with five labels or fewer the top 5 is always right
  setText(byId("tally-trials"), String(tally.trials));
  setText(byId("tally-note"), `${nLabels} labels`);
  setText(byId("tally-top1"), tally.labelled ? percent(tally.top1, tally.labelled) : "–");
  setText(byId("tally-chance1"), `chance ${percent(1, nLabels)}`);
  byId("tally-top5-figure").hidden = !withTop5;
  byId("tally-top5-legend").hidden = !withTop5;
  setText(byId("tally-top5"), tally.labelled ? percent(tally.top5, tally.labelled) : "–");
  setText(byId("tally-chance5"), `chance ${percent(Math.min(5, nLabels), nLabels)}`);
  showHistory(byId("tally-history"), tally, withTop5);
}

/** One square for each of the latest trials. Drawn anew only after another trial. */
function showHistory(list, { trials, history }, withTop5) {
  if (list.dataset.trials === String(trials)) return;
  list.dataset.trials = trials;
  const items = history.map(({ shown, decoded, rank }) => {
    const title = `shown ${shown}, decoded ${decoded}`;
    const className = rank === 0 ? "top1" : rank > 0 && withTop5 ? "top5" : "miss";
    return newElement("li", { className, ariaLabel: title, title });
  });
  list.replaceChildren(...items);
}
