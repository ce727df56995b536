/** The liveliness slider: jumps per minute, set on the running stream and kept in step with other pages. */
import { ApiError, getJson, patchJson } from "./api.js";

const SETTLE_MS = 150;
const BEND = 3; // how much of the slider's way belongs to the low numbers

export class Liveliness {
  #settings = { minimum: 0, maximum: 60, jumps_per_minute: null }; // as told last
  #told = 0; // how often settings came
  #timer = 0;
  #sending = false;
  #wanted = null;

  /**
   * @param {object} options
   * @param {HTMLInputElement} options.slider
   * @param {HTMLElement} options.number shows the value
   * @param {(settings: object) => void} options.onChange the server's settings changed, by whomever
   * @param {(message: string) => void} options.onError
   */
  constructor({ slider, number, onChange, onError }) {
    Object.assign(this, { slider, number, onChange, onError });
    slider.addEventListener("input", () => this.#ask());
  }

  /** What the server tells by itself meanwhile is newer than its answer. */
  async load() {
    const told = this.#told;
    const settings = await getJson("api/settings");
    if (told === this.#told) this.accept(settings);
  }

  /** Takes the server's settings, unless a newer wish of this page is still on its way. */
  accept(settings) {
    this.#told += 1;
    const before = this.#settings;
    this.#settings = settings;
    if (before.jumps_per_minute !== settings.jumps_per_minute) this.onChange(settings);
    this.slider.disabled = !(settings.maximum > settings.minimum);
    if (this.#wanted !== null) return;
    this.slider.value = String(Math.round(1000 * this.#place(settings.jumps_per_minute)));
    this.#show(settings.jumps_per_minute);
  }

  #ask() {
    this.#wanted = this.#value(this.slider.valueAsNumber / 1000);
    this.#show(this.#wanted);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), SETTLE_MS);
  }

  /** One request at a time: the last wish wins, none overtakes another; what came meanwhile is newer than the answer. */
  async #send() {
    if (this.#sending || this.#wanted === null) return;
    this.#sending = true;
    const wish = this.#wanted;
    const told = this.#told;
    let answer = null;
    try {
      answer = await patchJson("api/settings", { jumps_per_minute: wish });
    } catch (error) {
      this.onError(error instanceof ApiError ? error.message : "The change did not reach the server.");
    }
    this.#sending = false;
    if (this.#wanted !== wish) return this.#send();
    this.#wanted = null;
    this.accept(answer && told === this.#told ? answer : this.#settings);
  }

  #show(jumps_per_minute) {
    this.number.textContent = written(jumps_per_minute);
    this.slider.setAttribute("aria-valuetext", `${written(jumps_per_minute)} jumps per minute`);
    this.slider.style.setProperty("--filled", `${this.slider.valueAsNumber / 10}%`);
  }

  /** Slider place 0 to 1 → jumps per minute, rounded as it is shown. */
  #value(place) {
    const { minimum, maximum } = this.#settings;
    const value = minimum + (maximum - minimum) * (Math.expm1(BEND * place) / Math.expm1(BEND));
    const rounded = value < 10 ? Math.round(10 * value) / 10 : Math.round(value);
    return Math.min(maximum, Math.max(minimum, rounded));
  }

  #place(value) {
    const { minimum, maximum } = this.#settings;
    const share = (value - minimum) / (maximum - minimum || 1);
    return Math.log1p(Math.min(1, Math.max(0, share)) * Math.expm1(BEND)) / BEND;
  }
}

function written(value) {
  if (!Number.isFinite(value)) return "–";
  return value < 10 ? String(Math.round(10 * value) / 10) : String(Math.round(value));
}
