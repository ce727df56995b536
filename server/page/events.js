/** The server's events, opened again whenever they break. */
import { getJson } from "./api.js";
import { Backoff } from "./backoff.js";
import { EventStream } from "./sse.js";

const KINDS = ["step", "texture", "settings", "performance", "hearing", "microphone"];
const SILENCE_MS = 5000;
const ANSWER_MS = 2000;

export class EventFeed {
  #source = null;
  #timer = 0;
  #watchdog = 0;
  #still = false; // frozen or black, by what was told last: then no steps come
  #backoff = new Backoff({ limit_ms: 2500 });

  /**
   * @param {string} url
   * @param {object} handlers
   * @param {() => void} handlers.open each time the server answers, also after a restart
   * @param {() => void} handlers.lost
   * @param {(step: object) => void} handlers.step
   * @param {(texture: {name: string}) => void} handlers.texture another is played from here on
   * @param {(settings: object) => void} handlers.settings
   * @param {(values: object) => void} handlers.performance
   * @param {(event: object) => void} handlers.hearing what is listened to, and how that is
   * @param {(whose: {viewer: number|null}) => void} handlers.microphone whose microphone is heard
   */
  constructor(url, handlers) {
    this.url = url;
    this.handlers = handlers;
  }

  start() {
    this.stop();
    this.#source = new EventStream(this.url, {
      open: () => {
        this.#backoff.reset();
        this.handlers.open();
      },
      error: () => {
        this.handlers.lost();
        this.#timer = setTimeout(() => this.start(), this.#backoff.next());
      },
      event: (kind, data) => {
        this.#watch();
        if (!KINDS.includes(kind)) return;
        const told = JSON.parse(data);
        if (kind === "performance") this.#still = isStill(told);
        this.handlers[kind](told);
      },
    });
    this.#watch();
  }

  /** A server that lost its power says no goodbye: steps come every fifth of a second, or something is wrong. */
  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#onSilence(), SILENCE_MS);
  }

  async #onSilence() {
    const source = this.#source;
    const ask = () => getJson("api/performance", { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => null);
    const known = this.#still ? await ask() : null;
    if (source !== this.#source) return;
    if (known && isStill(known)) return this.#watch();
    this.handlers.lost();
    this.start();
  }

  stop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }
}

function isStill({ freeze, blackout }) {
  return freeze || blackout;
}
