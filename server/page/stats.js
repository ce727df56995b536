/** The numbers on demand: what this viewer receives, and how the server is. */
import { getJson } from "./api.js";

const PERIOD_MS = 1000;

export class Stats {
  #timer = 0;
  #before = null;

  /**
   * @param {HTMLElement} panel
   * @param {HTMLElement} list a `dl` to fill
   * @param {() => RTCPeerConnection|null} peer
   */
  constructor(panel, list, peer) {
    Object.assign(this, { panel, list, peer });
  }

  get shown() {
    return !this.panel.hidden;
  }

  /** @param {boolean} shown */
  show(shown) {
    this.panel.hidden = !shown;
    clearInterval(this.#timer);
    this.#before = null;
    if (!shown) return;
    this.#update();
    this.#timer = setInterval(() => this.#update(), PERIOD_MS);
  }

  async #update() {
    const [received, state] = await Promise.all([
      this.#received().catch(() => []),
      getJson("api/state").catch(() => null),
    ]);
    const rows = [...received, ...serverRows(state)];
    this.list.replaceChildren(...rows.flatMap(([name, value]) => [cell("dt", name), cell("dd", value)]));
  }

  async #received() {
    const peer = this.peer();
    if (!peer) return [["Picture", "–"]];
    const reports = [...(await peer.getStats()).values()];
    const video = reports.find((each) => each.type === "inbound-rtp" && each.kind === "video");
    if (!video) return [["Picture", "–"]];
    const before = this.#before?.id === video.id ? this.#before : null;
    this.#before = video;
    const codec = reports.find((each) => each.id === video.codecId)?.mimeType?.replace("video/", "");
    const path = reports.find((each) => each.type === "candidate-pair" && each.nominated);
    return [
      ["Picture", `${video.frameWidth ?? "–"} × ${video.frameHeight ?? "–"} ${codec ?? ""}`],
      ["Frame rate", unit(video.framesPerSecond ?? 0, "fps")],
      ["Bitrate", bitrate(video, before)],
      ["Frames dropped", String(video.framesDropped ?? 0)],
      ["Packets lost", String(video.packetsLost ?? 0)],
      ["Freezes", String(video.freezeCount ?? 0)],
      ["Buffer", buffered(video, before)],
      ["Round trip", path?.currentRoundTripTime === undefined ? "–" : unit(1000 * path.currentRoundTripTime, "ms")],
    ];
  }
}

function serverRows(state) {
  if (!state) return [["Server", "no answer"]];
  const rows = [
    ["Jumps so far", state.jumps],
    ["Viewers", state.viewers],
    ["Late packets", state.late_packets],
    ["Bridges by flow, late", state.bridges_flown],
    ["Bridges cut", state.bridges_cut],
    ["Server up", duration(state.uptime_s)],
  ];
  return rows.filter(([, value]) => value !== undefined).map(([name, value]) => [name, String(value)]);
}

function bitrate(video, before) {
  if (!before) return "–";
  const bits = 8 * (video.bytesReceived - before.bytesReceived);
  return unit(bits / (video.timestamp - before.timestamp), "kbit/s");
}

/** The mean time a frame waited between its arrival and its decoder, over the last period. */
function buffered(video, before) {
  const frames = video.jitterBufferEmittedCount - (before?.jitterBufferEmittedCount ?? 0);
  const waited_s = video.jitterBufferDelay - (before?.jitterBufferDelay ?? 0);
  return frames > 0 ? unit((1000 * waited_s) / frames, "ms") : "–";
}

function duration(seconds) {
  if (!Number.isFinite(seconds)) return undefined;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(seconds)} s`;
}

function unit(value, name) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value).toLocaleString("en")} ${name}`;
}

function cell(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
