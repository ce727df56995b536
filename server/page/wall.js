/**
 * What a page needs that hangs on a wall, where nobody presses a key for a year: it says what it waits for as long as it
 * has never had a picture, and loads itself anew when the server was renewed, or when nothing else helps.
 */
import { addressOf } from "./access.js";
import { span } from "./duration.js";

const SAY_AFTER_MS = 4000; // a picture is mostly there before
const LOOK_MS = 10000;
const HOPELESS_MS = 120000; // the server answers, and no session brings a picture: a decoder may be stuck
const ANSWER_MS = 2000;
const PAGE = "page/viewer.js";

export class Wall {
  #since_ms = performance.now(); // without a picture; Infinity while there is one
  #everLive = false;
  #page = null;

  /**
   * @param {object} options
   * @param {HTMLElement} options.message
   * @param {() => void} [options.reload]
   */
  constructor({ message, reload = () => location.reload() }) {
    Object.assign(this, { message, reload });
    this.reason = "";
    this.#isRenewed();
    setInterval(() => this.#say(), 1000);
    setInterval(() => this.#look(), LOOK_MS);
  }

  /** @param {string} state of the player @param {string} reason what it says */
  tell(state, reason) {
    const live = state === "live";
    this.#everLive ||= live;
    this.reason = state === "refused" || state === "blocked" ? reason : "";
    if (live) this.#since_ms = Infinity;
    else if (this.#since_ms === Infinity) this.#since_ms = performance.now();
    this.#say();
  }

  /** The last picture stays without a word; only where there never was one, whoever sets it up must learn why. */
  #say() {
    const waited_ms = performance.now() - this.#since_ms;
    const says = !this.#everLive && waited_ms > SAY_AFTER_MS;
    this.message.textContent = says ? this.reason || `Waiting for a picture… ${span(waited_ms)}` : "";
  }

  async #look() {
    const waited_ms = performance.now() - this.#since_ms;
    const hopeless = waited_ms > HOPELESS_MS && !this.reason;
    // Never while the server is gone: the browser would show its own page, and no picture.
    if ((await this.#isRenewed()) || (hopeless && (await answers("readyz")))) this.reload();
  }

  async #isRenewed() {
    const found = (await ask(PAGE, "HEAD"))?.headers.get("etag") ?? null;
    const renewed = Boolean(found && this.#page && found !== this.#page);
    this.#page ??= found;
    return renewed;
  }
}

async function answers(path) {
  return Boolean((await ask(path, "GET"))?.ok);
}

async function ask(path, method) {
  const signal = AbortSignal.timeout(ANSWER_MS);
  const response = await fetch(addressOf(path), { method, signal, cache: "no-store" }).catch(() => null);
  return response?.ok ? response : null;
}
