// The splat viewer: one element that shows a splat file and lets the user move in it. Independent of the host.
//
// The registry lists the live viewers. Each has
//   pose()      { position, yaw, pitch, mode }: world units and radians, OpenCV axes; mode: walk, orbit or fly
//   setPose(p)  set the camera pose, all parts optional
//   ready       promise of the file shown last: { count } once its first sorted frame is drawn, or { error }
//   stats()     { frames, fps, count, drawn, pixelRatio, device, isSettled }
//   file        the file shown, as in the `ui` payload
//   recorder    the recording: { recording, text, isRecording }
//   motion, playback, appearance, quality, recorder, settings, overlay: its parts, each in its own file

import { followLanguage, language, tr } from "../i18n/translate.mjs";
import { registry } from "../registry.mjs";
import { onActionsChanged } from "./actions.mjs";
import { AdaptiveQuality } from "./adaptive_quality.mjs";
import { Appearance } from "./appearance.mjs";
import { Commands } from "./commands.mjs";
import { FrameLoop } from "./frame_loop.mjs";
import { GamepadInput } from "./gamepad_input.mjs";
import { Hud } from "./hud.mjs";
import { bindInput } from "./input.mjs";
import { Motion } from "./motion.mjs";
import { describeGuess } from "./outside.mjs";
import { OutsideView } from "./outside_view.mjs";
import { Overlay } from "./overlay.mjs";
import { Playback } from "./playback.mjs";
import { FOV_Y, ORIGIN, poseFromMatrix } from "./pose.mjs";
import { readCoverage } from "./source.mjs";
import { Recorder } from "./recorder.mjs";
import { openScene } from "./scene_pool.mjs";
import { Settings } from "./settings.mjs";
import { isPageLight, onThemeChanged } from "./theme.mjs";
import { WorldLoader } from "./world_loader.mjs";
import { Headset, hasVirtualReality } from "./xr.mjs";

/** @typedef {import("./source.mjs").SplatFile} SplatFile */
/** @typedef {import("./pose.mjs").Pose} Pose */
/** @typedef {import("./world_loader.mjs").Source} Source */

export class WalkViewer {
  /** @param {{ isPage?: boolean }} [options] `isPage`: fills a page of its own */
  constructor({ isPage = false } = {}) {
    this.element = document.createElement("div");
    this.element.className = isPage ? "m3d-viewer m3d-page" : "m3d-viewer";
    this.element.lang = language();
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "application");
    this.element.setAttribute("aria-label", tr("3D viewer. W A S D to move, drag to look around, H for all shortcuts."));
    this.element.dataset.captureWheel = "true"; // for the host: this element handles the wheel while it has the focus
    this.canvas = document.createElement("canvas"); // the frames are copied here from the page's one WebGL context
    this.element.append(this.canvas);
    /** @type {any} the graph node of this viewer; null on a standalone page */
    this.node = null;

    /** @type {import("./splat_scene.mjs").SplatScene | null} */
    this.scene = null;
    /** @type {SplatFile | null} */
    this.file = null;
    /** @type {{ address: string, pose: Pose | null, other: Source | null } | null} */
    this.shown = null;
    this.count = 0;
    this.home = ORIGIN;
    this.fov = FOV_Y; // vertical, radians
    this.isWorld = false; // a world with a known start pose
    this.hasDrawn = false; // the first sorted frame has been drawn
    this.isVisible = true;
    this.isSuspended = false; // its scene was freed for another viewer
    this.isDisposed = false;
    /** @type {(() => void) | null} called once when the file has loaded */
    this.afterShow = null;
    /** @type {(result: { count?: number, error?: string }) => void} */
    this.settle = () => {};
    /** @type {Promise<{ count?: number, error?: string }>} */
    this.ready = new Promise((resolve) => (this.settle = resolve));

