/** The viewer page: puts the parts together. `?kiosk` shows nothing but the picture. */
import { getJson } from "./api.js";
import { Awake } from "./awake.js";
import { PositionBar } from "./bar.js";
import { span } from "./duration.js";
import { EventFeed } from "./events.js";
import { Hearing } from "./hearing.js";
import { Liveliness } from "./liveliness.js";
import { MatrixView } from "./matrix.js";
import { Microphone } from "./microphone.js";
import { Overlay } from "./overlay.js";
import { PerformancePanel } from "./performance.js";
import { Player } from "./player.js";
import { Playhead } from "./playhead.js";
import { Stats } from "./stats.js";
import { Textures } from "./textures.js";
import { Wall } from "./wall.js";

const STEPS_KEPT = 400;
const REFRESH_AGAIN_MS = 2000;
const SOON_MS = 3000; // a shorter loss is not worth a number
const STATE_WORDS = {
  connecting: "Connecting…",
  live: "Live",
  reconnecting: "Reconnecting…",
  refused: "Not connected",
  blocked: "Paused",
};

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const root = document.documentElement;
const video = $("video");
const steps = [];
let hasSound = false;
let drawing = 0;
let lost_ms = 0; // since when there is no picture; 0 while there is

const awake = new Awake();
const playhead = new Playhead();
const bar = new PositionBar($("bar"), playhead, calm);
const matrix = new MatrixView($("matrix-image"), $("matrix-marks"), calm);
const player = new Player({
  video,
  still: $("still"),
  endpoint: "whep?apart=true",
  onState: showState,
  onSession: (session) => microphone.attach(session),
});
const stats = new Stats($("stats"), $("stats-list"), () => player.peer);
const overlay = new Overlay({
  root,
  controls: $("overlay"),
  stage: $("stage"),
  note: $("note"),
  kiosk: query.has("kiosk"),
  onVisible: (visible) => (visible ? keepDrawing() : cancelAnimationFrame(drawing)),
});
const wall = overlay.kiosk ? new Wall({ message: $("wall") }) : null;
const microphone = new Microphone({ button: $("microphone"), onNote: (text) => overlay.say(text) });
const desk = new PerformancePanel({
  panel: $("performance"),
  held: $("held"),
  onNote: (text) => overlay.say(text),
});
const hearing = new Hearing({
  panel: $("performance"),
  lost: $("lost"),
  onNote: (text) => overlay.say(text),
  onGain: (gain_db) => desk.reflect("gain_db", gain_db),
});
const liveliness = new Liveliness({
  slider: $("liveliness"),
  number: $("liveliness-number"),
  onChange: () => matrix.refresh(),
  onError: (message) => overlay.say(message),
});
const textures = new Textures({ list: $("textures"), name: $("name"), onError: (message) => overlay.say(message) });
const feed = new EventFeed("api/events", {
  open: () => {
    player.nudge();
    hearing.forget();
    refresh();
  },
  lost: () => player.suspect(),
  step: onStep,
  texture: ({ name }) => {
    textures.accept(name);
    refresh();
  },
  settings: (settings) => liveliness.accept(settings),
  performance: (values) => desk.accept(values),
  hearing: (event) => hearing.accept(event),
  microphone: (whose) => {
    microphone.accept(whose);
    hearing.acceptMicrophone(whose);
  },
});

/** For end-to-end tests. */
window.videotexture = {
  video,
  steps,
  get peer() {
    return player.peer;
  },
  get connected() {
    return player.connected;
  },
  get awake() {
    return awake.held;
  },
};

function onStep(step) {
  steps.push(step);
  if (steps.length > STEPS_KEPT) steps.shift();
  if (step.hit) desk.flash();
  if (!bar.texture) return;
  playhead.step(step, performance.now());
  matrix.step(step, performance.now());
}

function keepDrawing() {
  cancelAnimationFrame(drawing);
  const draw = () => {
    const now_ms = performance.now();
    bar.draw(now_ms);
    matrix.draw(now_ms);
    drawing = requestAnimationFrame(draw);
  };
  drawing = requestAnimationFrame(draw);
}

