/**
 * Injected into the viewer page: notes every picture that is shown, all sound that is played, and when.
 * All times are milliseconds since the epoch.
 * @param {{rows: number, columns: number, cell_width: number, cell_height: number}} grid of the cells
 */
async ({ rows, columns, cell_width, cell_height }) => {
  const STALL_MS = 50; // three turns of a display at 60 Hz
  const { video } = window.videotexture;
  const [width, height] = [columns * cell_width, rows * cell_height];
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const frames = [];
  const chunks = [];
  const stalls = []; // [from, to]: the browser drew nothing at all, neither video nor page
  let clock = Infinity; // epoch less the sound's own time, the least seen: rendering is late, never early
  let running = true;

  /** The mean of each cell's inner half, row by row. */
  function brightness(picture) {
    context.drawImage(picture, 0, 0, width, height, 0, 0, width, height);
    const { data } = context.getImageData(0, 0, width, height);
    const cells = [];
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        let sum = 0;
        for (let y = 0.25 * cell_height; y < 0.75 * cell_height; y += 1) {
          for (let x = 0.25 * cell_width; x < 0.75 * cell_width; x += 1) {
            sum += data[4 * ((row * cell_height + y) * width + column * cell_width + x) + 1];
          }
        }
        cells.push(Math.round((4 * sum) / (cell_width * cell_height)));
      }
    }
    return cells;
  }

  /** The element may be a picture ahead of the callback: what is read and when it is due come from one object. */
  function onFrame(_, { expectedDisplayTime }) {
    if (!running) return;
    video.requestVideoFrameCallback(onFrame);
    const picture = new VideoFrame(video);
    const rtp = picture.metadata().rtpTimestamp;
    if (rtp !== frames.at(-1)?.rtp) {
      frames.push({ rtp, displayed_ms: performance.timeOrigin + expectedDisplayTime, cells: brightness(picture) });
    }
    picture.close();
  }

  let beat_ms = performance.now();
  function onBeat() {
    if (running) requestAnimationFrame(onBeat);
    const now_ms = performance.now();
    if (now_ms - beat_ms > STALL_MS) stalls.push([performance.timeOrigin + beat_ms, performance.timeOrigin + now_ms]);
    beat_ms = now_ms;
  }

  const worklet = `registerProcessor("recorder", class extends AudioWorkletProcessor {
    process([[channel]]) {
      if (channel) this.port.postMessage({ frame: currentFrame, now_ms: Date.now(), samples: channel.slice() });
      return true;
    }
  });`;
  const audio = new AudioContext({ sampleRate: 48000 });
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([worklet], { type: "text/javascript" })));
  const recorder = new AudioWorkletNode(audio, "recorder", { numberOfInputs: 1, numberOfOutputs: 1 });
  recorder.port.onmessage = ({ data: { frame, now_ms, samples } }) => {
    if (!running) return;
    clock = Math.min(clock, now_ms - (1000 * frame) / audio.sampleRate);
    chunks.push({ frame, samples });
  };
  const tracks = new MediaStream(video.srcObject.getAudioTracks());
  audio.createMediaStreamSource(tracks).connect(recorder).connect(audio.destination);

  async function stats() {
    const report = [...(await window.videotexture.peer.getStats()).values()];
    const inbound = (kind) => report.find((each) => each.type === "inbound-rtp" && each.kind === kind);
    return { video: inbound("video"), audio: inbound("audio") };
  }

  /** The samples as 16 bits, base64; lost blocks are silence. */
  async function sound() {
    const first = chunks[0]?.frame ?? 0;
    const last = chunks.at(-1);
    const samples = new Int16Array(last ? last.frame + last.samples.length - first : 0);
    for (const { frame, samples: chunk } of chunks) {
      chunk.forEach((value, index) => (samples[frame - first + index] = 32767 * Math.max(-1, Math.min(1, value))));
    }
    const url = await new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsDataURL(new Blob([samples]));
    });
    return { base64: url.slice(url.indexOf(",") + 1), began_ms: clock + (1000 * first) / audio.sampleRate };
  }

  video.requestVideoFrameCallback(onFrame);
  requestAnimationFrame(onBeat);
  window.recorder = {
    stats,
    async finish() {
      running = false;
      const ended = { frames, stalls, stats: await stats(), steps: window.videotexture.steps, ...(await sound()) };
      await audio.close();
      return ended;
    },
  };
}
