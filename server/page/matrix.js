/** The transition matrix, with the row we are in and the jumps as they happen. */
import { ask } from "./access.js";
import { fitCanvas, palette } from "./canvas.js";

const FLASH_MS = 700;
const FADE_MS = 6000;
const SETTLE_MS = 250;

export class MatrixView {
  #segments = 0;
  #current = null;
  #jumps = [];
  #version = 0;
  #timer = 0;

  /**
   * @param {HTMLImageElement} image
   * @param {HTMLCanvasElement} canvas lies over the image, same size
   * @param {MediaQueryList} calm matches where motion is to be reduced
   */
  constructor(image, canvas, calm) {
    Object.assign(this, { image, canvas, calm });
  }

  /** @param {{segments: number}} texture */
  configure({ segments }) {
    this.#segments = segments;
    this.#jumps = [];
    this.image.classList.toggle("coarse", segments < this.canvas.clientWidth / 2);
    this.image.alt = `Transition matrix, ${segments} by ${segments} segments: rows are from, columns are to`;
  }

  /** Fetches the picture anew, once a burst of changes has settled; the old one stays until then. */
  refresh() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(), SETTLE_MS);
  }

  async #load() {
    const fresh = new Image();
    this.#version += 1;
    const version = this.#version;
    try {
      const response = await ask("api/matrix.png", { cache: "no-store" });
      if (!response.ok) return;
      fresh.src = URL.createObjectURL(await response.blob());
      await fresh.decode();
    } catch {
      return; // the server has gone; its return brings another refresh
    }
    if (version !== this.#version) return URL.revokeObjectURL(fresh.src);
    URL.revokeObjectURL(this.image.src);
    this.image.src = fresh.src;
    this.image.hidden = false;
  }

  /** @param {{segment: number, previous: number, jump: boolean}} step @param {number} now_ms */
  step({ segment, previous, jump }, now_ms) {
    this.#current = segment;
    if (!jump) return;
    this.#jumps = this.#jumps.filter(({ at_ms }) => now_ms - at_ms < FADE_MS);
    this.#jumps.push({ segment, previous, at_ms: now_ms });
  }

  /** @param {number} now_ms */
  draw(now_ms) {
    const { context, width, height } = fitCanvas(this.canvas);
    context.clearRect(0, 0, width, height);
    if (!this.#segments || this.#current === null) return;
    const { ink, accent } = palette();
    const cell = width / this.#segments;
    const middle = (index) => (index + 0.5) * cell;
    context.fillStyle = ink;
    context.globalAlpha = 0.2;
    context.fillRect(0, middle(this.#current) - Math.max(1, cell / 2), width, Math.max(2, cell));
    context.globalAlpha = 0.95;
    dot(context, middle(this.#current), middle(this.#current), 2.2);
    for (const jump of this.#jumps) {
      this.#mark(context, middle(jump.segment), middle(jump.previous), now_ms - jump.at_ms, { ink, accent });
    }
    context.globalAlpha = 1;
  }

  #mark(context, x, y, age_ms, { ink, accent }) {
    if (age_ms >= FADE_MS) return;
    context.globalAlpha = 1 - age_ms / FADE_MS;
    context.fillStyle = context.strokeStyle = accent;
    dot(context, x, y, 3.2);
    if (age_ms >= FLASH_MS) return;
    const flash = age_ms / FLASH_MS;
    context.globalAlpha = 1 - flash;
    context.lineWidth = 1.5;
    context.beginPath();
    context.arc(x, y, this.calm.matches ? 7 : 4 + 12 * flash, 0, 2 * Math.PI);
    context.stroke();
    context.fillStyle = ink;
    dot(context, x, y, 3.2);
  }
}

function dot(context, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
