// Several textures in one server: which is played, and the choice of another.

import { getJson, putJson } from "./api.js";

export class Textures {
  /**
   * @param {{list: HTMLSelectElement, name: HTMLElement, onError: (message: string) => void}} parts the list takes the
   *   name's place where there is more than one texture
   */
  constructor({ list, name, onError }) {
    this.list = list;
    this.name = name;
    this.onError = onError;
    list.addEventListener("change", () => this.play(list.value));
  }

  /** Reads which there are; a server with one has no list. */
  async load() {
    const textures = await getJson("api/textures").catch((error) => {
      if (error.status !== 404) throw error;
      return [];
    });
    this.list.hidden = textures.length < 2;
    this.name.hidden = textures.length > 1;
    this.list.replaceChildren(...textures.map(({ name }) => new Option(name, name)));
    this.accept(textures.find(({ playing }) => playing)?.name ?? "");
  }

  /** @param {string} name what is played, as the server says */
  accept(name) {
    this.playing = name;
    if (!this.list.disabled) this.list.value = name;
  }

  /** Asks for another; the list is locked until it is shown. */
  async play(name) {
    this.list.disabled = true;
    try {
      await putJson("api/texture", { name });
    } catch (error) {
      this.onError(error.message);
    } finally {
      this.list.disabled = false;
      this.list.value = this.playing;
    }
  }
}
