// The newest samples of the traces, in a ring buffer. No DOM here.

const MAX_GAP_SAMPLES = 2.5; // thinning may leave a sample over, so a longer step alone is no gap

export class TraceBuffer {
  /** Room for `seconds` of samples (plus some spare) of the frame's rate and channels. */
  constructor({ tFirst, sfreq, nChannels }, seconds) {
    this.sfreq = sfreq;
    this.nChannels = nChannels;
    this.size = Math.ceil(seconds * sfreq * 1.1) + 1;
    this.end = 0; // index after the newest sample; sample i is in row i % size
    this.tLast = tFirst; // LSL time of the newest sample
    this.times = new Float64Array(this.size); // LSL seconds
    this.gaps = new Uint8Array(this.size); // 1: samples are missing before this one
    this.data = new Float32Array(this.size * nChannels); // microvolts
  }

  /** Index of the oldest sample. */
  get start() {
    return Math.max(0, this.end - this.size);
  }

  /** Whether a frame continues these samples: same channels and rate, and no jump back in time. */
  fits({ tFirst, sfreq, nChannels }) {
    return nChannels === this.nChannels && sfreq === this.sfreq && tFirst >= this.tLast - 1;
  }

  add({ tFirst, sfreq, nTimes, nChannels, samples }) {
    for (let i = 0; i < nTimes; i++) {
      const row = this.end % this.size;
      const t = tFirst + i / sfreq;
      this.gaps[row] = this.end > 0 && t - this.tLast > MAX_GAP_SAMPLES / sfreq ? 1 : 0;
      this.times[row] = t;
      this.data.set(samples.subarray(i * nChannels, (i + 1) * nChannels), row * nChannels);
      this.tLast = t;
      this.end += 1;
    }
  }

  /** Mean and standard deviation of a channel since `tStart`, or null if it has no samples since then. */
  statistics(channel, tStart) {
    let sum = 0;
    let squares = 0;
    let count = 0;
    for (let i = this.start; i < this.end; i++) {
      const row = i % this.size;
      if (this.times[row] < tStart) continue;
      const value = this.data[row * this.nChannels + channel];
      sum += value;
      squares += value * value;
      count += 1;
    }
    if (!count) return null;
    const mean = sum / count;
    return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean ** 2)) };
  }

  /** The spans {from, to} without samples. */
  *gapSpans() {
    for (let i = this.start + 1; i < this.end; i++) {
      if (!this.gaps[i % this.size]) continue;
      yield { from: this.times[(i - 1) % this.size], to: this.times[i % this.size] };
    }
  }
}
