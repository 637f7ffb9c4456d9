// The labels of the last minute, as a strip: as high as the network was sure, the present label in the accent's colour.
const SPAN_MS = 60000;
const STEP_MS = 250;

export class Timeline {
  constructor(canvas) {
    this.canvas = canvas;
    this.parts = [];
  }

  add(label, score) {
    const now = performance.now();
    const last = this.parts.at(-1);
    if (last && now - last.at < STEP_MS && last.label === label) return;
    this.parts.push({ at: now, label, score });
    while (this.parts.length > 1 && this.parts[1].at < now - SPAN_MS) this.parts.shift();
  }

  draw() {
    const { canvas } = this;
    const ratio = devicePixelRatio || 1;
    const width = (canvas.width = Math.round(canvas.clientWidth * ratio));
    const height = (canvas.height = Math.round(canvas.clientHeight * ratio));
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    const colour = (name) => style.getPropertyValue(name).trim();
    const size = parseFloat(style.fontSize) * 0.8 * ratio;
    const band = height - size * 1.5;
    const now = performance.now();
    const x = (at) => width * (1 - (now - at) / SPAN_MS);
    pen.fillStyle = colour("--track");
    pen.fillRect(0, band - ratio, width, ratio);
    const current = this.parts.at(-1)?.label;
    this.parts.forEach((part, n) => {
      const from = x(part.at);
      const to = x(this.parts[n + 1]?.at ?? now);
      const tall = Math.max(2 * ratio, band * part.score);
      pen.fillStyle = colour(part.label === current ? "--accent" : "--line");
      pen.fillRect(from, band - tall, Math.max(to - from, 0.5) + 0.5, tall);
    });
    pen.font = `${size}px ${style.fontFamily}`;
    pen.textBaseline = "bottom";
    for (const run of this.runs()) {
      const left = Math.max(x(run.from), 0);
      const room = x(run.to ?? now) - left - size * 0.5;
      pen.fillStyle = colour(run.to === undefined ? "--ink" : "--soft");
      if (pen.measureText(run.label).width <= room) pen.fillText(run.label, left, height);
    }
  }

  runs() {
    const runs = [];
    for (const part of this.parts) {
      if (runs.at(-1)?.label === part.label) continue;
      if (runs.length) runs.at(-1).to = part.at;
      runs.push({ label: part.label, from: part.at });
    }
    return runs;
  }
}
