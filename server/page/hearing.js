/** What the server hears: a line and a meter while they are looked at, and a note when the source is lost. */
import { getJson } from "./api.js";

const PERIOD_MS = 200;
const QUIETEST_DB = -60; // the left end of the meter

export class Hearing {
  #event = null; // the last state told; null while nothing listens
  #now = { source: null }; // the last numbers asked for
  #nobody = false; // a viewer's microphone is listened to, and no viewer's is on: that is not a loss
  #timer = 0;
  #asking = false;

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.panel has the ids source, source-state, tempo and meters; polled only while it is seen
   * @param {HTMLElement} parts.lost the note; empty while nothing is lost
   * @param {(text: string) => void} parts.onNote one passing line
   * @param {(gain_db: number|null) => void} parts.onGain the gain as it is now
   */
  constructor({ panel, lost, onNote, onGain }) {
    Object.assign(this, { panel, lost, onNote, onGain });
    this.section = panel.querySelector(".hearing");
    const find = (id) => panel.querySelector(`#${id}`);
    [this.source, this.state, this.tempo, this.meters] = ["source", "source-state", "tempo", "meters"].map(find);
  }

  /** Whether the server listens to anything. */
  get listens() {
    return this.#now.source !== null;
  }

  /** Reads what is listened to, after a (re)start of the server. */
  async load() {
    this.#now = await getJson("api/hearing");
    this.#show();
  }

  /** The feed begins anew, perhaps with a server that listens to nothing. */
  forget() {
    this.#event = null;
    this.#nobody = false;
    this.#showLost();
  }

  /** @param {{source: string, state: string, trouble: string, conditioned: boolean}} event */
  accept(event) {
    const before = this.#event;
    this.#event = event;
    if (event.state === "ended" && before && before.state !== "ended") {
      this.onNote(`${event.source} has ended; the picture goes on by itself`);
    }
    this.#now = { ...this.#now, ...event };
    this.#show();
  }

  /** @param {{viewer: number|null}} whose microphone is heard, where viewers' are listened to */
  acceptMicrophone({ viewer }) {
    this.#nobody = viewer === null;
    this.#showLost();
  }

  /** @param {boolean} watched whether the panel is open */
  watch(watched) {
    clearInterval(this.#timer);
    if (!watched) return;
    this.#ask();
    this.#timer = setInterval(() => this.#ask(), PERIOD_MS);
  }

  async #ask() {
    if (this.#asking || !this.listens || document.hidden) return;
    if (this.panel.checkVisibility?.({ visibilityProperty: true }) === false) return;
    this.#asking = true;
    try {
      this.#now = await getJson("api/hearing");
      this.#show();
    } catch {
      // The server has gone, which the page says by itself.
    } finally {
      this.#asking = false;
    }
  }

  #show() {
    this.#showLost();
    const now = this.#now;
    this.section.hidden = !this.listens;
    if (!this.listens) return this.onGain(null);
    const live = now.state === "live";
    this.source.textContent = now.source;
    this.panel.dataset.hearing = live && now.silent ? "silent" : now.state;
    this.state.textContent = stateOf(now);
    this.tempo.textContent = now.bpm ? `${now.bpm.toFixed(now.bpm < 100 ? 1 : 0)} bpm` : "no tempo";
    const level = live ? (now.level_db ?? QUIETEST_DB) : QUIETEST_DB;
    const shares = [1 - level / QUIETEST_DB, ...(live ? (now.bands ?? [0, 0, 0]) : [0, 0, 0])];
    [...this.meters.children].forEach((meter, index) => meter.style.setProperty("--share", within(shares[index])));
    this.onGain(now.gain_db ?? null);
  }

  #showLost() {
    const event = this.#event;
    const died = event?.state === "lost" || (event?.state === "ended" && event.trouble);
    const text = died && !this.#nobody ? `${event.source} is lost; the picture goes on by itself` : "";
    if (this.lost.textContent !== text) this.lost.textContent = text;
  }
}

/** In words: the state, the mend where something is wrong, and whatever was not heard. */
function stateOf({ state, trouble, silent, conditioned, overruns }) {
  const missed = overruns ? [`${overruns} overrun${overruns === 1 ? "" : "s"}`] : [];
  if (state !== "live") return [state, trouble, ...missed].filter(Boolean).join(" · ");
  const does = silent ? "silent" : conditioned ? "steers the walk" : "hits only";
  return [state, does, ...missed].join(" · ");
}

const within = (share) => Math.min(1, Math.max(0, share || 0)).toFixed(3);
