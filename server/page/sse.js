/** Server-sent events by `fetch`, since an EventSource cannot send a token. */
import { ask } from "./access.js";

export class EventStream {
  #aborter = new AbortController();

  /**
   * @param {string} url
   * @param {object} handlers
   * @param {() => void} handlers.open the server answers
   * @param {(kind: string, data: string) => void} handlers.event
   * @param {() => void} handlers.error it ended, or never began; nothing more will come
   */
  constructor(url, handlers) {
    this.handlers = handlers;
    this.#read(url).then(
      () => this.#fail(),
      () => this.#fail(),
    );
  }

  close() {
    this.#aborter.abort();
  }

  #fail() {
    if (!this.#aborter.signal.aborted) this.handlers.error();
  }

  async #read(url) {
    const { signal } = this.#aborter;
    const response = await ask(url, { signal, cache: "no-store", headers: { Accept: "text/event-stream" } });
    if (!response.ok || !response.body) throw new Error(`The server answered ${response.status} to ${url}.`);
    this.handlers.open();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) this.#tell(block);
    }
  }

  /** One event: lines of `field: value`; those that begin with a colon keep the connection open, and say nothing. */
  #tell(block) {
    let kind = "message";
    const data = [];
    for (const line of block.split(/\r?\n/)) {
      const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (field === "event") kind = value;
      if (field === "data") data.push(value);
    }
    if (data.length && !this.#aborter.signal.aborted) this.handlers.event(kind, data.join("\n"));
  }
}
