// The decision panel: what was shown, what is decoded, and the five most likely labels as bars.

const ROWS = 5;

export class DecisionPanel {
  constructor(find) {
    this.find = find;
    this.rows = Array.from({ length: ROWS }, () => {
      const row = document.createElement("li");
      row.hidden = true;
      const [label, percent, track, fill] = ["label", "percent", "track", "fill"].map((name) => {
        const part = document.createElement(name === "track" || name === "fill" ? "div" : "span");
        part.className = name;
        return part;
      });
      track.append(fill);
      row.append(label, percent, track);
      find("bars").append(row);
      return { row, label, percent, fill };
    });
  }

  show({ trial, decision }) {
    if (!decision) return;
    const { find } = this, inTrial = trial?.last === decision, decided = inTrial && decision.decided;
    const waiting = trial && !trial.last, shown = trial?.shown ?? "–";
    write(find("shown"), trial?.over ? "–" : shown);
    write(find("decoded"), waiting ? "…" : trial && !inTrial ? "–" : decision.top[0]?.label ?? "–");
    write(find("since"), inTrial ? `trial ${trial.trial}, ${decision.since_onset_s.toFixed(2)} s since onset` : "between trials");
    const verdict = !inTrial ? "" : !decided ? "deciding" : trial.label === null ? "decided"
      : trial.label === decision.top[0].label ? "match" : "differs";
    write(find("verdict"), { match: "✓ match", differs: "✗ differs", decided: "decided", deciding: "deciding…", "": "–" }[verdict]);
    find("verdict").className = `verdict ${verdict}`;
    find("bars").classList.toggle("decided", decided);
    this.rows.forEach(({ row, label, percent, fill }, i) => {
      const candidate = decision.top[i];
      row.hidden = !candidate;
      if (!candidate) return;
      const text = `${(100 * candidate.p).toFixed(1)} %`;
      write(label, candidate.label);
      write(percent, text);
      fill.style.transform = `scaleX(${candidate.p})`;
      row.classList.toggle("shown", inTrial && candidate.label === trial.label);
    });
  }
}

export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
