// The walk viewer: one element that shows a splat file and lets a visitor walk in it. Knows nothing of the host.
//
// For tests and for the curious, window.matrix3dViewers lists the live viewers. Each has
//   pose()      { position, yaw, pitch, mode }: world units and radians, OpenCV axes
//   setPose(p)  put the eye somewhere, all parts optional
//   ready       promise of the file shown last: { count } once its first sorted picture is drawn, or { error }
//   stats()     { frames, fps, count, pixelRatio, device, isSettled }
//   file        what is shown, as in the `ui` payload
//   recorder    what was recorded: { recording, text, isRecording }

import { onActionsChanged, viewerActions } from "./actions.mjs";
import { bindInput } from "./input.mjs";
import { wishOf } from "./keys.mjs";
import { dragOrbit, orbitFrom, panOrbit, poseOfOrbit, zoomOrbit } from "./orbit.mjs";
import { Overlay } from "./overlay.mjs";
import { START, STEPS, addFrame } from "./pace.mjs";
import { FOV_Y, ORIGIN, poseFromMatrix } from "./pose.mjs";
import { Recorder } from "./recorder.mjs";
import { megabytes, shortCount } from "./source.mjs";
import { changeSpeed, isMoving, look, moveBy, startWalk, stepWalk } from "./walk.mjs";

/** @typedef {import("./source.mjs").SplatFile} SplatFile */
/** @typedef {import("./pose.mjs").Pose} Pose */
/** @typedef {{ file: SplatFile, address: string }} Other a world to compare with */

const LOOK_GAIN = 1.6; // a mouse turns the head a little faster than the picture moves
const MOST_PIXELS = 2; // per CSS pixel; more is not seen, and costs
const HUD_MS = 200;
const REST_MS = 250;
const DRAG_MS = 120;

/** @type {WalkViewer[]} */
const viewers = [];
if (typeof window !== "undefined") Object.assign(window, { matrix3dViewers: viewers });

let nextId = 1;

const countScenes = () => viewers.filter((viewer) => viewer.scene).length;

/** Let another viewer give its graphics back when there are too many: one out of sight, else the one idle longest. */
function makeRoom(/** @type {WalkViewer} */ forViewer) {
  const others = viewers.filter((viewer) => viewer.scene && viewer !== forViewer);
  others.sort((a, b) => Number(a.isVisible) - Number(b.isVisible) || a.lastDrawn - b.lastDrawn);
  for (const viewer of others.slice(0, Math.max(0, others.length + 1 - WalkViewer.mostScenes))) viewer.suspend();
}

export class WalkViewer {
  /** Browsers keep about 16 WebGL contexts on a page and drop the oldest beyond that; other nodes want some too. */
  static mostScenes = 10;

  /** @param {{ isPage?: boolean }} [options] `isPage`: fills a page of its own */
  constructor({ isPage = false } = {}) {
    this.id = nextId++;
    this.element = document.createElement("div");
    this.element.className = isPage ? "m3d-viewer m3d-page" : "m3d-viewer";
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "application");
    this.element.setAttribute("aria-label", "World. Walk with W A S D, look by dragging, H for all keys.");
    this.element.dataset.captureWheel = "true"; // the host's sign: the wheel is ours while we have the focus
    this.overlay = new Overlay(this.element, (action) => this.act(action));
    this.overlay.onWipe = (share) => this.setWipe(share);
    this.recorder = new Recorder(this);
    /** @type {any} the graph node that holds us; null on a page of our own */
    this.node = null;
    this.unlistenActions = onActionsChanged(() => this.showActions());

    /** @type {import("./splat_scene.mjs").SplatScene | null} */
    this.scene = null;
    /** @type {SplatFile | null} */
    this.file = null;
    /** @type {{ address: string, pose: Pose | null, other: Other | null } | null} */
    this.shown = null;
    this.count = 0;
    this.home = ORIGIN;
    this.walk = startWalk();
    /** @type {import("./orbit.mjs").Orbit | null} null while walking */
    this.orbit = null;
    this.isDepth = false;
    this.depthRange = [0, 1];
    this.pace = START;
    this.frames = 0;
    /** @type {Set<string>} */
    this.held = new Set();
    this.stick = { right: 0, forward: 0 };
    this.isVisible = true;
    this.isSuspended = false; // gave its graphics back for another viewer
    this.isDisposed = false;
    this.frameRequest = 0;
    this.lastStep = 0; // time up to which the walk has been reckoned; 0 at rest
    this.lastFrame = 0;
    this.lastHud = 0;
    this.lastDrawn = 0;
    this.lastDrag = -Infinity;
    this.restTimer = 0;
    this.size = "";
    this.loading = new AbortController();
    /** @type {(() => void) | null} done once when the file that is being loaded is there */
    this.afterShow = null;
    /** @type {(result: { count?: number, error?: string }) => void} */
    this.settle = () => {};
    /** @type {Promise<{ count?: number, error?: string }>} */
    this.ready = new Promise((resolve) => (this.settle = resolve));