    this.overlay = new Overlay(this.element, (action) => this.act(action));
    this.hud = new Hud(this, this.overlay.hud);
    this.motion = new Motion({
      fov: () => this.fov,
      medianDistance: (position) => this.scene?.world.medianDistance(position) ?? 1,
      sample: (when, isTurn) => this.recorder.sample(when, isTurn),
      forget: (when) => this.recorder.forget(when),
      onMove: () => {
        this.overlay.hint.hidden = true;
        this.requestFrame();
      },
      onMode: () => this.showMode(),
    });
    this.loop = new FrameLoop(this);
    this.quality = new AdaptiveQuality(() => this.requestFrame());
    this.appearance = new Appearance(this);
    this.playback = new Playback(this);
    this.outsideView = new OutsideView(this);
    this.recorder = new Recorder(this);
    this.settings = new Settings(this);
    this.loader = new WorldLoader(this.overlay, () => this.openScene());
    this.gamepad = new GamepadInput(this);
    this.headset = new Headset(this, () => this.loop.restart());
    hasVirtualReality().then((has) => this.overlay.setAvailable("vr", has));
    this.commands = new Commands(this);
    this.stops = [
      bindInput(this),
      onActionsChanged(() => this.showActions()),
      followLanguage(this.element, () => this.retranslate()),
      onThemeChanged(() => this.showTheme()),
      this.loop.watch(),
    ];
    registry.viewers.push(this);
    this.showActions();
    this.showTheme();
  }

  /** Id of the graph node of this viewer. @returns {string | null} */
  get nodeId() {
    return this.node ? String(this.node.id) : null;
  }

  /** Unit of lengths, to be written after a number. */
  get unit() {
    return this.file?.is_metric ? " m" : tr(" units");
  }

  /** The view from outside of splats without a start pose; null for worlds. */
  get outside() {
    return this.outsideView.outside;
  }

  // Files -----------------------------------------------------------------------------------------

  /** Cover the view with a message. @param {string} text */
  showMessage(text) {
    this.overlay.showMessage(text);
  }

  /**
   * Load a file and go to its start pose.
   * @param {SplatFile} file
   * @param {string} address where its bytes are
   * @param {Pose | null} [pose] overrides the file's start pose
   * @param {Source | null} [other] shown to the right of the compare slider
   * @returns {Promise<{ count?: number, error?: string }>} also kept as `ready`; never rejects
   */
  async show(file, address, pose = null, other = null) {
    this.settle({ error: "another file was shown" });
    this.afterShow = null;
    this.ready = new Promise((resolve) => (this.settle = resolve));
    this.file = file;
    this.isSuspended = false;
    this.hasDrawn = false;
    this.shown = { address, pose, other };
    try {
      const loaded = await this.loader.load({ file, address }, other);
      if (loaded) this.begin(file, loaded, pose, other !== null);
    } catch (error) {
      this.fail(error instanceof Error ? error.message : String(error));
    }
    return this.ready;
  }

  /** @param {SplatFile} file @param {import("./world_loader.mjs").Loaded} loaded @param {Pose | null} pose @param {boolean} hasOther */
  begin(file, { count, isWorld, walls, origins, loop }, pose, hasOther) {
    const { motion, appearance, overlay, recorder } = this;
    this.count = count;
    this.isWorld = isWorld;
    motion.walk.walls = walls;
    motion.walk.collides = walls !== null;
    overlay.setAvailable("ground", walls !== null);
    appearance.open(origins, hasOther);
    this.playback.open(loop);
    this.home = pose ?? (file.start_pose ? poseFromMatrix(file.start_pose) : ORIGIN);
    this.outsideView.open(isWorld || pose !== null);
    const path = recorder.givenPath().map(({ position }) => position);
    appearance.setCoverage(this.home.position, path, readCoverage(file.coverage));
    this.reset();
    this.afterShow?.(); // restores the previous pose
    this.afterShow = null;
    appearance.setDepth(appearance.isDepth);
    appearance.setProvenance(appearance.isProvenance);
    overlay.hideMessage();
    this.settings.refresh();
    overlay.showHint(this.outside !== null);
    if (this.outside) overlay.notify(describeGuess(this.outside, motion.eye.speed), "guess");
    recorder.refresh();
  }

  async openScene() {
    if (this.scene) return this.scene;
    this.scene = await openScene(this);
    this.loop.size = "";
    return this.scene;
  }

  loseContext() {
    this.scene = null;
    this.headset.forget();
    this.fail(tr("The WebGL context was lost. Click to reload the world."));
    this.overlay.message.addEventListener("click", () => this.reopen(), { once: true });
  }

  reopen() {
    if (this.file && this.shown) this.show(this.file, this.shown.address, this.shown.pose, this.shown.other);
  }

  /** Free the scene; the pose is kept. */
  suspend() {
    const { scene } = this;
    if (!scene) return;
    this.recorder.stop();
    this.scene = null;
    this.isSuspended = true;
    this.loop.stop();
    scene.dispose(); // the canvas keeps the last frame
    this.overlay.showMessage(tr("Paused because many worlds are open. Click to resume."), { kind: "paused" });
    this.overlay.message.addEventListener("click", () => this.resume(), { once: true });
  }

  /** Load the scene again, at the pose where the viewer was suspended. */
  async resume() {
    if (!this.isSuspended || !this.file || !this.shown) return;
    const { motion } = this;
    const pose = this.pose();
    const { orbit } = motion.orbit;
    const shown = this.show(this.file, this.shown.address, this.shown.pose, this.shown.other);
    this.afterShow = () => {
      if (pose.mode === "orbit" && this.outside) return void (motion.orbit.orbit = orbit);
      motion.setPose(pose);
      if (pose.mode === "fly") motion.enter("fly");
    };
    await shown;
  }

  /** @param {string} text */
  fail(text) {
    this.overlay.showMessage(text, { kind: "error" });
    this.settle({ error: text });
  }

  // Camera ----------------------------------------------------------------------------------------

  pose() {
    return this.motion.pose();
  }

  /** @param {Partial<Pose>} pose */
  setPose(pose) {
    this.motion.setPose(pose);
    this.requestFrame();
  }

  /** Reset the camera to the start pose. */
  reset() {
    this.motion.start(this.home, this.outsideView.orbit());
    this.requestFrame();
  }

  /** @param {number} fov vertical, radians */
  setFov(fov) {
    this.fov = fov;
    this.scene?.setFov(fov);
    this.settings.refresh();
    this.requestFrame();
  }

  /** @param {number} speed units per second */
  setSpeed(speed) {
    this.motion.setSpeed(speed);
    this.showSpeed();
  }

  showSpeed() {
    this.settings.refresh();
    this.hud.invalidate();
    this.requestFrame();
  }

  /** @param {string} name of a background, see splat_scene.mjs */
  setBackground(name) {
    this.scene?.setBackground(name);
    this.requestFrame();
  }

  // Input (called by input.mjs) -------------------------------------------------------------------

  /** @param {string} action */
  act(action) {
    this.commands.run(action);
  }

  /**
   * @param {number} dx pixels
   * @param {number} dy pixels
   * @param {import("./controllers/controller.mjs").Drag} how
   * @param {number} [since] when the pointer began to move that far, milliseconds
   */
  drag(dx, dy, how, since = performance.now()) {
    this.motion.drag(dx, dy, how, this.element.getBoundingClientRect().height || 1);
    this.quality.drag(since);
  }

  /** @param {number} notches up positive */
  wheel(notches) {
    this.motion.active.wheel(notches);
    this.showSpeed();
  }

  /**
   * @param {[number, number] | null} [size] width and height in pixels; null: those of the view
   * @returns {Promise<Blob | null>} PNG of the view without its overlay
   */
  async screenshot(size = null) {
    const { scene } = this;
    if (!scene) return null;
    this.loop.fit(1);
    scene.world.setBudget(0);
    const image = await scene.renderImage(this.pose(), size);
    this.requestFrame();
    return image;
  }

  // Drawing ---------------------------------------------------------------------------------------

  /** Show the buttons that other modules have added. */
  showActions() {
    this.overlay.setExtras(this.commands.extras());
  }

  /** The language has changed: rebuild what is composed of several texts. */
  retranslate() {
    this.showActions();
    this.settings.build();
    this.recorder.showStatus();
    this.appearance.setProvenance(this.appearance.isProvenance);
    this.hud.update(performance.now(), false);
  }

  showTheme() {
    this.element.classList.toggle("m3d-light", isPageLight());
  }

  showMode() {
    const { overlay, motion } = this;
    overlay.setPressed("orbit", motion.mode === "orbit");
    overlay.setPressed("fly", motion.mode === "fly");
    overlay.setPressed("walls", motion.walls !== null);
    overlay.setPressed("ground", motion.isOnGround);
  }

  requestFrame() {
    this.loop.request();
  }

  /** The first sorted frame was drawn. */
  onFirstFrame() {
    this.settle({ count: this.count });
    if (this.hasDrawn) return;
    this.hasDrawn = true;
    // Not earlier, as it needs a worker and memory.
    this.scene?.world.prepareLod().catch(() => {}); // without levels of detail, only the resolution adapts
  }

  stats() {
    return {
      frames: this.loop.frames,
      fps: this.quality.fps,
      count: this.count,
      drawn: this.scene?.world.drawn ?? 0,
      pixelRatio: this.scene?.pixelRatio ?? 0,
      device: this.scene?.device ?? "",
      isSettled: Boolean(this.scene) && !this.loop.requested && !this.scene?.isSorting,
    };
  }

  dispose() {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.loader.abort();
    this.loop.stop();
    this.quality.dispose();
    for (const stop of this.stops) stop();
    this.headset.end();
    this.settle({ error: "the viewer was closed" });
    this.scene?.dispose();
    this.scene = null;
    this.element.remove();
    registry.viewers.splice(registry.viewers.indexOf(this), 1);
  }
}
