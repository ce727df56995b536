/** When the overlay is seen: it fades by itself, hides on demand, and a kiosk never shows it. */

const FADE_AFTER_MS = 4000;
const NOTE_MS = 3500;

export class Overlay {
  #timer = 0;
  #noteTimer = 0;
  #pressed = false;
  #place = "";

  /**
   * @param {object} options
   * @param {HTMLElement} options.root carries the state as `data-overlay`: shown, faded, hidden or kiosk
   * @param {HTMLElement} options.controls what is made inert when hidden
   * @param {HTMLElement} options.stage the picture: a tap on it brings the overlay back
   * @param {HTMLElement} options.note one passing line
   * @param {boolean} options.kiosk
   * @param {(visible: boolean) => void} options.onVisible
   */
  constructor({ root, controls, stage, note, kiosk, onVisible }) {
    Object.assign(this, { root, controls, stage, note, kiosk, onVisible });
    this.#set(kiosk ? "kiosk" : "shown");
    if (kiosk) return;
    this.#listen();
    this.wake();
  }

  get state() {
    return this.root.dataset.overlay;
  }

  get visible() {
    return this.state === "shown";
  }

  /** Somebody is there: show, and start the wait for fading again. */
  wake() {
    if (this.kiosk || this.state === "hidden") return;
    this.#set("shown");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#pressed ? this.wake() : this.#set("faded")), FADE_AFTER_MS);
  }

  toggleHidden() {
    if (this.kiosk) return;
    if (this.state === "hidden") {
      this.#set("shown");
      this.wake();
      return;
    }
    clearTimeout(this.#timer);
    this.#set("hidden");
    this.say("Press H or click the picture to bring the controls back");
  }

  /** Shows one line for a moment. */
  say(text) {
    if (this.kiosk) return;
    this.note.textContent = text;
    this.note.classList.add("shown");
    clearTimeout(this.#noteTimer);
    this.#noteTimer = setTimeout(() => this.note.classList.remove("shown"), NOTE_MS);
  }

  #set(state) {
    if (this.state === state) return;
    this.root.dataset.overlay = state;
    this.controls.inert = state === "hidden" || state === "kiosk";
    this.onVisible(this.visible);
  }

  #listen() {
    const wake = () => this.wake();
    addEventListener("keydown", wake, { capture: true });
    addEventListener("focusin", wake);
    addEventListener("wheel", wake, { passive: true });
    addEventListener("pointermove", (event) => {
      // Some systems repeat the last place without a movement, for example when the page changes below.
      const place = `${event.screenX},${event.screenY}`;
      if (place !== this.#place) this.wake();
      this.#place = place;
    });
    addEventListener("pointerdown", () => (this.#pressed = true));
    for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => (this.#pressed = false));
    this.controls.addEventListener("pointerdown", wake);
    this.stage.addEventListener("click", (event) => this.#onPicture(event));
  }

  /** A click shows; a tap, which has no pointer to move, also puts away. */
  #onPicture(event) {
    if (this.state === "hidden") this.toggleHidden();
    else if (event.pointerType === "touch" && this.visible) this.#set("faded");
    else this.wake();
  }
}