    this.unbind = bindInput(this);
    this.resizing = new ResizeObserver(() => this.requestFrame());
    this.resizing.observe(this.element);
    this.seeing = new IntersectionObserver((entries) => {
      this.isVisible = entries[entries.length - 1].isIntersecting;
      if (this.isVisible && this.isSuspended && countScenes() < WalkViewer.mostScenes) this.resume();
      this.requestFrame();
    });
    this.seeing.observe(this.element);
    viewers.push(this);
    this.showActions();
  }

  /** Id of the graph node that holds us, as the graph itself gives it. @returns {string | null} */
  get nodeId() {
    return this.node ? String(this.node.id) : null;
  }

  /** Offer the buttons that other modules have added. */
  showActions() {
    this.overlay.setExtras(viewerActions().filter((action) => action.isFor?.(this) ?? true));
  }

  /** @param {import("./actions.mjs").ViewerAction} action */
  async runExtra(action) {
    const tell = (/** @type {string} */ text, /** @type {"info" | "error"} */ kind = "info") => this.overlay.tell(text, kind);
    try {
      await action.run({ viewer: this, pose: this.pose(), nodeId: this.nodeId, node: this.node, tell });
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error), "error");
    }
  }

  // Files -----------------------------------------------------------------------------------------

  /** Cover the view with a text, for when there is nothing to show yet. @param {string} text */
  say(text) {
    this.overlay.say(text);
  }

  /**
   * Load a file and stand at its start.
   * @param {SplatFile} file
   * @param {string} address where its bytes are
   * @param {Pose | null} [pose] overrides the file's own start
   * @param {Other | null} [other] shown to the right of a line that can be dragged
   * @returns {Promise<{ count?: number, error?: string }>} also kept as `ready`; never rejects
   */
  async show(file, address, pose = null, other = null) {
    this.loading.abort();
    const loading = (this.loading = new AbortController());
    this.settle({ error: "another file was shown" });
    this.afterShow = null;
    this.ready = new Promise((resolve) => (this.settle = resolve));
    this.file = file;
    this.isSuspended = false;
    this.shown = { address, pose, other };
    this.overlay.say("Opening the world", { kind: "busy", detail: file.filename });
    try {
      const count = await this.open({ file, address }, loading.signal, false);
      if (loading.signal.aborted || this.isDisposed) return this.ready;
      if (other) await this.open(other, loading.signal, true);
      if (loading.signal.aborted || this.isDisposed) return this.ready;
      if (!other) this.scene?.dropOther();
      this.setWipe(other ? 0.5 : 1);
      this.count = count;
      this.home = pose ?? (file.start_pose ? poseFromMatrix(file.start_pose) : ORIGIN);
      this.arrive();
      this.setDepth(this.isDepth);
      this.overlay.uncover();
      this.overlay.hint.hidden = false;
      this.recorder.refresh();
    } catch (error) {
      if (!loading.signal.aborted && !this.isDisposed) this.fail(error instanceof Error ? error.message : String(error));
    }
    return this.ready;
  }

  /**
   * @param {Other} one
   * @param {AbortSignal} signal
   * @param {boolean} isOther
   */
  async open({ file, address }, signal, isOther) {
    const bytes = await this.fetchBytes(file, address, signal);
    const scene = await this.openScene();
    this.overlay.say("Unpacking the splats", { kind: "busy", detail: file.filename });
    return scene.load(bytes, file.filename, file.axes ?? "RDF", isOther).catch((error) => {
      throw new Error(`${file.filename} cannot be shown: ${error?.message ?? error}`);
    });
  }

  /**
   * @param {SplatFile} file
   * @param {string} address
   * @param {AbortSignal} signal
   */
  async fetchBytes(file, address, signal) {
    const response = await fetch(address, { signal }).catch((error) => {
      throw signal.aborted ? error : new Error("The server does not answer. Is ComfyUI running?");
    });
    if (response.status === 404) {
      const hint = file.type === "temp" ? " ComfyUI empties its temp folder when it starts; run the graph again." : "";
      throw new Error(`${file.filename} is no longer there.${hint}`);
    }
    if (!response.ok || !response.body) throw new Error(`${file.filename} cannot be read (status ${response.status}).`);
    const total = Number(response.headers.get("Content-Length")) || 0;
    const chunks = [];
    let size = 0;
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      chunks.push(part.value);
      size += part.value.length;
      const detail = total ? `${megabytes(size)} of ${megabytes(total)}` : megabytes(size);
      this.overlay.say("Loading the world", { kind: "busy", detail, fraction: total ? size / total : null });
    }
    const bytes = new Uint8Array(size);
    let offset = 0;
    for (const chunk of chunks) {
      bytes.set(chunk, offset);
      offset += chunk.length;
    }
    return bytes;
  }

  async openScene() {
    if (this.scene) return this.scene;
    makeRoom(this);
    const { SplatScene } = await import("./splat_scene.mjs").catch((error) => {
      throw new Error(`The viewer's libraries cannot be loaded: ${error.message}`);
    });
    const canvas = document.createElement("canvas");
    try {
      this.scene = new SplatScene(canvas, () => this.requestFrame());
    } catch {
      throw new Error("This browser offers no WebGL 2, which the viewer needs. Switch on hardware acceleration.");
    }
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (this.scene?.renderer.domElement === canvas) this.loseContext(canvas);
    });
    this.element.prepend(canvas);
    this.size = "";
    return this.scene;
  }

  /** @param {HTMLCanvasElement} canvas */
  loseContext(canvas) {
    canvas.remove();
    this.scene = null;
    this.fail("The graphics device was lost. Click to open the world again.");
    this.overlay.message.addEventListener("click", () => this.reopen(), { once: true });
  }

  reopen() {
    if (this.file && this.shown) this.show(this.file, this.shown.address, this.shown.pose, this.shown.other);
  }

  /** Give the graphics back; the place is kept. */
  suspend() {
    const { scene } = this;
    if (!scene) return;
    this.recorder.stop();
    this.scene = null;
    this.isSuspended = true;
    cancelAnimationFrame(this.frameRequest);
    this.frameRequest = 0;
    scene.renderer.domElement.remove();
    scene.dispose();
    this.overlay.say("Paused, as many worlds are open. Click to go on here.");
    this.overlay.message.addEventListener("click", () => this.resume(), { once: true });
  }

  /** Go on where the visitor was when the viewer gave its graphics back. */
  async resume() {
    if (!this.isSuspended || !this.file || !this.shown) return;
    const pose = this.pose();
    const shown = this.show(this.file, this.shown.address, this.shown.pose, this.shown.other);
    this.afterShow = () => this.setPose(pose);
    await shown;
  }

  /** @param {string} text */
  fail(text) {
    this.overlay.say(text, { kind: "error" });
    this.settle({ error: text });
  }

  // Poses -----------------------------------------------------------------------------------------

  pose() {
    const { position, yaw, pitch } = this.orbit ? poseOfOrbit(this.orbit) : this.walk;
    return { position: [...position], yaw, pitch, mode: this.orbit ? "orbit" : "walk" };
  }

  /** @param {Partial<Pose>} pose */
  setPose(pose) {
    const now = this.pose();
    this.walk = startWalk({ ...now, ...pose }, this.walk.speed);
    this.setOrbit(false);
    this.requestFrame();
  }

  /** Stand at the start of the file just loaded, or where the visitor was before. */
  arrive() {
    this.reset();
    this.afterShow?.();
    this.afterShow = null;
  }

  reset() {
    this.walk = startWalk(this.home, this.walk.speed);
    this.setOrbit(false);
    this.requestFrame();
  }

  /** @param {boolean} isOrbit */
  setOrbit(isOrbit) {
    if (isOrbit && !this.orbit) {
      this.orbit = orbitFrom(this.walk, this.scene?.medianDistance(this.walk.position) ?? 1);
    } else if (!isOrbit && this.orbit) {
      this.walk = startWalk(poseOfOrbit(this.orbit), this.walk.speed);
      this.orbit = null;
    }
    this.overlay.press("orbit", this.orbit !== null);
  }

  /** Show how far things are instead of their colours. @param {boolean} isDepth */
  setDepth(isDepth) {
    this.isDepth = isDepth;
    if (this.scene) this.depthRange = this.scene.showDepth(isDepth, this.pose().position);
    this.overlay.press("depth", isDepth);
  }

  /** Show the first world left of this part of the view, the other one right of it. @param {number} share 0 to 1 */
  setWipe(share) {
    if (!this.scene) return;
    this.scene.wipe = Math.min(1, Math.max(0, share));
    this.overlay.moveWipe(this.scene.wipe, this.scene.other !== null);
    this.requestFrame();
  }

  // What the visitor does (called by input.mjs) -----------------------------------------------------

  /** @param {string} action */
  act(action) {
    if (action === "help") this.overlay.toggleHelp();
    if (!this.scene || !this.overlay.message.hidden) return;
    this.overlay.hint.hidden = true;
    this.recorder.act(action);
    if (action === "reset") this.reset();
    if (action === "orbit") this.setOrbit(!this.orbit);
    if (action === "depth") this.setDepth(!this.isDepth);
    if (action === "lock") this.toggleLock();
    if (action === "screenshot") this.saveScreenshot();
    if (action === "fullscreen") this.toggleFullscreen();
    const extra = viewerActions().find((one) => one.id === action && (one.isFor?.(this) ?? true));
    if (extra) this.runExtra(extra);
    this.requestFrame();
  }

  /**
   * Keys went down or up: reckon the walk up to then, and go on with the new wish.
   * @param {() => void} change
   * @param {number} [when] time of the event, which may have waited for a slow picture; milliseconds
   */
  changeWish(change, when = performance.now()) {
    if (this.lastStep) this.step(when);
    this.recorder.sample(when, true);
    change();
    if (this.orbit && (this.held.size || this.stick.right || this.stick.forward)) {
      const wish = wishOf(this.held, this.stick);
      if (wish.right || wish.up || wish.forward) this.setOrbit(false); // walking away ends the orbit
    }
    if (!this.lastStep) this.lastStep = when;
    this.overlay.hint.hidden = true;
    this.requestFrame();
  }

  /**
   * @param {number} dx pixels
   * @param {number} dy pixels
   * @param {"look" | "grab" | "pan"} how `look`: the head follows; `grab`: the world follows
   */
  drag(dx, dy, how) {
    const height = this.element.getBoundingClientRect().height || 1;
    const now = performance.now();
    if (now - this.lastDrag > DRAG_MS) this.recorder.sample(now, true);
    if (this.orbit) {
      this.orbit =
        how === "pan" ? panOrbit(this.orbit, dx, dy, height, FOV_Y) : dragOrbit(this.orbit, dx, dy, height);
    } else {
      const perPixel = (how === "grab" ? -1 : LOOK_GAIN) * (FOV_Y / height); // what is grabbed stays under the finger
      this.walk = look(this.walk, dx, dy, perPixel);
    }
    this.lastDrag = now;
    this.recorder.sample(now);
    this.overlay.hint.hidden = true;
    this.requestFrame();
  }

  /** @param {number} right @param {number} forward seconds of walking */
  push(right, forward) {
    this.setOrbit(false);
    this.walk = moveBy(this.walk, right * this.walk.speed, forward * this.walk.speed);
    this.requestFrame();
  }

  /** @param {number} notches up positive */
  wheel(notches) {
    if (this.orbit) this.orbit = zoomOrbit(this.orbit, notches);
    else this.walk = changeSpeed(this.walk, notches);
    this.lastHud = 0;
    this.requestFrame();
  }

  toggleLock() {
    if (document.pointerLockElement === this.element) document.exitPointerLock();
    else Promise.resolve(this.element.requestPointerLock?.()).catch(() => {}); // refused: dragging still works
  }

  toggleFullscreen() {
    if (document.fullscreenElement === this.element) document.exitFullscreen();
    else this.element.requestFullscreen?.().catch(() => {}); // refused by the page around: stay as it is
  }

  async saveScreenshot() {
    const blob = await this.screenshot();
    if (!blob) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    const stem = (this.file?.filename ?? "world").replace(/\.\w+$/, "").replace(/_$/, "");
    link.download = `${stem}_${new Date().toISOString().slice(0, 19).replace(/[-:T]/g, "")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  /** @returns {Promise<Blob | null>} PNG of the picture without what lies over it */
  screenshot() {
    const { scene } = this;
    if (!scene) return Promise.resolve(null);
    this.fit(1);
    scene.render(this.pose(), false); // a canvas keeps its picture only until the browser has shown it
    return new Promise((resolve) => scene.renderer.domElement.toBlob(resolve, "image/png"));
  }

  // Drawing -----------------------------------------------------------------------------------------

  requestFrame() {
    if (this.frameRequest || this.isDisposed || !this.scene || !this.isVisible || document.hidden) return;
    this.frameRequest = requestAnimationFrame((now) => this.frame(now));
  }

  /** @param {number} now milliseconds */
  step(now) {
    if (!this.orbit) this.walk = stepWalk(this.walk, wishOf(this.held, this.stick), (now - this.lastStep) / 1000);
    this.lastStep = Math.max(now, this.lastStep); // an event may be handled after a picture of a later time
  }

  /** @param {number} now milliseconds, of the animation clock */
  frame(now) {
    this.frameRequest = 0;
    if (!this.scene || this.isDisposed) return;
    const clock = performance.now();
    if (this.lastStep) this.step(clock);
    const wish = wishOf(this.held, this.stick);
    const isBusy = !this.orbit && (isMoving(this.walk) || Boolean(wish.right || wish.up || wish.forward));
    const isActive = isBusy || clock - this.lastDrag < DRAG_MS;
    if (isBusy && this.lastFrame) this.pace = addFrame(this.pace, now - this.lastFrame);
    this.lastFrame = isBusy ? now : 0;
    if (!isBusy) this.lastStep = 0;
    if (isActive) this.armRest();

    this.fit(this.restTimer ? STEPS[this.pace.level] : 1);
    this.recorder.sample(clock);
    this.scene.render(this.pose());
    this.frames++;
    this.lastDrawn = clock;
    if (!this.scene.isSorting && this.scene.spark.activeSplats > 0) this.settle({ count: this.count });
    this.updateHud(clock, isBusy);
    if (isBusy) this.requestFrame();
  }

  /** Draw with all pixels again once nothing has moved for a moment. */
  armRest() {
    clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(() => {
      this.restTimer = 0;
      this.pace = { ...this.pace, mean: 0, frames: 0 };
      this.requestFrame();
    }, REST_MS);
  }

  /** @param {number} fineness part of the full pixel density */
  fit(fineness) {
    const { clientWidth: width, clientHeight: height } = this.element;
    if (!this.scene || !width || !height) return;
    const zoom = this.element.getBoundingClientRect().width / width; // the graph editor scales its widgets
    const density = Math.min(MOST_PIXELS, Math.max(0.5, (window.devicePixelRatio || 1) * zoom)) * fineness;
    const size = `${width} ${height} ${density.toFixed(1)}`;
    if (size === this.size) return;
    this.size = size;
    this.scene.resize(width, height, density);
    this.element.classList.toggle("m3d-narrow", width < 430);
  }

  /** @param {number} clock @param {boolean} isBusy */
  updateHud(clock, isBusy) {
    if (isBusy && clock - this.lastHud < HUD_MS) return;
    this.lastHud = clock;
    const { position } = this.pose();
    const unit = this.file?.is_metric ? " m" : "";
    const [x, y, z] = position.map((value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2));
    const speed = `${this.walk.speed.toPrecision(2)}${unit || " u"}/s`;
    const fps = isBusy && this.pace.mean ? `${Math.round(1000 / this.pace.mean)} fps` : "";
    const depth = this.isDepth ? `depth ${this.depthRange.map((far) => far.toPrecision(2)).join(" to ")}${unit || " u"}` : "";
    const parts = [this.orbit ? "orbit" : speed, depth, `${shortCount(this.count)} splats`, fps].filter(Boolean);
    this.overlay.hud.innerHTML = `<b>x ${x} &nbsp;y ${y} &nbsp;z ${z}${unit}</b> &nbsp;·&nbsp; ${parts.join(" &nbsp;·&nbsp; ")}`;
  }

  stats() {
    return {
      frames: this.frames,
      fps: this.pace.mean ? 1000 / this.pace.mean : 0,
      count: this.count,
      pixelRatio: this.scene?.renderer.getPixelRatio() ?? 0,
      device: this.scene?.device ?? "",
      isSettled: Boolean(this.scene) && !this.frameRequest && !this.scene?.isSorting,
    };
  }

  dispose() {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.loading.abort();
    cancelAnimationFrame(this.frameRequest);
    clearTimeout(this.restTimer);
    this.unbind();
    this.unlistenActions();
    this.resizing.disconnect();
    this.seeing.disconnect();
    this.settle({ error: "the viewer was closed" });
    this.scene?.dispose();
    this.scene = null;
    this.element.remove();
    viewers.splice(viewers.indexOf(this), 1);
  }
}
