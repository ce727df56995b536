/** The performer's panel, made from the server's table of parameters, and the pads that its keys also press. */
import { ApiError, getJson, patchJson, post } from "./api.js";
import { knobFor, titleOf } from "./knobs.js";

const ADDRESS = "api/performance";
const APART_MS = 40; // between two changes sent, while something is being turned
const PAD_KEYS = { freeze: "z", blackout: "b" };
const UNHEARD = new Set(["hit_bridge", "freeze", "blackout"]); // what has an effect where nothing listens
const HELD_WORDS = { blackout: "Blackout", freeze: "Frozen" };
const UNREACHED = "The change did not reach the server.";

export class PerformancePanel {
  #values = {};
  #told = 0; // how often values came
  #wishes = new Map(); // turned here, and not yet heeded there
  #sending = false;
  #timer = 0;
  #knobs = new Map();
  #pads = new Map();
  #made = "";

  /**
   * @param {object} parts
   * @param {HTMLElement} parts.panel has the ids pads, knobs and knob-help
   * @param {HTMLElement} parts.held says that the picture is frozen or black
   * @param {(text: string) => void} parts.onNote one line for the performer
   */
  constructor({ panel, held, onNote }) {
    Object.assign(this, { panel, held, onNote });
    [this.pads, this.knobs, this.help] = ["pads", "knobs", "knob-help"].map((id) => panel.querySelector(`#${id}`));
    for (const kind of ["pointerover", "focusin"]) panel.addEventListener(kind, (event) => this.#explain(event.target));
  }

  get shown() {
    return !this.panel.hidden;
  }

  /** @param {boolean} shown */
  show(shown) {
    this.panel.hidden = !shown;
  }

  /** Reads the table, after a (re)start of the server. @param {boolean} listens whether sound is heard at all */
  async load(listens) {
    const parameters = await getJson(`${ADDRESS}/parameters`);
    const made = JSON.stringify([listens, parameters]);
    if (made === this.#made) return; // what has the focus keeps it
    this.#make(parameters.filter(({ name }) => listens || UNHEARD.has(name)), listens);
    this.#made = made;
    this.#showAll();
  }

  /** Takes the server's values, but for what is being turned here. */
  accept(values) {
    this.#told += 1;
    this.#values = values;
    this.#showAll();
  }

  /** The picture was hit, by whatever. */
  flash() {
    flash(this.#pads.get("hit"));
  }

  /** What is by itself just now, of a parameter left to the server. */
  reflect(name, value) {
    this.#knobs.get(name)?.reflect(value);
  }

  async hit() {
    await this.#press("api/hit");
  }

  async tap() {
    flash(this.#pads.get("tap"));
    await this.#press("api/tap");
  }

  /** @param {"freeze"|"blackout"} name */
  toggle(name) {
    if (!(name in this.#values)) return; // the server has not been heard yet
    const on = !this.#value(name);
    this.#turn(name, on);
    if (!this.shown) this.onNote(on ? `${HELD_WORDS[name]}: ${PAD_KEYS[name].toUpperCase()} ends it` : "Goes on");
  }

  #value(name) {
    return this.#wishes.has(name) ? this.#wishes.get(name) : this.#values[name];
  }

  #turn(name, value) {
    this.#wishes.set(name, value);
    this.#showAll();
    this.#send();
  }

  /**
   * One request at a time, of all that was turned since: the last wish wins, none overtakes another. What the server
   * tells by itself meanwhile is newer than its answer, or is followed by what this request changed.
   */
  async #send() {
    if (this.#sending || !this.#wishes.size) return;
    this.#sending = true;
    const told = this.#told;
    const sent = [...this.#wishes];
    let answer = null;
    try {
      answer = await patchJson(ADDRESS, Object.fromEntries(sent));
    } catch (error) {
      this.onNote(error instanceof ApiError ? error.message : UNREACHED);
    }
    for (const [name, value] of sent) if (this.#wishes.get(name) === value) this.#wishes.delete(name);
    this.accept(answer && told === this.#told ? answer : this.#values);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#sending = false;
      this.#send();
    }, APART_MS);
  }

  async #press(address) {
    try {
      await post(address);
    } catch (error) {
      this.onNote(error instanceof ApiError ? error.message : "The server was not reached.");
    }
  }

  #showAll() {
    for (const [name, knob] of this.#knobs) if (name in this.#values) knob.show(this.#value(name));
    for (const name of Object.keys(PAD_KEYS)) {
      this.#pads.get(name)?.setAttribute("aria-pressed", String(Boolean(this.#value(name))));
    }
    const held = Object.keys(HELD_WORDS).find((name) => this.#value(name));
    this.held.textContent = held ? HELD_WORDS[held] : "";
  }

  #make(parameters, listens) {
    this.#pads.clear();
    this.#knobs.clear();
    this.#pad("hit", { title: "Hit", key: "i", doc: "cut to where something happens, now", act: () => this.hit() });
    if (listens) {
      const doc = "tap the beat: two taps or more make the tempo that hits are quantised to";
      this.#pad("tap", { title: "Tap", key: "t", doc, act: () => this.tap() });
    }
    for (const parameter of parameters) {
      const { name, doc } = parameter;
      if (name in PAD_KEYS) {
        this.#pad(name, { title: titleOf(parameter), key: PAD_KEYS[name], doc, act: () => this.toggle(name) });
        continue;
      }
      const knob = knobFor(parameter, (value) => this.#turn(name, value));
      if (knob) this.#knobs.set(name, knob);
    }
    this.pads.replaceChildren(...this.#pads.values());
    this.knobs.replaceChildren(...[...this.#knobs.values()].map(({ element }) => element));
  }

  /** A pad acts when it is pressed, not when it is let go: that would be a tenth of a second late. */
  #pad(name, { title, key, doc, act }) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "pad";
    button.dataset.name = name;
    button.dataset.doc = doc;
    button.setAttribute("aria-keyshortcuts", key);
    const cap = document.createElement("kbd");
    cap.textContent = key.toUpperCase();
    cap.setAttribute("aria-hidden", "true");
    button.append(title, cap);
    button.addEventListener("pointerdown", (event) => event.button === 0 && act());
    button.addEventListener("click", (event) => event.detail === 0 && act()); // by a key, or a screen reader
    this.#pads.set(name, button);
  }

  #explain(target) {
    const told = target.closest?.("[data-doc]");
    if (told) this.help.textContent = told.dataset.doc;
  }
}

/** @param {HTMLElement|undefined} element */
function flash(element) {
  for (const animation of element?.getAnimations() ?? []) animation.cancel();
  element?.animate({ color: ["#16130c", "var(--ink)"], backgroundColor: ["var(--accent)", "transparent"] }, { duration: 260, easing: "ease-out" });
}
