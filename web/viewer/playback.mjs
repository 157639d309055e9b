// Plays the motion of a viewer's world.
//
//   time            seconds, as `SplatRender` counts them
//   loop            seconds after which all is as before; 0: nothing moves
//   isPlaying       whether time passes
//   show(seconds)   stop at a time
//   toggle()        play or pause

const LONGEST_STEP = 0.25; // seconds, after which a stalled page resumes where it was

export class Playback {
  /** @param {import("./viewer.mjs").WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    this.time = 0;
    this.loop = 0;
    this.isPlaying = false;
    this.last = 0; // clock of the last frame, milliseconds; 0: none
  }

  /** Set up for another world; it plays unless the user prefers reduced motion. @param {number} loop */
  open(loop) {
    this.loop = loop;
    this.time = this.last = 0;
    this.set(loop > 0 && !matchMedia("(prefers-reduced-motion: reduce)").matches);
    this.viewer.overlay.setAvailable("play", loop > 0);
  }

  /** @param {boolean} isPlaying */
  set(isPlaying) {
    this.isPlaying = isPlaying && this.loop > 0;
    this.last = 0;
    this.viewer.overlay.setPressed("play", this.isPlaying);
    this.viewer.requestFrame();
  }

  toggle() {
    this.set(!this.isPlaying);
  }

  /** @param {number} seconds */
  show(seconds) {
    this.time = seconds;
    this.set(false);
    this.viewer.scene?.showTime(seconds);
  }

  /** Let time pass. @param {number} clock milliseconds @returns {boolean} whether another frame is needed */
  tick(clock) {
    if (!this.isPlaying) return false;
    if (!this.viewer.hasDrawn) return true; // the splats are being sorted
    if (this.last) this.time = (this.time + Math.min((clock - this.last) / 1000, LONGEST_STEP)) % this.loop;
    this.last = clock;
    this.viewer.scene?.showTime(this.time);
    return true;
  }
}
