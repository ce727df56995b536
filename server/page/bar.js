/** The position bar: the source clip from end to end, where we are in it, its cuts and our jumps. */
import { fitCanvas, palette } from "./canvas.js";

const TRAIL_S = 2.4;
const ARC_MS = 3200;
const LANDING_MS = 240; // the shortest time an arc takes to be drawn
const MARGIN = 9;
const BASE = 28; // from the canvas's foot to the bar's middle
const LABEL_ROOM = 64; // the ends' labels give way to the marker's

export class PositionBar {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./playhead.js").Playhead} playhead
   * @param {MediaQueryList} calm matches where motion is to be reduced
   */
  constructor(canvas, playhead, calm) {
    Object.assign(this, { canvas, playhead, calm });
    this.texture = null;
  }

  /** @param {{duration_s: number, cuts_s: number[]}} texture */
  configure(texture) {
    this.texture = texture;
    const cuts = texture.cuts_s.length;
    this.canvas.ariaLabel =
      `Position in the source clip of ${texture.duration_s.toFixed(1)} seconds` +
      (cuts ? `, with ${cuts} hard cut${cuts > 1 ? "s" : ""}` : "");
  }

  /** @param {number} now_ms */
  draw(now_ms) {
    const { context, width, height } = fitCanvas(this.canvas);
    const { ink, quiet, accent, font } = palette();
    const y = height - BASE;
    context.clearRect(0, 0, width, height);
    this.#line(context, MARGIN, width - MARGIN, y, ink, 0.22);
    if (!this.texture) return;
    const x = (time_s) =>
      MARGIN + Math.min(1, Math.max(0, time_s / this.texture.duration_s)) * (width - 2 * MARGIN);
    this.#cuts(context, x, y, ink);
    this.#trail(context, x, y, now_ms, ink);
    for (const jump of this.playhead.jumps) this.#arc(context, x, y, now_ms, jump, accent);
    const position_s = this.playhead.at(now_ms);
    this.#marker(context, x(position_s ?? 0), y, ink, position_s === null ? 0 : 1);
    context.font = `12px ${font}`;
    this.#labels(context, x, height - 3, position_s, { ink, quiet, width });
    context.globalAlpha = 1;
  }

  #line(context, from, to, y, colour, alpha) {
    context.globalAlpha = alpha;
    context.strokeStyle = colour;
    context.lineWidth = 4;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(from, y);
    context.lineTo(to, y);
    context.stroke();
  }

  #cuts(context, x, y, ink) {
    context.globalAlpha = 0.75;
    context.fillStyle = ink;
    for (const cut_s of this.texture.cuts_s) context.fillRect(Math.round(x(cut_s)) - 0.75, y - 7, 1.5, 14);
  }

  #trail(context, x, y, now_ms, ink) {
    for (const run of this.playhead.runs) {
      const end_s = run.end_s ?? this.playhead.at(now_ms);
      const age = run.end_ms === null ? 0 : (now_ms - run.end_ms) / (1000 * TRAIL_S);
      const begin_s = Math.max(run.start_s, end_s - TRAIL_S);
      if (age >= 1 || end_s <= begin_s) continue;
      const fade = context.createLinearGradient(x(end_s - TRAIL_S), 0, x(end_s), 0);
      fade.addColorStop(0, "transparent");
      fade.addColorStop(1, ink);
      this.#line(context, x(begin_s), x(end_s), y, fade, 0.95 * (1 - age));
    }
  }

  #arc(context, x, y, now_ms, jump, accent) {
    const age_ms = now_ms - jump.at_ms;
    if (age_ms >= ARC_MS) return;
    const drawn = this.calm.matches ? 1 : Math.min(1, age_ms / Math.max(LANDING_MS, jump.travel_ms));
    const curve = arcBetween(x(jump.from_s), x(jump.to_s), y - 4, y - 8);
    context.globalAlpha = (1 - age_ms / ARC_MS) ** 1.4;
    context.strokeStyle = accent;
    context.lineWidth = 1.75;
    context.beginPath();
    context.moveTo(...curve(0));
    const pieces = Math.max(1, Math.ceil(32 * drawn));
    for (let piece = 1; piece <= pieces; piece += 1) context.lineTo(...curve((drawn * piece) / pieces));
    context.stroke();
    context.fillStyle = accent;
    context.beginPath();
    context.arc(...curve(drawn), 2.6, 0, 2 * Math.PI);
    context.fill();
  }

  #marker(context, x, y, ink, strength) {
    for (const [radius, alpha] of [[10, 0.14], [5.5, 1]]) {
      context.globalAlpha = strength * alpha;
      context.fillStyle = ink;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    }
  }

  #labels(context, x, y, position_s, { ink, quiet, width }) {
    const { duration_s } = this.texture;
    const at = position_s === null ? null : x(position_s);
    for (const [time_s, align] of [[0, "left"], [duration_s, "right"]]) {
      context.globalAlpha = at === null ? 1 : Math.min(1, Math.max(0, Math.abs(at - x(time_s)) / LABEL_ROOM - 0.5));
      context.fillStyle = quiet;
      context.textAlign = align;
      context.fillText(seconds(time_s), x(time_s) + (align === "left" ? -2 : 2), y);
    }
    if (at === null) return;
    const half = context.measureText(seconds(position_s)).width / 2 + MARGIN - 2;
    context.globalAlpha = 1;
    context.fillStyle = ink;
    context.textAlign = "center";
    context.fillText(seconds(position_s), Math.min(width - half, Math.max(half, at)), y);
  }
}

function seconds(time_s) {
  return time_s === 0 ? "0 s" : `${time_s.toFixed(1)} s`;
}

/** A point (x, y) of the arc for a parameter 0 to 1; long jumps rise higher, none above the canvas. */
function arcBetween(from, to, foot, room) {
  const rise = Math.min(room, 5 + 0.28 * Math.abs(to - from));
  return (part) => [from + (to - from) * part, foot - 4 * rise * part * (1 - part)];
}