let refreshing = false;
let refreshTimer = 0;

/** Reads all that a (re)started server may have changed. */
async function refresh() {
  if (refreshing) return;
  refreshing = true;
  clearTimeout(refreshTimer);
  try {
    showTexture(await getJson("api/texture"));
    await textures.load();
    await hearing.load();
    await desk.load(hearing.listens);
    await liveliness.load();
    matrix.refresh();
  } catch {
    refreshTimer = setTimeout(refresh, REFRESH_AGAIN_MS);
  } finally {
    refreshing = false;
  }
}

function showTexture(texture) {
  playhead.configure(texture);
  bar.configure(texture);
  matrix.configure(texture);
  hasSound = texture.has_sound;
  $("sound").hidden = !hasSound;
  $("name").textContent = texture.name;
  $("matrix-size").textContent = `${texture.segments} × ${texture.segments}`;
  document.title = `${texture.name} · videotexture`;
}

function showState(state, message) {
  root.dataset.connection = state;
  $("state").textContent = message || STATE_WORDS[state];
  lost_ms = state === "live" ? 0 : lost_ms || performance.now();
  showLoss();
  wall?.tell(state, message);
  if (state === "live") awake.keep();
}

function showLoss() {
  const gone_ms = lost_ms && performance.now() - lost_ms;
  $("gone").textContent = gone_ms > SOON_MS ? span(gone_ms) : "";
}

function toggleSound() {
  if (!hasSound) return;
  video.muted = !video.muted;
  player.play();
}

function showSound() {
  pressed($("sound"), !video.muted);
}

function toggleStats() {
  stats.show(!stats.shown);
  pressed($("stats-button"), stats.shown);
}

function togglePerformance() {
  if (!desk.shown && overlay.state === "hidden") overlay.toggleHidden();
  desk.show(!desk.shown);
  hearing.watch(desk.shown);
  pressed($("performance-button"), desk.shown);
}

function toggleFit() {
  const cover = root.dataset.fit !== "cover";
  root.dataset.fit = cover ? "cover" : "contain";
  pressed($("fit"), cover);
}

async function toggleFullscreen() {
  try {
    await (document.fullscreenElement ? document.exitFullscreen() : root.requestFullscreen());
  } catch {
    overlay.say("This browser refused full screen");
  }
}

function pressed(button, on) {
  button.setAttribute("aria-pressed", String(on));
}

const actions = {
  h: () => overlay.toggleHidden(),
  f: toggleFullscreen,
  m: toggleSound,
  v: () => microphone.toggle(),
  s: toggleStats,
  c: toggleFit,
};
// Leaning on a wall's keyboard must not make everyone's picture black.
const performing = {
  p: togglePerformance,
  i: () => desk.hit(),
  t: () => desk.tap(),
  z: () => desk.toggle("freeze"),
  b: () => desk.toggle("blackout"),
};
if (!overlay.kiosk) Object.assign(actions, performing);

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  actions[event.key.toLowerCase()]?.();
});
for (const button of document.querySelectorAll("button[data-key]")) {
  button.addEventListener("click", () => actions[button.dataset.key]());
}
video.addEventListener("volumechange", showSound);
$("stage").addEventListener("dblclick", toggleFullscreen);
$("stage").addEventListener("click", () => video.paused && player.play());
document.addEventListener("fullscreenchange", () => pressed($("fullscreen"), Boolean(document.fullscreenElement)));
setInterval(showLoss, 1000);
addEventListener("online", () => player.nudge());
addEventListener("pagehide", () => {
  player.stop();
  feed.stop();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) start();
});

function start() {
  player.start();
  feed.start();
  refresh();
}

$("fullscreen").hidden = !document.fullscreenEnabled;
video.muted = !query.has("sound");
showSound();
if (query.get("fit") === "cover") toggleFit();
start();
