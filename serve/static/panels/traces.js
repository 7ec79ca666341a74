// Scrolling traces of all channels on a canvas, stacked, on a scale that follows the signal.

import { ColumnLine } from "./column_line.js";
import { drawArtifacts, drawGaps, drawNames, drawOnsets, drawScaleBar, drawSeconds, MARGIN } from "./trace_axes.js";
import { TraceBuffer } from "./trace_buffer.js";

const WINDOW_S = 6;
const FRAME_INTERVAL_MS = 30;
const MAX_MARKS = 50; // onsets and artifacts that are kept
const COLOURS = ["ink", "muted", "line", "trace", "accent", "warn", "card"]; // custom properties of style.css

export class Traces {
  constructor(canvas) {
    this.canvas = canvas;
    this.channels = []; // names
    this.onsets = []; // trial onsets {t, text}
    this.badChannels = new Set(); // names, of the newest decision
    this.artifacts = []; // spans {from, to} with blinks or bursts
    this.buffer = null; // a TraceBuffer, once there are samples
    this.spacing = 0; // microvolts from one channel's baseline to the next
    this.clockOffset = null; // LSL time minus page time, seconds: the traces scroll on between two frames
    this.drawnAt = 0;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.readColours());
    this.readColours();
    const drawRegularly = (now) => {
      if (now - this.drawnAt >= FRAME_INTERVAL_MS && this.buffer) {
        this.drawnAt = now;
        this.draw(now / 1000);
      }
      requestAnimationFrame(drawRegularly);
    };
    requestAnimationFrame(drawRegularly);
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    this.colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`)]));
  }

  /** Add a trial onset. A repeated one is ignored: the server repeats messages after a reconnection. */
  addOnset(t, text) {
    if (!this.onsets.some((onset) => onset.t === t)) this.onsets.push({ t, text });
    if (this.onsets.length > MAX_MARKS) this.onsets.shift();
  }

  /** Take the bad channels and the artifact of a decision. Artifacts of successive hops become one span. */
  addQuality({ t_lsl: to, quality }, hopS) {
    this.badChannels = new Set(quality.bad_channels);
    if (!quality.artifact) return;
    const from = to - hopS;
    const last = this.artifacts.at(-1);
    if (last && from - last.to < hopS && to >= last.from) last.to = Math.max(last.to, to);
    else this.artifacts.push({ from, to });
    if (this.artifacts.length > MAX_MARKS) this.artifacts.shift();
  }

  /** What the canvas shows, in words. */
  note() {
    const withArtifacts = this.buffer && this.artifacts.some(({ to }) => to > this.buffer.tLast - WINDOW_S);
    const nBad = this.badChannels.size;
    const bad = nBad && `${nBad} bad ${nBad > 1 ? "channels" : "channel"} struck out`;
    return [`last ${WINDOW_S} s`, "onsets dashed", withArtifacts && "artifacts barred", bad].filter(Boolean).join(", ");
  }

  /** Add a frame of samples. */
  add(frame) {
    if (!this.buffer?.fits(frame)) {
      this.buffer = new TraceBuffer(frame, WINDOW_S);
      this.clockOffset = null;
    }
    this.buffer.add(frame);
    const offset = this.buffer.tLast - performance.now() / 1000;
    const jumped = this.clockOffset === null || Math.abs(offset - this.clockOffset) > 0.5;
    this.clockOffset = jumped ? offset : this.clockOffset + 0.05 * (offset - this.clockOffset);
  }

  /** Draw the window that ends now. `now`: page time in seconds. */
  draw(now) {
    const { buffer, colours } = this;
    const pen = this.clearCanvas();
    const view = this.view(Math.min(now + this.clockOffset, buffer.tLast + 0.1));
    drawSeconds(pen, view, colours);
    const means = this.measure(view.tStart);
    pen.save();
    pen.beginPath();
    pen.rect(MARGIN.left, MARGIN.top - 4, view.width - MARGIN.left - MARGIN.right, view.bottom - MARGIN.top + 8);
    pen.clip();
    drawGaps(pen, view, buffer.gapSpans(), colours);
    drawArtifacts(pen, view, this.artifacts, colours);
    for (let c = 0; c < buffer.nChannels; c++) this.drawChannel(pen, view, c, means[c]);
    pen.restore();
    drawOnsets(pen, view, this.onsets, colours);
    drawNames(pen, view, this.channels, this.badChannels, colours);
    drawScaleBar(pen, view, this.spacing, colours);
  }

  /** An empty canvas with as many pixels as the screen has there. */
  clearCanvas() {
    const { canvas } = this;
    const scale = devicePixelRatio;
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    pen.font = `11px ${getComputedStyle(canvas).fontFamily}`;
    return pen;
  }

  /** Where times (LSL seconds) and channels are on the canvas, in pixels. */
  view(tEnd) {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const tStart = tEnd - WINDOW_S;
    const bottom = height - MARGIN.bottom;
    const rowHeight = (bottom - MARGIN.top) / this.buffer.nChannels;
    return {
      width,
      bottom, // of the lowest row
      rowHeight,
      seconds: WINDOW_S,
      tStart,
      tEnd,
      x: (t) => MARGIN.left + ((t - tStart) / WINDOW_S) * (width - MARGIN.left - MARGIN.right),
      baseline: (channel) => MARGIN.top + (channel + 0.5) * rowHeight,
    };
  }

  /** The mean of each channel since `tStart`. Also sets the spacing, in steps of 1, 2, 5. */
  measure(tStart) {
    const statistics = Array.from({ length: this.buffer.nChannels }, (_, c) => this.buffer.statistics(c, tStart));
    const deviations = statistics.filter(Boolean).map(({ deviation }) => deviation);
    deviations.sort((a, b) => a - b);
    // The median channel decides, not the largest value: a blink would flatten all other traces.
    const uv = 3 * (deviations[deviations.length >> 1] ?? 0);
    if (uv > 0 && (uv > this.spacing || uv < 0.3 * this.spacing)) {
      const unit = 10 ** Math.floor(Math.log10(uv));
      this.spacing = [1, 2, 5, 10].map((step) => step * unit).find((spacing) => spacing >= uv);
    }
    return statistics.map((channel) => channel?.mean ?? 0);
  }

  /** Draw one trace around its baseline. A bad channel is faint and stays within its row. */
  drawChannel(pen, view, channel, mean) {
    const { buffer, colours } = this;
    const bad = this.badChannels.has(this.channels[channel]);
    const limit = bad ? view.rowHeight : Number.POSITIVE_INFINITY;
    const gain = view.rowHeight / (this.spacing || 1); // pixels per microvolt
    const baseline = view.baseline(channel);
    const plotWidth = Math.max(1, view.width - MARGIN.left - MARGIN.right);
    const line = new ColumnLine(pen, (buffer.sfreq * WINDOW_S) / plotWidth > 1.5);
    pen.lineWidth = 1;
    pen.lineJoin = "round";
    pen.strokeStyle = bad ? colours.muted : colours.trace;
    pen.globalAlpha = bad ? 0.4 : 1;
    pen.beginPath();
    for (let i = buffer.start; i < buffer.end; i++) {
      const row = i % buffer.size;
      const t = buffer.times[row];
      if (t < view.tStart - 0.05) continue;
      if (buffer.gaps[row]) line.break();
      const height = (buffer.data[row * buffer.nChannels + channel] - mean) * gain;
      line.add(view.x(t), baseline - Math.max(-limit, Math.min(limit, height)));
    }
    line.flush();
    pen.stroke();
  }
}
