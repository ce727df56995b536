/** Keeps a display from falling asleep; only a secure page may ask, and a refusal does no harm. */
export class Awake {
  #lock = null;
  #asking = false;
  #wanted = false;

  constructor() {
    document.addEventListener("visibilitychange", () => this.#ask()); // a hidden page loses its lock
  }

  get held() {
    return Boolean(this.#lock && !this.#lock.released);
  }

  /** From now on. May be called again and again. */
  keep() {
    this.#wanted = true;
    this.#ask();
  }

  async #ask() {
    if (!this.#wanted || this.#asking || this.held || document.hidden || !navigator.wakeLock) return;
    this.#asking = true;
    this.#lock = await navigator.wakeLock.request("screen").catch(() => null);
    this.#asking = false;
  }
}
