// One line of a chart with more points than pixels, on a canvas.

/** Adds points to the path of `pen`. If `thin`, only the minimum and maximum of each column of pixels are added. */
export class ColumnLine {
  constructor(pen, thin) {
    this.pen = pen;
    this.thin = thin;
    this.column = -1; // the column being collected; -1: none
    this.low = 0;
    this.high = 0;
    this.started = false;
  }

  add(x, y) {
    if (!this.thin) {
      this.lineTo(x, y);
    } else if (Math.floor(x) === this.column) {
      this.low = Math.min(this.low, y);
      this.high = Math.max(this.high, y);
    } else {
      this.flush();
      this.column = Math.floor(x);
      this.low = y;
      this.high = y;
    }
  }

  /** Leave a gap before the next point. */
  break() {
    this.flush();
    this.column = -1;
    this.started = false;
  }

  /** Draw the column that was collected. */
  flush() {
    if (this.column < 0) return;
    this.lineTo(this.column, this.low);
    if (this.high !== this.low) this.lineTo(this.column, this.high);
  }

  lineTo(x, y) {
    if (this.started) this.pen.lineTo(x, y);
    else this.pen.moveTo(x, y);
    this.started = true;
  }
}
