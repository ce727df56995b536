/** One WHEP session: an offer is POSTed, the answer comes back, candidates follow by PATCH, DELETE ends it. */
import { ask } from "./access.js";
import { reasonOf } from "./api.js";

const ANSWER_LIMIT_MS = 8000;
const FRAGMENT = "application/trickle-ice-sdpfrag";

const REFUSALS = {
  401: "This server wants a token: add #token=… to the page's address",
  404: "This server has no video stream here.",
  406: "This browser and the server share no video format (H.264 is needed).",
  415: "The server did not understand this browser's offer.",
  429: "Too many viewers are asking at once.",
  503: "The server has no room for another viewer just now.",
};

export class WhepError extends Error {
  /**
   * @param {string} message one line for the viewer
   * @param {number} status the HTTP status
   * @param {number} retry_ms what the server asked us to wait (0: nothing said)
   */
  constructor(message, status, retry_ms) {
    super(message);
    this.status = status;
    this.retry_ms = retry_ms;
  }

  /** @param {Response} response */
  static async from(response) {
    const reason = await reasonOf(response);
    const message = reason || REFUSALS[response.status] || `The server answered ${response.status}.`;
    const retry_s = Number(response.headers.get("retry-after")) || 0;
    return new WhepError(message, response.status, retry_s * 1000);
  }
}

export class WhepSession {
  #aborter = new AbortController();
  #resource = null;
  #tag = "";
  #closed = false;
  #candidates = []; // not sent yet; null is their end
  #sending = false;

  /** @param {string} endpoint where to POST the offer */
  constructor(endpoint) {
    this.endpoint = endpoint;
    this.peer = new RTCPeerConnection({ iceServers: [] });
    this.peer.addTransceiver("video", { direction: "recvonly" });
    this.sound = this.peer.addTransceiver("audio", { direction: "sendrecv" }); // ready for a microphone
  }

  get closed() {
    return this.#closed;
  }

  /**
   * Negotiates. Frames arrive some time after this returns.
   * @returns {Promise<MediaStream>} the tracks that the server really sends
   * @throws {WhepError} the server refused
   * @throws {TypeError} the server cannot be reached
   */
  async connect() {
    const offer = await this.peer.createOffer();
    const response = await this.#post(offer.sdp);
    const location = response.headers.get("location");
    this.#resource = location && new URL(location, response.url);
    if (!response.ok) {
      this.#delete(); // a counter-offer: it has what this browser has just said it has not
      throw await WhepError.from(response);
    }
    this.#tag = response.headers.get("etag");
    const sdp = await response.text();
    if (this.#closed) {
      this.#delete();
      throw new DOMException("The session was closed while it was opening.", "AbortError");
    }
    // Only now is it known by which relays to gather; so the gathering begins now, and nobody has waited for it.
    const iceServers = iceServersOf(response.headers.get("link") ?? "");
    if (iceServers.length) this.peer.setConfiguration({ iceServers });
    this.peer.addEventListener("icecandidate", ({ candidate }) => this.#trickle(candidate));
    await this.peer.setLocalDescription(offer);
    await this.peer.setRemoteDescription({ type: "answer", sdp });
    const sent = this.peer.getTransceivers().filter((each) => each.currentDirection?.includes("recv"));
    return new MediaStream(sent.map((each) => each.receiver.track));
  }

  /** Whether the server would listen to this viewer's microphone. */
  get canSendSound() {
    return !this.#closed && Boolean(this.sound.currentDirection?.includes("send"));
  }

  /** @param {MediaStreamTrack|null} track sent from now on, which needs no new negotiation; null for none */
  async sendSound(track) {
    if (!this.#closed) await this.sound.sender.replaceTrack(track);
  }

  /**
   * Asks to be the one viewer who is heard.
   * @returns {Promise<number>} the number by which the server's events tell of this viewer
   * @throws {WhepError} the server refused
   */
  async claimMicrophone() {
    const response = await ask(this.#microphone, { method: "POST" });
    if (!response.ok) throw await WhepError.from(response);
    return (await response.json()).viewer;
  }

  /** A server that is gone hears nothing anyway. */
  async releaseMicrophone() {
    if (this.#resource) await ask(this.#microphone, { method: "DELETE" }).catch(() => {});
  }

  get #microphone() {
    return `${this.#resource}/microphone`;
  }

  /** Ends the session on both sides; may be called at any time, and twice. */
  close() {
    if (this.#closed) return;
    this.#closed = true;
    this.#aborter.abort();
    this.peer.close();
    this.#delete();
  }

  async #post(sdp) {
    const timer = setTimeout(() => this.#aborter.abort(), ANSWER_LIMIT_MS);
    try {
      return await ask(this.endpoint, {
        method: "POST",
        headers: { "Content-Type": "application/sdp" },
        body: sdp,
        signal: this.#aborter.signal,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Sends what has been gathered meanwhile in one request (RFC 8840). A viewer that gets through needs none of it. */
  async #trickle(candidate) {
    if (candidate?.candidate === "") return; // the end of one network's, not of all
    this.#candidates.push(candidate);
    if (this.#sending) return;
    this.#sending = true;
    await new Promise((resolve) => setTimeout(resolve)); // those that come at once go together
    while (this.#candidates.length && this.#resource) {
      const body = fragment(this.peer.localDescription.sdp, this.#candidates.splice(0));
      const headers = { "Content-Type": FRAGMENT, "If-Match": this.#tag };
      await ask(this.#resource, { method: "PATCH", headers, body }).catch(() => {});
    }
    this.#sending = false;
  }

  /** `keepalive` lets the request outlive the page. A server that is gone needs no goodbye. */
  #delete() {
    if (!this.#resource) return;
    ask(this.#resource, { method: "DELETE", keepalive: true }).catch(() => {});
    this.#resource = null;
  }
}

/** @param {string} sdp of the offer @param {(RTCIceCandidate|null)[]} candidates null is the end @returns {string} */
function fragment(sdp, candidates) {
  const value = (name) => new RegExp(`^a=${name}:(.*)$`, "m").exec(sdp)?.[1].trim() ?? "";
  const lines = [`a=ice-ufrag:${value("ice-ufrag")}`, `a=ice-pwd:${value("ice-pwd")}`];
  lines.push("m=video 9 UDP/TLS/RTP/SAVPF 0", `a=mid:${value("mid")}`);
  for (const candidate of candidates) lines.push(candidate ? `a=${candidate.candidate}` : "a=end-of-candidates");
  return `${lines.join("\r\n")}\r\n`;
}

/** @param {string} header `Link` @returns {RTCIceServer[]} the relays that it tells of (RFC 9725, 4.6) */
function iceServersOf(header) {
  const servers = [];
  for (const link of header.split(/,\s*(?=<)/)) {
    const [, urls, rest] = /^<([^>]*)>(.*)$/.exec(link.trim()) ?? [];
    const words = (rest ?? "").matchAll(/([\w-]+)="([^"]*)"/g);
    const said = Object.fromEntries(Array.from(words, ([, key, word]) => [key, word]));
    if (said.rel === "ice-server") servers.push({ urls, username: said.username, credential: said.credential });
  }
  return servers;
}
