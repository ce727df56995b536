/** Exponential back-off with jitter, so that a restarted server is not met by all its viewers at once. */
export class Backoff {
  #attempt = 0;

  /** @param {{first_ms?: number, limit_ms?: number}} [options] the first delay and the longest one */
  constructor({ first_ms = 500, limit_ms = 5000 } = {}) {
    this.first_ms = first_ms;
    this.limit_ms = limit_ms;
  }

  /** @returns {number} milliseconds to wait now; each call doubles the next answer, up to the limit */
  next() {
    const full_ms = Math.min(this.limit_ms, this.first_ms * 2 ** this.#attempt);
    this.#attempt += 1;
    return full_ms * (0.6 + 0.4 * Math.random());
  }

  reset() {
    this.#attempt = 0;
  }
}
