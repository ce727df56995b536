/** The server's events, opened again whenever they break. */
import { Backoff } from "./backoff.js";

const SILENCE_MS = 5000;

export class EventFeed {
  #source = null;
  #timer = 0;
  #watchdog = 0;
  #backoff = new Backoff({ limit_ms: 2500 });

  /**
   * @param {string} url
   * @param {object} handlers
   * @param {() => void} handlers.open each time the server answers, also after a restart
   * @param {() => void} handlers.lost
   * @param {(step: object) => void} handlers.step
   * @param {(settings: object) => void} handlers.settings
   */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
  }

  start() {
    this.stop();
    // The browser's own reconnection gives up for good on an error status, so we do it ourselves.
    const source = new EventSource(this.url);
    source.addEventListener("open", () => {
      this.#backoff.reset();
      this.handlers.open();
    });
    source.addEventListener("error", () => {
      source.close();
      this.handlers.lost();
      this.#timer = setTimeout(() => this.start(), this.#backoff.next());
    });
    for (const kind of ["step", "settings"]) {
      source.addEventListener(kind, (event) => {
        this.#watch();
        this.handlers[kind](JSON.parse(event.data));
      });
    }
    this.#source = source;
    this.#watch();
  }

  /** A server that lost its power says no goodbye: steps come every fifth of a second, or something is wrong. */
  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.handlers.lost();
      this.start();
    }, SILENCE_MS);
  }

  stop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }
}
