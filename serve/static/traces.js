// Scrolling traces of all channels on a canvas: stacked, scaled by themselves, thinned to minimum and maximum per pixel.

const microvolts = (uv) => uv < 1000 ? `${+uv.toPrecision(3)} µV` : `${+(uv / 1000).toPrecision(2)} mV`;
const WINDOW_S = 6, GUTTER = 46, MARGIN = 60, FOOT = 22, HEAD = 20, FRAME_MS = 30;

export class Traces {
  constructor(canvas) {
    this.canvas = canvas;
    this.channels = [];
    this.marks = []; // {t, text}: trial onsets
    this.bad = new Set(); // names of the channels flagged in the newest decision
    this.artifacts = []; // {from, to}: spans with blinks or bursts
    this.ring = null;
    this.spacing = 0; // microvolts from one channel's baseline to the next
    this.clock = null; // LSL time minus page time, seconds: lets the traces move between two frames
    this.drawn = 0;
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", () => this.readColours());
    this.readColours();
    const draw = (now) => {
      if (now - this.drawn >= FRAME_MS && this.ring) { this.drawn = now; this.draw(now / 1000); }
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
  }

  readColours() {
    const style = getComputedStyle(document.documentElement);
    this.colours = Object.fromEntries(
      ["ink", "muted", "line", "trace", "accent", "warn", "card"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
  }

  mark(t, text) {
    if (!this.marks.some((mark) => mark.t === t)) this.marks.push({ t, text });
    if (this.marks.length > 50) this.marks.shift();
  }

  /** Take what a decision says of the signal of its hop. */
  flag({ t_lsl: to, quality: { bad_channels: bad, artifact } }, hopS) {
    this.bad = new Set(bad);
    if (!artifact) return;
    const last = this.artifacts.at(-1), from = to - hopS;
    if (last && from - last.to < hopS && to >= last.from) last.to = Math.max(last.to, to);
    else this.artifacts.push({ from, to });
    if (this.artifacts.length > 50) this.artifacts.shift();
  }

  /** What is drawn, in words. */
  note() {
    const seen = this.ring && this.artifacts.some(({ to }) => to > this.ring.tLast - WINDOW_S);
    const bad = this.bad.size && `${this.bad.size} bad ${this.bad.size > 1 ? "channels" : "channel"} struck out`;
    return [`last ${WINDOW_S} s`, "onsets dashed", seen && "artifacts barred", bad].filter(Boolean).join(", ");
  }

  add({ tFirst, sfreq, nTimes, nChannels, samples }) {
    let ring = this.ring;
    if (!ring || ring.nChannels !== nChannels || ring.sfreq !== sfreq || tFirst < ring.tLast - 1) {
      const size = Math.ceil(WINDOW_S * sfreq * 1.1) + 1;
      ring = this.ring = {
        nChannels, sfreq, size, n: 0, tLast: tFirst,
        times: new Float64Array(size), broken: new Uint8Array(size), data: new Float32Array(size * nChannels),
      };
      this.clock = null;
    }
    for (let i = 0; i < nTimes; i++) {
      const at = ring.n % ring.size, t = tFirst + i / sfreq;
      ring.broken[at] = ring.n > 0 && t - ring.tLast > 2.5 / sfreq ? 1 : 0; // thinning may leave a sample over
      ring.times[at] = ring.tLast = t;
      ring.data.set(samples.subarray(i * nChannels, (i + 1) * nChannels), at * nChannels);
      ring.n += 1;
    }
    const clock = ring.tLast - performance.now() / 1000;
    this.clock = this.clock === null || Math.abs(clock - this.clock) > 0.5 ? clock : this.clock + 0.05 * (clock - this.clock);
  }

  draw(now) {
    const { canvas, ring, colours } = this;
    const scale = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const right = Math.min(now + this.clock, ring.tLast + 0.1), left = right - WINDOW_S;
    const x = (t) => GUTTER + ((t - left) / WINDOW_S) * (width - GUTTER - MARGIN);
    const bottom = height - FOOT, step = (bottom - HEAD) / ring.nChannels;

    pen.font = `11px ${getComputedStyle(canvas).fontFamily}`;
    this.drawGrid(pen, x, right, bottom, colours);
    const first = Math.max(0, ring.n - ring.size), stats = this.measure(first, left);
    pen.save();
    pen.beginPath();
    pen.rect(GUTTER, HEAD - 4, width - GUTTER - MARGIN, bottom - HEAD + 8);
    pen.clip();
    this.drawGaps(pen, x, first, bottom, colours);
    this.drawArtifacts(pen, x, left, bottom, colours);
    pen.lineWidth = 1;
    pen.lineJoin = "round";
    for (let c = 0; c < ring.nChannels; c++) {
      const bad = this.bad.has(this.channels[c]);
      pen.strokeStyle = bad ? colours.muted : colours.trace;
      pen.globalAlpha = bad ? 0.4 : 1;
      this.drawChannel(pen, x, c, first, left, HEAD + (c + 0.5) * step, step, stats[c], bad ? step : Infinity);
    }
    pen.globalAlpha = 1;
    pen.restore();
    this.drawMarks(pen, x, left, bottom, colours);
    this.drawNames(pen, step, colours);
    this.drawScale(pen, width, height, step, colours);
  }

  /** Mean of every channel in sight; also chooses the spacing, in steps of 1, 2, 5. */
  measure(first, left) {
    const { ring } = this, means = new Float64Array(ring.nChannels), spreads = [];
    for (let c = 0; c < ring.nChannels; c++) {
      let sum = 0, squares = 0, count = 0;
      for (let i = first; i < ring.n; i++) {
        const at = i % ring.size;
        if (ring.times[at] < left) continue;
        const value = ring.data[at * ring.nChannels + c];
        sum += value; squares += value * value; count += 1;
      }
      means[c] = count ? sum / count : 0;
      if (count) spreads.push(Math.sqrt(Math.max(0, squares / count - means[c] ** 2)));
    }
    spreads.sort((a, b) => a - b);
    const wanted = 3 * (spreads[spreads.length >> 1] ?? 0); // by the peaks one blink would flatten all the rest
    if (wanted > 0 && (wanted > this.spacing || wanted < 0.3 * this.spacing)) {
      const unit = 10 ** Math.floor(Math.log10(wanted));
      this.spacing = [1, 2, 5, 10].map((k) => k * unit).find((value) => value >= wanted);
    }
    return means;
  }

  /** One trace, kept within `reach` pixels of its baseline. */
  drawChannel(pen, x, c, first, left, middle, step, mean, reach) {
    const { ring } = this, gain = step / (this.spacing || 1);
    const dense = (ring.sfreq * WINDOW_S) / Math.max(1, x(left + WINDOW_S) - GUTTER) > 1.5;
    let column = -1, low = 0, high = 0, down = false;
    pen.beginPath();
    const point = (px, py) => { if (down) pen.lineTo(px, py); else pen.moveTo(px, py); down = true; };
    const flush = () => { if (column >= 0) { point(column, low); if (high !== low) point(column, high); } };
    for (let i = first; i < ring.n; i++) {
      const at = i % ring.size, t = ring.times[at];
      if (t < left - 0.05) continue;
      const up = (ring.data[at * ring.nChannels + c] - mean) * gain;
      const px = x(t), py = middle - Math.max(-reach, Math.min(reach, up));
      if (ring.broken[at]) { flush(); column = -1; down = false; }
      if (!dense) { point(px, py); continue; }
      if (Math.floor(px) === column) { low = Math.min(low, py); high = Math.max(high, py); continue; }
      flush();
      column = Math.floor(px); low = high = py;
    }
    flush();
    pen.stroke();
  }

  drawGrid(pen, x, right, bottom, colours) {
    pen.fillStyle = colours.muted;
    pen.strokeStyle = colours.line;
    pen.lineWidth = 1;
    pen.textBaseline = "alphabetic";
    for (let ago = 0; ago < WINDOW_S; ago++) {
      const px = Math.round(x(right - ago)) - 0.5;
      pen.beginPath(); pen.moveTo(px, HEAD - 4); pen.lineTo(px, bottom + 4); pen.stroke();
      pen.textAlign = "center";
      pen.fillText(ago === 0 ? "now" : `−${ago} s`, px, bottom + 17);
    }
  }

  drawGaps(pen, x, first, bottom, colours) {
    const { ring } = this;
    pen.fillStyle = colours.warn;
    pen.globalAlpha = 0.15;
    for (let i = first + 1; i < ring.n; i++) {
      if (!ring.broken[i % ring.size]) continue;
      const from = x(ring.times[(i - 1) % ring.size]), to = x(ring.times[i % ring.size]);
      pen.fillRect(from, HEAD - 4, to - from, bottom - HEAD + 8);
    }
    pen.globalAlpha = 1;
  }

  drawArtifacts(pen, x, left, bottom, colours) {
    pen.fillStyle = colours.warn;
    for (const { from, to } of this.artifacts) {
      if (to < left) continue;
      pen.globalAlpha = 0.08;
      pen.fillRect(x(from), HEAD - 4, x(to) - x(from), bottom - HEAD + 8);
      pen.globalAlpha = 0.9;
      pen.fillRect(x(from), bottom + 1, x(to) - x(from), 3);
    }
    pen.globalAlpha = 1;
  }

  drawMarks(pen, x, left, bottom, colours) {
    pen.textAlign = "left";
    pen.lineWidth = 1;
    for (const [i, { t, text }] of this.marks.entries()) {
      if (t < left) continue;
      const px = Math.round(x(t)) + 0.5;
      pen.strokeStyle = pen.fillStyle = colours.accent;
      pen.setLineDash([3, 3]);
      pen.beginPath(); pen.moveTo(px, 2); pen.lineTo(px, bottom + 4); pen.stroke();
      pen.setLineDash([]);
      const room = x(this.marks[i + 1]?.t ?? Infinity) - px - 10;
      let short = text;
      while (short && pen.measureText(short).width > room) short = short.slice(0, -1);
      pen.fillText(short, px + 5, 11);
    }
  }

  drawNames(pen, step, colours) {
    const every = Math.ceil(11 / step), bad = this.channels.map((name) => this.bad.has(name));
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    this.channels.forEach((name, c) => {
      const y = HEAD + (c + 0.5) * step, crowded = bad.slice(Math.max(0, c - every + 1), c + every).some(Boolean);
      if (!bad[c] && (c % every || crowded && every > 1)) return; // a bad channel is named wherever it lies
      pen.fillStyle = bad[c] ? colours.warn : colours.muted;
      pen.fillText(name, GUTTER - 8, y);
      if (bad[c]) pen.fillRect(GUTTER - 8 - pen.measureText(name).width, Math.round(y), pen.measureText(name).width, 1);
    });
  }

  /** A bar as long as the microvolts written beside it. */
  drawScale(pen, width, height, step, colours) {
    if (!this.spacing) return;
    const bars = Math.max(1, Math.round(30 / step)), long = step * bars;
    const px = width - MARGIN + 10, top = height - FOOT - long;
    pen.strokeStyle = pen.fillStyle = colours.ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const y of [top, top + long]) { pen.moveTo(px - 3, y); pen.lineTo(px + 3, y); }
    pen.moveTo(px, top); pen.lineTo(px, top + long);
    pen.stroke();
    pen.textAlign = "left";
    pen.fillText(microvolts(this.spacing * bars), px + 7, top + long / 2);
  }
}
