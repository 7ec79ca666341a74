// What surrounds the traces: seconds, gaps, artifacts, onsets, channel names and the scale bar; traces.js sets the scale.
// A `view` says where things are: see `Traces.view`. A `pen` is the 2D context of the canvas.

export const MARGIN = { left: 46, right: 60, top: 20, bottom: 22 }; // pixels
const NAME_HEIGHT = 11;
const SCALE_BAR_HEIGHT = 30; // at least, if rows are lower than this

const microvolts = (uv) => (uv < 1000 ? `${+uv.toPrecision(3)} µV` : `${+(uv / 1000).toPrecision(2)} mV`);

/** A line for each second of the window, with how long ago it was. */
export function drawSeconds(pen, view, colours) {
  pen.fillStyle = colours.muted;
  pen.strokeStyle = colours.line;
  pen.lineWidth = 1;
  pen.textBaseline = "alphabetic";
  pen.textAlign = "center";
  for (let ago = 0; ago < view.seconds; ago++) {
    const x = Math.round(view.x(view.tEnd - ago)) - 0.5;
    drawVertical(pen, x, MARGIN.top - 4, view.bottom + 4);
    pen.fillText(ago === 0 ? "now" : `−${ago} s`, x, view.bottom + 17);
  }
}

/** Shade the spans without samples. */
export function drawGaps(pen, view, spans, colours) {
  pen.fillStyle = colours.warn;
  pen.globalAlpha = 0.15;
  for (const span of spans) fillSpan(pen, view, span);
  pen.globalAlpha = 1;
}

/** Shade the spans with artifacts, with a bar under each. */
export function drawArtifacts(pen, view, spans, colours) {
  pen.fillStyle = colours.warn;
  for (const span of spans) {
    if (span.to < view.tStart) continue;
    pen.globalAlpha = 0.08;
    fillSpan(pen, view, span);
    pen.globalAlpha = 0.9;
    pen.fillRect(view.x(span.from), view.bottom + 1, view.x(span.to) - view.x(span.from), 3);
  }
  pen.globalAlpha = 1;
}

/** A dashed line at each trial onset, with its text cut to the room before the next one. */
export function drawOnsets(pen, view, onsets, colours) {
  pen.textAlign = "left";
  pen.lineWidth = 1;
  pen.strokeStyle = colours.accent;
  pen.fillStyle = colours.accent;
  for (const [i, { t, text }] of onsets.entries()) {
    if (t < view.tStart) continue;
    const x = Math.round(view.x(t)) + 0.5;
    pen.setLineDash([3, 3]);
    drawVertical(pen, x, 2, view.bottom + 4);
    pen.setLineDash([]);
    const room = view.x(onsets[i + 1]?.t ?? Number.POSITIVE_INFINITY) - x - 10;
    let visible = text;
    while (visible && pen.measureText(visible).width > room) visible = visible.slice(0, -1);
    pen.fillText(visible, x + 5, 11);
  }
}

/** The channel names: as many as there is room for, and every bad channel, struck out. */
export function drawNames(pen, view, channels, badChannels, colours) {
  const every = Math.ceil(NAME_HEIGHT / view.rowHeight);
  const bad = channels.map((name) => badChannels.has(name));
  const right = MARGIN.left - 8;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (const [c, name] of channels.entries()) {
    const nearBad = every > 1 && bad.slice(Math.max(0, c - every + 1), c + every).some(Boolean);
    if (!bad[c] && (c % every || nearBad)) continue;
    const y = view.baseline(c);
    pen.fillStyle = bad[c] ? colours.warn : colours.muted;
    pen.fillText(name, right, y);
    if (bad[c]) {
      const { width } = pen.measureText(name);
      pen.fillRect(right - width, Math.round(y), width, 1);
    }
  }
}

/** A bar as high as the microvolts written next to it. `spacing`: microvolts between two baselines. */
export function drawScaleBar(pen, view, spacing, colours) {
  if (!spacing) return;
  const nRows = Math.max(1, Math.round(SCALE_BAR_HEIGHT / view.rowHeight));
  const height = view.rowHeight * nRows;
  const x = view.width - MARGIN.right + 10;
  const top = view.bottom - height;
  pen.strokeStyle = colours.ink;
  pen.fillStyle = colours.ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const y of [top, top + height]) {
    pen.moveTo(x - 3, y);
    pen.lineTo(x + 3, y);
  }
  pen.moveTo(x, top);
  pen.lineTo(x, top + height);
  pen.stroke();
  pen.textAlign = "left";
  pen.fillText(microvolts(spacing * nRows), x + 7, top + height / 2);
}

function drawVertical(pen, x, top, bottom) {
  pen.beginPath();
  pen.moveTo(x, top);
  pen.lineTo(x, bottom);
  pen.stroke();
}

function fillSpan(pen, view, { from, to }) {
  pen.fillRect(view.x(from), MARGIN.top - 4, view.x(to) - view.x(from), view.bottom - MARGIN.top + 8);
}
