// Records the camera of a viewer, and shows the recording: the timeline and the path in the world.

import { tr } from "../i18n/translate.mjs";
import { poseFromMatrix } from "./pose.mjs";
import { EMPTY, addSample, exportPath, isEmpty, pathPoints, readRecording, writeRecording } from "./record.mjs";
import { Timeline } from "./timeline.mjs";

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */
/** @typedef {import("./record.mjs").Recording} Recording */

const MOST_FRUSTA = 12; // of a walk
const STATUS_MS = 150;

export class Recorder {
  /** @param {WalkViewer} viewer */
  constructor(viewer) {
    this.viewer = viewer;
    /** @type {Recording} */
    this.recording = EMPTY;
    this.isRecording = false;
    this.startedAt = 0; // milliseconds
    this.lastStatus = 0;
    /** @type {((text: string) => void) | null} called with the new text after every change */
    this.onChange = null;
    this.timeline = new Timeline(viewer.overlay.bottom, {
      act: (action) => viewer.act(action),
      goTo: (index) => this.goTo(index),
      setKeys: (keys) => this.change({ keys, use: keys.length ? "keys" : "walk" }),
    });
    this.refresh();
  }

  /** The recording as the node stores it. */
  get text() {
    return writeRecording(this.recording);
  }

  /** Show the recording that a workflow has stored. @param {unknown} text */
  load(text) {
    if (this.isRecording) return;
    const recording = readRecording(text);
    if (writeRecording(recording) === this.text) return;
    this.recording = recording;
    if (!isEmpty(recording)) this.open(true);
    this.refresh();
  }

  /** Show or hide the timeline. @param {boolean} isOpen */
  open(isOpen) {
    this.timeline.element.hidden = !isOpen;
    this.viewer.overlay.setPressed("path", isOpen);
    this.refresh();
  }

  /**
   * @param {string} action
   * @returns {boolean} whether it was an action of the recorder
   */
  act(action) {
    const { viewer, recording } = this;
    if (action === "path") this.open(this.timeline.element.hidden);
    else if (action === "record") this.toggle();
    else if (action === "key") {
      this.open(true);
      this.change({ keys: [...recording.keys, viewer.pose()], use: "keys" });
    } else if (action === "view") {
      this.open(true);
      this.change({ view: { ...viewer.pose(), fov: viewer.fov } });
    } else if (action === "use") this.change({ use: recording.use === "keys" ? "walk" : "keys" });
    else if (action === "clear") this.change(EMPTY);
    else if (action === "export") this.save();
    else return false;
    return true;
  }

  toggle() {
    this.open(true);
    if (this.isRecording) return this.stop();
    this.isRecording = true;
    this.startedAt = performance.now();
    this.recording = { ...this.recording, walk: [], use: "walk" };
    this.sample(this.startedAt, true);
    this.refresh();
  }

  stop() {
    if (!this.isRecording) return;
    this.sample(performance.now(), true);
    this.isRecording = false;
    this.change({});
  }

  /**
   * Add the current camera, while recording.
   * @param {number} when milliseconds
   * @param {boolean} [isTurn] see `addSample`
   */
  sample(when, isTurn = false) {
    if (!this.isRecording) return;
    const hasRoom = addSample(this.recording.walk, (when - this.startedAt) / 1000, this.viewer.pose(), isTurn);
    if (!hasRoom) {
      this.isRecording = false;
      this.change({}, true);
    } else if (when - this.lastStatus > STATUS_MS) {
      this.lastStatus = when;
      this.showStatus();
    }
  }

  /** Drop the samples after some time, as their motion was undone. @param {number} when milliseconds */
  forget(when) {
    if (!this.isRecording) return;
    const time = (when - this.startedAt) / 1000;
    this.recording.walk = this.recording.walk.filter((sample) => sample.time <= time);
  }

  /** @param {number} index */
  goTo(index) {
    this.stop();
    this.viewer.setPose(this.recording.keys[index]);
  }

  /** @param {Partial<Recording>} parts @param {boolean} [isFull] */
  change(parts, isFull = false) {
    this.recording = { ...this.recording, ...parts, axes: this.viewer.outside?.axes };
    this.refresh(isFull);
    this.onChange?.(this.text);
  }

  /** @param {boolean} [isFull] */
  refresh(isFull = false) {
    this.showStatus(isFull);
    this.drawPath();
  }

  /** @param {boolean} [isFull] */
  showStatus(isFull = false) {
    const { walk } = this.recording;
    const end = this.isRecording ? (performance.now() - this.startedAt) / 1000 : (walk[walk.length - 1]?.time ?? 0);
    const unit = this.viewer.file?.is_metric ? "m" : tr("units");
    this.timeline.update(this.recording, { isRecording: this.isRecording, seconds: end, unit, isFull });
    this.timeline.buttons.view.hidden = !this.onChange; // without a node there is no workflow to output it to
  }

  /** Draw the path into the world, but not while recording. */
  drawPath() {
    const { scene } = this.viewer;
    if (!scene) return;
    const { walk, keys, use, view } = this.recording;
    const isShown = !this.isRecording && !this.timeline.element.hidden;
    const step = Math.max(1, Math.ceil(walk.length / MOST_FRUSTA));
    const poses = use === "keys" ? keys : walk.filter((_, i) => i % step === 0);
    if (isShown) scene.showPath(pathPoints(this.recording), poses, view, this.givenPath());
    else scene.showPath([], [], null, []);
    this.viewer.requestFrame();
  }

  /** The path of the world. @returns {import("./pose.mjs").Pose[]} */
  givenPath() {
    try {
      return (this.viewer.file?.path ?? []).map(poseFromMatrix);
    } catch {
      return []; // a saved workflow may hold anything
    }
  }

  save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([exportPath(this.recording)], { type: "application/json" }));
    link.download = this.recording.use === "keys" ? "keyframes.json" : "walk.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
}
