/** Where in the source clip we are, between the events; pure: time is handed in (milliseconds). */

const DRIFT_LIMIT_S = 0.25; // a step that is further off than this is taken as it is
const MEMORY_MS = 4000;

export class Playhead {
  /** Stretches of the clip played without a jump, oldest first: {start_s, from_ms, end_s, end_ms}. */
  runs = [];
  /** Jumps, oldest first: {from_s, to_s, at_ms, travel_ms}. */
  jumps = [];
  #heard_ms = 0;

  /** @param {{rate_hz: number, stride_frames: number}} texture */
  configure({ rate_hz, stride_frames }) {
    this.rate_hz = rate_hz;
    this.stride_ms = (1000 * stride_frames) / rate_hz;
    this.runs = [];
    this.jumps = [];
  }

  /** @param {{jump: boolean, position_s: number, bridge_frames: number}} step @param {number} now_ms */
  step({ jump, position_s, bridge_frames }, now_ms) {
    const run = this.runs.at(-1);
    const expected_s = run && this.at(now_ms);
    this.#heard_ms = now_ms;
    if (run && !jump) {
      const early_s = position_s - (run.start_s + (now_ms - run.from_ms) / 1000);
      if (Math.abs(early_s) < DRIFT_LIMIT_S) {
        run.from_ms -= 1000 * early_s * 0.2; // glide: events arrive with jitter
        return;
      }
    }
    const travel_ms = jump ? (1000 * bridge_frames) / this.rate_hz : 0;
    if (run) Object.assign(run, { end_s: expected_s, end_ms: now_ms });
    if (run && jump) this.jumps.push({ from_s: expected_s, to_s: position_s, at_ms: now_ms, travel_ms });
    this.runs.push({ start_s: position_s, from_ms: now_ms + travel_ms, end_s: null, end_ms: null });
    this.#forget(now_ms);
  }

  /** @returns {number|null} seconds into the clip; stands still when no steps come */
  at(now_ms) {
    const run = this.runs.at(-1);
    if (!run) return null;
    const until_ms = Math.min(now_ms, Math.max(this.#heard_ms, run.from_ms) + 2 * this.stride_ms);
    return run.start_s + Math.max(0, until_ms - run.from_ms) / 1000;
  }

  #forget(now_ms) {
    this.runs = this.runs.filter((run) => run.end_ms === null || now_ms - run.end_ms < MEMORY_MS);
    this.jumps = this.jumps.filter((jump) => now_ms - jump.at_ms < MEMORY_MS);
  }
}
