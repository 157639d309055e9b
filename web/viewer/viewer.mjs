// The walk viewer: one element that shows a splat file and lets a visitor walk in it. Knows nothing of the host.
//
// The registry lists the live viewers. Each has
//   pose()      { position, yaw, pitch, mode }: world units and radians, OpenCV axes
//   setPose(p)  put the eye somewhere, all parts optional
//   ready       promise of the file shown last: { count } once its first sorted picture is drawn, or { error }
//   stats()     { frames, fps, count, drawn, pixelRatio, device, isSettled }
//   file        what is shown, as in the `ui` payload
//   recorder    what was recorded: { recording, text, isRecording }

import { followLanguage, language, tr } from "../i18n/translate.mjs";
import { registry } from "../registry.mjs";
import { onActionsChanged, viewerActions } from "./actions.mjs";
import { characterBody, standAt, stepCharacter } from "./character.mjs";
import { PAD_AT_REST, isPadActive, padActions, readPad } from "./gamepad.mjs";
import { fetchBytes, keepsOrigins } from "./fetching.mjs";
import { MOST_FADE, coverageOf, fadeAt } from "./coverage_fade.mjs";
import { bindInput } from "./input.mjs";
import { wishOf } from "./keys.mjs";
import { dragOrbit, orbitFrom, panOrbit, poseOfOrbit, zoomOrbit } from "./orbit.mjs";
import { ORIGINS, readOrigins } from "./provenance.mjs";
import { boxOf, guessAxes, isWorld, nextAxes, orbitAround, plainNumber, radiusOf, tellGuess, upOf } from "./outside.mjs";
import { Overlay } from "./overlay.mjs";
import { LEVELS, START_QUALITY, countFrame, isHeldUp } from "./adaptive_quality.mjs";
import { momentAt, remember } from "./input_rewind.mjs";
import { pictureName, saveBlob, sizeOfText } from "./picture.mjs";
import { FOV_Y, ORIGIN, poseFromMatrix } from "./pose.mjs";
import { Recorder } from "./recorder.mjs";
import { isEmpty } from "./record.mjs";
import { Settings } from "./settings.mjs";
import { readPart, shortCount } from "./source.mjs";
import { isPageLight, onThemeChanged } from "./theme.mjs";
import { fitOfPanorama } from "./panorama_sphere.mjs";
import { DEFAULT_SPEED, changeSpeed, isMoving, look, moveBy, startWalk, stepWalk } from "./walk.mjs";
import { deepest, moveAlong, readWalls } from "./walls.mjs";
import { hasVirtualReality, startVirtualReality } from "./xr.mjs";

/** @typedef {import("./source.mjs").SplatFile} SplatFile */
/** @typedef {import("./pose.mjs").Pose} Pose */
/** @typedef {{ file: SplatFile, address: string }} Other a world to compare with */

const LOOK_GAIN = 1.6; // a mouse turns the head a little faster than the picture moves
const MOST_PIXELS = 2; // per CSS pixel; more is not seen, and costs
const HUD_MS = 200;
const REST_MS = 250;
const DRAG_MS = 120;
const CHARACTER_STEP_S = 0.1; // a body is moved in parts no longer than this
const MOST_CHARACTER_S = 5; // what a picture took longer is lost

let nextId = 1;

const { viewers } = registry;
const countScenes = () => viewers.filter((viewer) => viewer.scene).length;

/** Let another viewer give its graphics back when there are too many: one out of sight, else the one idle longest. */
function makeRoom(/** @type {WalkViewer} */ forViewer) {
  const others = viewers.filter((viewer) => viewer.scene && viewer !== forViewer);
  others.sort((a, b) => Number(a.isVisible) - Number(b.isVisible) || a.lastDrawn - b.lastDrawn);
  for (const viewer of others.slice(0, Math.max(0, others.length + 1 - WalkViewer.mostScenes))) viewer.suspend();
}

export class WalkViewer {
  /** All share one WebGL context, but each keeps its splats in the memory of the graphics. */
  static mostScenes = 24;

  /** @param {{ isPage?: boolean }} [options] `isPage`: fills a page of its own */
  constructor({ isPage = false } = {}) {
    this.id = nextId++;
    this.element = document.createElement("div");
    this.element.className = isPage ? "m3d-viewer m3d-page" : "m3d-viewer";
    this.element.lang = language();
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "application");
    this.element.setAttribute("aria-label", tr("World. Walk with W A S D, look by dragging, H for all keys."));
    this.element.dataset.captureWheel = "true"; // the host's sign: the wheel is ours while we have the focus
    this.canvas = document.createElement("canvas"); // shows what the page's one context has drawn for us
    this.element.append(this.canvas);
    this.overlay = new Overlay(this.element, (action) => this.act(action));
    this.overlay.onCompare = (share) => this.setCompare(share);
    this.overlay.onPanoramaFade = (share) => this.setPanoramaFade(share);
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
    this.fov = FOV_Y; // vertical, radians
    this.isOurs = false; // something says where one may stand in what is shown
    /** @type {import("./outside.mjs").Outside | null} how it is looked at when nothing does */
    this.outside = null;
    this.walk = startWalk();
    /** @type {import("./orbit.mjs").Orbit | null} null while walking */
    this.orbit = null;
    /** @type {import("./walls.mjs").Walls | null} */
    this.walls = null;
    this.hasWalls = true; // those there are hold
    this.hasGround = true;
    /** @type {import("./character.mjs").Standing | null} null while flying */
    this.standing = null;
    this.isCarried = false;
    this.hasArrived = false;
    this.isPolling = false;
    /** @type {import("./coverage_fade.mjs").Coverage | null} */
    this.coverage = null;
    this.fade = 0;
    /** @type {Uint8Array | null} where each splat comes from */
    this.origins = null;
    this.isProvenance = false;
    this.panoramaFade = 0; // of the source panorama, where it fits
    this.aroundPanorama = 0; // how far what is around it lies; 0: not yet known
    this.isSteady = false; // for benchmarks: always draw all splats and pixels
    this.pad = PAD_AT_REST;
    this.padTime = 0;
    this.hasPad = false;
    this.vr = /** @type {{ end(): void } | null} */ (null);
    this.isDepth = false;
    this.depthRange = [0, 1];
    this.quality = START_QUALITY;
    this.frames = 0;
    /** @type {Set<string>} */
    this.held = new Set();
    this.stick = { right: 0, forward: 0 };
    this.isVisible = true;
    this.isSuspended = false; // gave its graphics back for another viewer
    this.isDisposed = false;
    this.frameRequest = 0;
    this.lastStep = 0; // time up to which the walk has been reckoned; 0 at rest
    /** @type {import("./input_rewind.mjs").Moment[]} */
    this.moments = []; // before each of the last steps
    /** @type {number[] | null} */
    this.reached = null; // by the last step; another position was not walked to
    this.wasBusy = false; // at the last picture
    this.draggedFrom = 0; // when the first drag since that picture happened; 0: none
    this.lastHud = 0;
    this.lastDrawn = 0;
    this.lastDrag = -Infinity;
    this.restTimer = 0;
    this.frameMs = 0; // of the last picture of a movement
    this.lastShown = 0; // when that was begun; 0 at rest
    this.size = "";
    this.loading = new AbortController();
    /** @type {(() => void) | null} done once when the file that is being loaded is there */
    this.afterShow = null;
    /** @type {(result: { count?: number, error?: string }) => void} */
    this.settle = () => {};
    /** @type {Promise<{ count?: number, error?: string }>} */
    this.ready = new Promise((resolve) => (this.settle = resolve));

    this.settings = new Settings(this);
    this.unbind = bindInput(this);
    this.unfollow = followLanguage(this.element, () => this.showWords());
    this.unlistenTheme = onThemeChanged(() => this.showTheme());
    hasVirtualReality().then((has) => this.overlay.offer("vr", has));
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
    this.showTheme();
  }

  /** Id of the graph node that holds us, as the graph itself gives it. @returns {string | null} */
  get nodeId() {
    return this.node ? String(this.node.id) : null;
  }

  /** What lengths are in, to be written after a number. */
  get unit() {
    return this.file?.is_metric ? " m" : tr(" units");
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
    this.hasArrived = false;
    this.shown = { address, pose, other };
    this.overlay.say(tr("Opening the world"), { kind: "busy", detail: file.filename });
    try {
      const count = await this.open({ file, address }, loading.signal, false);
      if (loading.signal.aborted || this.isDisposed) return this.ready;
      await this.openParts(file, address, loading.signal);
      if (loading.signal.aborted || this.isDisposed) return this.ready;
      if (other) await this.open(other, loading.signal, true);
      if (loading.signal.aborted || this.isDisposed) return this.ready;
      if (!other) this.scene?.dropOther();
      this.setCompare(other ? 0.5 : 1);
      this.count = count;
      this.home = pose ?? (file.start_pose ? poseFromMatrix(file.start_pose) : ORIGIN);
      this.stepBack(this.isOurs || pose !== null);
      const path = this.recorder.givenPath().map((given) => given.position);
      const reach = this.scene?.world.medianDistance(this.home.position) ?? 1;
      this.coverage = this.isOurs ? coverageOf(this.home.position, path, reach) : null;
      this.arrive();
      this.setDepth(this.isDepth);
      this.setProvenance(this.isProvenance);
      this.overlay.uncover();
      this.settings.refresh();
      this.overlay.showHint(this.outside !== null);
      if (this.outside) this.overlay.tell(tellGuess(this.outside, this.walk.speed), "guess");
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
    const bytes = await fetchBytes(file, address, signal, (detail, fraction) =>
      this.overlay.say(tr("Loading the world"), { kind: "busy", detail, fraction }),
    );
    if (!isOther) this.isOurs = isWorld(file) || keepsOrigins(bytes);
    const scene = await this.openScene();
    this.overlay.say(tr("Unpacking the splats"), { kind: "busy", detail: file.filename });
    return scene.load(bytes, file.filename, file.axes ?? "RDF", isOther, this.isOurs).catch((error) => {
      throw new Error(tr("{name} cannot be shown: {why}", { name: file.filename, why: error?.message ?? error }));
    });
  }

  async openScene() {
    if (this.scene) return this.scene;
    makeRoom(this);
    const { SplatScene } = await import("./splat_scene.mjs").catch((error) => {
      throw new Error(tr("The viewer's libraries cannot be loaded: {why}", { why: error.message }));
    });
    try {
      this.scene = new SplatScene(this.canvas, () => this.requestFrame(), () => this.loseContext());
      this.scene.setFov(this.fov);
      this.scene.setBackground(this.settings.background);
    } catch {
      throw new Error(tr("This browser offers no WebGL 2, which the viewer needs. Switch on hardware acceleration."));
    }
    this.size = "";
    return this.scene;
  }

  /**
   * What comes beside a world: walls, origins, its panorama. A part that cannot be read is told of and left out.
   * @param {SplatFile} file
   * @param {string} address of the world, from which those of the parts follow
   * @param {AbortSignal} signal
   */
  async openParts(file, address, signal) {
    this.walls = null;
    this.origins = null;
    this.scene?.setPanorama(null);
    /** @param {unknown} part @param {(why: string) => string} complain @param {(address: string) => Promise<void>} open */
    const read = async (part, complain, open) => {
      const where = readPart(part, address);
      if (!where) return;
      await open(where).catch((error) => {
        if (!signal.aborted) this.overlay.tell(complain(error.message), "error");
      });
    };
    const bytesOf = async (/** @type {string} */ where) => {
      const response = await fetch(where, { signal });
      const { ok, status } = response;
      if (!ok) throw new Error(status === 404 ? tr("its file is gone, run the graph again") : tr("status {status}", { status }));
      return new Uint8Array(await response.arrayBuffer());
    };
    /** @type {Record<string, (why: string) => string>} */
    const complaints = {
      walls: (why) => tr("The walls cannot be read: {why}.", { why }),
      origins: (why) => tr("The origins of the splats cannot be read: {why}.", { why }),
      panorama: (why) => tr("The panorama cannot be read: {why}.", { why }),
    };
    await Promise.all([
      read(file.walls, complaints.walls, async (where) => void (this.walls = await readWalls(await bytesOf(where)))),
      read(file.origins, complaints.origins, async (where) => void (this.origins = await readOrigins(await bytesOf(where)))),
      read(file.panorama, complaints.panorama, async (where) => {
        const image = new Image();
        image.src = where;
        await image.decode().catch(() => Promise.reject(new Error(tr("its file is gone or damaged"))));
        this.scene?.setPanorama(image, file.panorama_pose ?? null);
      }),
    ]);
    this.hasWalls = this.walls !== null;
    this.overlay.offer("ground", this.walls !== null);
    this.overlay.offer("provenance", this.origins !== null);
    this.overlay.offer("panorama", Boolean(this.scene?.sphere));
    this.aroundPanorama = 0;
    this.setPanoramaFade(0);
  }

  loseContext() {
    this.scene = null;
    this.vr = null;
    this.fail(tr("The graphics device was lost. Click to open the world again."));
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
    scene.dispose(); // the canvas keeps the last picture
    this.overlay.say(tr("Paused, as many worlds are open. Click to go on here."), { kind: "paused" });
    this.overlay.message.addEventListener("click", () => this.resume(), { once: true });
  }

  /** Go on where the visitor was when the viewer gave its graphics back. */
  async resume() {
    if (!this.isSuspended || !this.file || !this.shown) return;
    const [pose, orbit] = [this.pose(), this.orbit];
    const shown = this.show(this.file, this.shown.address, this.shown.pose, this.shown.other);
    this.afterShow = () => (orbit && this.outside ? (this.orbit = orbit) : this.setPose(pose));
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
    this.stand();
    this.requestFrame();
  }

  /** Stand where we are, if walls hold and there is ground. */
  stand() {
    const holds = this.walls !== null && this.hasWalls && this.hasGround;
    this.moments = [];
    this.standing = holds && this.walls ? standAt(this.walls, this.walk.position) : null;
    this.overlay.press("walls", this.walls !== null && this.hasWalls);
    this.overlay.press("ground", this.standing !== null);
  }

  /** Let walls hold or not; a world that came without any gets those of its splats. @param {boolean} hasWalls */
  setWalls(hasWalls) {
    if (hasWalls && !this.walls) {
      this.walls = this.scene?.world.findWalls(this.walk.position) ?? null;
      this.hasGround = false; // holes in the floor are common
      if (this.walls) this.overlay.tell(tr("Walls are now where splats lie dense. Connect geometry or a collider for better ones."));
      this.overlay.offer("ground", this.walls !== null);
    }
    this.hasWalls = hasWalls;
    this.stand();
  }

  /** Show where the splats come from. @param {boolean} isProvenance */
  setProvenance(isProvenance) {
    const wasProvenance = this.isProvenance;
    this.isProvenance = isProvenance && this.origins !== null;
    if (this.scene && (this.isProvenance || wasProvenance)) {
      const counts = this.scene.world.showOrigins(this.isProvenance ? this.origins : null);
      const entries = ORIGINS.map(({ name, colour }, i) => ({ name: name(), colour, share: (counts[i] ?? 0) / this.count }));
      this.overlay.setLegend(entries.filter(({ share }) => share > 0));
    }
    this.overlay.press("provenance", this.isProvenance);
  }

  /** Fade to the source panorama. @param {number} share 0 to 1 */
  setPanoramaFade(share) {
    const sphere = this.scene?.sphere ?? null;
    this.panoramaFade = sphere ? Math.min(1, Math.max(0, share)) : 0;
    if (sphere && this.panoramaFade > 0 && this.fitOfPanoramaHere() < 1) {
      this.setPose({ position: sphere.centre });
      this.overlay.tell(tr("The panorama fits only where it was taken: you stand there now."));
    }
    this.showPanorama();
    this.overlay.movePanoramaFade(this.panoramaFade);
    this.requestFrame();
  }

  /** How well the panorama fits what is seen from here, 0 to 1. */
  fitOfPanoramaHere() {
    const { scene } = this;
    if (!scene?.sphere) return 0;
    const { centre } = scene.sphere;
    const { position } = this.pose();
    this.aroundPanorama ||= scene.world.medianDistance(centre);
    return fitOfPanorama(Math.hypot(...centre.map((v, i) => v - position[i])), this.aroundPanorama);
  }

  /** Fade as wanted, but only where the panorama fits. */
  showPanorama() {
    if (this.scene?.sphere) this.scene.sphere.share = this.panoramaFade * this.fitOfPanoramaHere();
  }

  /** The language has changed: put together anew what consists of several texts. */
  showWords() {
    this.showActions();
    this.settings.build();
    this.recorder.showStatus();
    this.setProvenance(this.isProvenance);
    this.updateHud(performance.now(), false);
  }

  showTheme() {
    this.element.classList.toggle("m3d-light", isPageLight());
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
    if (this.outside) {
      const { clientWidth: width, clientHeight: height } = this.element;
      this.orbit = orbitAround(this.outside, this.fov, (width || 1) / (height || 1));
    }
    this.overlay.press("orbit", this.orbit !== null);
    this.stand();
    this.requestFrame();
  }

  /** Look from outside at what says of no place that one may stand there. @param {boolean} canStand */
  stepBack(canStand) {
    const { scene } = this;
    if (this.outside) this.walk = startWalk(this.walk, DEFAULT_SPEED);
    this.outside = null;
    if (!scene) return;
    if (!canStand) this.turnUp(this.recorder.recording.axes ?? guessAxes(scene.world.somePoints()));
    else scene.lookFrom(null);
  }

  /** Turn splats so that another of their axes points up. @param {string} axes */
  turnUp(axes) {
    const { scene } = this;
    if (!scene) return;
    scene.turn(axes);
    this.outside = { axes, ...boxOf(scene.world.somePoints()) };
    scene.lookFrom(this.outside);
    this.walk = startWalk(this.walk, 0.5 * radiusOf(this.outside));
  }

  /** Another of their axes is up, as the guess was wrong. */
  nextUp() {
    if (!this.outside) return;
    if (!isEmpty(this.recorder.recording)) {
      this.overlay.tell(tr("What is up stays while something is recorded here. Clear it first."), "error");
      return;
    }
    this.turnUp(nextAxes(this.outside.axes));
    this.reset();
    this.overlay.tell(tr("{up} is up", { up: upOf(this.outside.axes) }));
    this.settings.refresh();
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
    this.walk = startWalk({ ...this.walk }, speed);
    this.settings.refresh();
    this.lastHud = 0;
    this.requestFrame();
  }

  /** @param {string} name of a ground behind the splats, see splat_scene.mjs */
  setBackground(name) {
    this.scene?.setBackground(name);
    this.requestFrame();
  }

  /** @param {boolean} isOrbit */
  setOrbit(isOrbit) {
    if (isOrbit && !this.orbit) {
      this.orbit = orbitFrom(this.walk, this.scene?.world.medianDistance(this.walk.position) ?? 1);
    } else if (!isOrbit && this.orbit) {
      this.walk = startWalk(poseOfOrbit(this.orbit), this.walk.speed);
      this.orbit = null;
      this.stand();
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
  setCompare(share) {
    if (!this.scene) return;
    this.scene.compare = Math.min(1, Math.max(0, share));
    this.overlay.moveCompareLine(this.scene.compare, this.scene.other !== null);
    this.requestFrame();
  }

  // What the visitor does (called by input.mjs) -----------------------------------------------------

  /** @param {string} action */
  act(action) {
    if (action === "help") this.overlay.toggleHelp();
    if (action === "settings") this.settings.toggle();
    if (!this.scene || !this.overlay.message.hidden) return;
    this.overlay.hint.hidden = true;
    this.recorder.act(action);
    if (action === "reset") this.reset();
    if (action === "orbit") this.setOrbit(!this.orbit);
    if (action === "up") this.nextUp();
    if (action === "depth") this.setDepth(!this.isDepth);
    if (action === "walls") this.setWalls(!(this.walls && this.hasWalls));
    if (action === "ground" && this.walls) {
      this.hasGround = !this.standing;
      if (this.hasGround) this.hasWalls = true;
      this.stand();
    }
    if (action === "provenance" && this.origins) this.setProvenance(!this.isProvenance);
    if (action === "panorama" && this.scene.sphere) this.setPanoramaFade(this.panoramaFade > 0 ? 0 : 0.5);
    if (action === "vr") this.toggleVirtualReality();
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
    const until = this.lastStep;
    if (until > when) this.rewind(when);
    if (until) this.step(when);
    this.recorder.sample(when, true);
    change();
    if (until > when) this.step(until);
    if (this.orbit) {
      const wish = this.wish();
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
   * @param {number} [since] when the pointer began to move that far, milliseconds
   */
  drag(dx, dy, how, since = performance.now()) {
    const height = this.element.getBoundingClientRect().height || 1;
    const now = performance.now();
    if (now - this.lastDrag > DRAG_MS) this.recorder.sample(now, true);
    if (this.orbit) {
      this.orbit =
        how === "pan" ? panOrbit(this.orbit, dx, dy, height, this.fov) : dragOrbit(this.orbit, dx, dy, height);
    } else {
      const perPixel = (how === "grab" ? -1 : LOOK_GAIN) * (this.fov / height); // what is grabbed stays under the finger
      this.walk = look(this.walk, dx, dy, perPixel);
    }
    this.lastDrag = now;
    this.draggedFrom ||= since;
    this.recorder.sample(now);
    this.overlay.hint.hidden = true;
    this.requestFrame();
  }

  /** @param {number} right @param {number} forward seconds of walking */
  push(right, forward) {
    this.setOrbit(false);
    const walk = moveBy(this.walk, right * this.walk.speed, forward * this.walk.speed);
    const { walls } = this;
    this.walk =
      walls && this.hasWalls
        ? { ...walk, position: moveAlong(walls, this.walk.position, walk.position, characterBody(walls, this.standing)).position }
        : walk;
    this.isCarried = this.standing !== null;
    if (!this.lastStep) this.lastStep = performance.now();
    this.recorder.sample(performance.now());
    this.requestFrame();
  }

  /** @param {number} notches up positive */
  wheel(notches) {
    if (this.orbit) this.orbit = zoomOrbit(this.orbit, notches);
    else this.walk = changeSpeed(this.walk, notches);
    this.settings.refresh();
    this.lastHud = 0;
    this.requestFrame();
  }

  toggleLock() {
    if (document.pointerLockElement === this.element) document.exitPointerLock();
    else Promise.resolve(this.element.requestPointerLock?.()).catch(() => {}); // refused: dragging still works
  }

  async toggleVirtualReality() {
    if (this.vr) return this.vr.end();
    try {
      this.vr = await startVirtualReality(this, () => {
        this.vr = null;
        this.overlay.press("vr", false);
        this.size = "";
        this.requestFrame();
      });
      this.overlay.press("vr", true);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.overlay.tell(tr("The headset does not start: {why}", { why }), "error");
    }
  }

  toggleFullscreen() {
    if (document.fullscreenElement === this.element) document.exitFullscreen();
    else this.element.requestFullscreen?.().catch(() => {}); // refused by the page around: stay as it is
  }

  async saveScreenshot() {
    const blob = await this.screenshot(sizeOfText(this.settings.pictureSize));
    if (blob) saveBlob(blob, pictureName(this.file?.filename, new Date()));
  }

  /**
   * @param {[number, number] | null} [size] width and height in pixels; null: those of the view
   * @returns {Promise<Blob | null>} PNG of the picture without what lies over it
   */
  async screenshot(size = null) {
    const { scene } = this;
    if (!scene) return null;
    this.fit(1);
    scene.world.setBudget(0);
    const picture = await scene.takePicture(this.pose(), size);
    this.requestFrame();
    return picture;
  }

  // Drawing -----------------------------------------------------------------------------------------

  requestFrame() {
    if (this.frameRequest || this.isDisposed || !this.scene || !this.isVisible || document.hidden || this.vr) return;
    this.frameRequest = requestAnimationFrame((now) => this.frame(now));
  }

  /** What is asked for now, by keys, stick and gamepad. */
  wish() {
    const wish = wishOf(this.held, this.stick);
    const { wish: pad } = this.pad;
    const sum = (/** @type {number} */ a, /** @type {number} */ b) => Math.min(1, Math.max(-1, a + b));
    return {
      right: sum(wish.right, pad.right),
      up: sum(wish.up, pad.up),
      forward: sum(wish.forward, pad.forward),
      fast: wish.fast || pad.fast,
    };
  }

  /**
   * Take back what was walked after some time. Where the eye was put since, it stays.
   * @param {number} when milliseconds
   */
  rewind(when) {
    const moment = this.walk.position === this.reached ? momentAt(this.moments, when) : null;
    if (!moment) return;
    const { time, position, velocity, standing, isCarried } = moment;
    this.walk = { ...this.walk, position, velocity };
    this.standing = standing;
    this.isCarried = isCarried;
    this.lastStep = time;
    this.moments = this.moments.filter((one) => one.time < time);
    this.reached = position;
    this.recorder.forget(time); // what comes after that is walked, and recorded, again
  }

  /** @param {number} now milliseconds */
  step(now) {
    const { lastStep: time, standing, isCarried } = this;
    const { position, velocity } = this.walk;
    const seconds = (now - time) / 1000;
    this.lastStep = Math.max(now, time);
    if (this.orbit || seconds <= 0) return;
    if (position !== this.reached) this.moments = [];
    this.moments = remember(this.moments, { time, position, velocity, standing, isCarried });
    this.walkFor(seconds, now);
    this.reached = this.walk.position;
  }

  /**
   * @param {number} seconds
   * @param {number} now when they end, milliseconds
   */
  walkFor(seconds, now) {
    const wish = this.wish();
    if (!this.walls || !this.hasWalls) {
      this.walk = stepWalk(this.walk, wish, seconds);
      this.isCarried = false;
      return;
    }
    // Between slow pictures one may go around a corner: reckon and record it in short parts.
    const whole = Math.min(seconds, MOST_CHARACTER_S);
    const parts = Math.ceil(whole / CHARACTER_STEP_S);
    for (let part = 1; part <= parts; part++) {
      this.moveCharacter(wish, whole / parts, now - 1000 * whole * (1 - part / parts));
    }
  }

  /**
   * @param {import("./walk.mjs").Wish} wish
   * @param {number} seconds
   * @param {number} when it ends, milliseconds
   */
  moveCharacter(wish, seconds, when) {
    if (!this.walls) return;
    const next = stepCharacter(this.walk, wish, seconds, this.walls, this.standing);
    this.walk = next.walk;
    this.standing = next.standing;
    this.isCarried = next.isCarried;
    this.recorder.sample(when);
  }

  /**
   * Let time pass on a headset.
   * @param {number} seconds
   * @param {number} heading of the head, radians right of where the visitor faces
   */
  stepFor(seconds, heading) {
    const { yaw } = this.walk;
    const now = performance.now();
    this.setOrbit(false);
    this.walk = { ...this.walk, yaw: yaw + heading };
    this.lastStep = now - 1000 * seconds;
    this.step(now);
    this.walk = { ...this.walk, yaw };
    this.recorder.sample(now);
    return this.pose();
  }

  /** Ask the gamepad, if there is one and we have the focus. */
  pollPad() {
    const isOurs = this.element.contains(document.activeElement);
    const pad = isOurs && this.hasPad ? [...(navigator.getGamepads?.() ?? [])].find((one) => one?.connected) : null;
    const now = performance.now();
    const state = pad ? readPad(pad) : PAD_AT_REST;
    for (const action of padActions(this.pad, state)) this.act(action);
    const seconds = Math.min((now - this.padTime) / 1000, 0.1);
    this.padTime = now;
    const isChanged = JSON.stringify(state.wish) !== JSON.stringify(this.pad.wish);
    if (isChanged) this.changeWish(() => (this.pad = state), now);
    this.pad = state;
    if (state.turn.yaw || state.turn.pitch) {
      if (this.orbit) this.orbit = dragOrbit(this.orbit, state.turn.yaw * seconds, 0 - state.turn.pitch * seconds, Math.PI);
      else this.walk = look(this.walk, state.turn.yaw * seconds, 0 - state.turn.pitch * seconds, 1);
      this.lastDrag = now;
      this.recorder.sample(now);
    }
    if (isPadActive(state)) this.requestFrame();
    if (pad && !this.isDisposed) requestAnimationFrame(() => this.pollPad());
    else this.isPolling = false;
  }

  /** Begin to ask the gamepad when it may be ours. */
  watchPad() {
    this.hasPad = [...(navigator.getGamepads?.() ?? [])].some((one) => one?.connected);
    if (!this.hasPad || this.isPolling) return;
    this.isPolling = true;
    this.padTime = performance.now();
    this.pollPad();
  }

  /** @param {number} now milliseconds, of the animation clock */
  frame(now) {
    this.frameRequest = 0;
    if (!this.scene || this.isDisposed || this.vr) return;
    const clock = performance.now();
    if (this.lastStep) this.step(clock);
    const wish = this.wish();
    const isBusy = !this.orbit && (isMoving(this.walk) || this.isCarried || Boolean(wish.right || wish.up || wish.forward));
    const isActive = isBusy || clock - this.lastDrag < DRAG_MS;
    this.frameMs = isActive && this.lastShown ? Math.min(now - this.lastShown, 2000) : 0;
    if ((isBusy && this.wasBusy && this.lastShown) || isHeldUp(this.lastShown, this.draggedFrom)) {
      this.quality = countFrame(this.quality, now - this.lastShown, this.scene.world.isLarge);
    }
    this.lastShown = isActive ? now : 0;
    this.wasBusy = isBusy;
    this.draggedFrom = 0;
    if (!isBusy) this.lastStep = 0;
    if (isActive) this.armRest();

    const level = this.restTimer && !this.isSteady ? LEVELS[this.quality.level] : LEVELS[0];
    this.fit(level.fineness);
    this.scene.world.setBudget(level.splats);
    this.recorder.sample(clock);
    const pose = this.pose();
    this.showPanorama();
    this.scene.render(pose);
    this.frames++;
    this.lastDrawn = clock;
    this.showCoverage(pose.position);
    if (!this.scene.isSorting && this.scene.world.drawn > 0) this.arrived();
    this.updateHud(clock, isBusy);
    if (isBusy) this.requestFrame();
  }

  /** The first sorted picture is there. */
  arrived() {
    this.settle({ count: this.count });
    if (this.hasArrived) return;
    this.hasArrived = true;
    // Only now, as it takes a worker and memory.
    this.scene?.world.prepareLod().catch(() => {}); // without coarser versions fewer pixels must do
  }

  /** Fade the view where nothing is known. @param {number[]} position */
  showCoverage(position) {
    if (!this.coverage) return this.overlay.fadeOut(0, "");
    const isInside = this.walls !== null && this.hasWalls && deepest(this.walls, position, 1e-3 * this.walls.unit) !== null;
    const { fade, why } = this.orbit ? { fade: 0, why: "" } : fadeAt(this.coverage, position, isInside);
    this.fade = fade;
    this.overlay.fadeOut(fade * MOST_FADE, why);
  }

  /** Draw with all splats and pixels again once nothing has moved for a moment, which is longer on slow graphics. */
  armRest() {
    clearTimeout(this.restTimer);
    this.restTimer = window.setTimeout(
      () => {
        this.restTimer = 0;
        this.quality = { ...this.quality, mean: 0, frames: 0, spent: 0 };
        this.requestFrame();
      },
      Math.max(REST_MS, 2 * this.frameMs),
    );
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
    this.element.classList.toggle("m3d-low", height < 330);
  }

  /** @param {number} clock @param {boolean} isBusy */
  updateHud(clock, isBusy) {
    if (isBusy && clock - this.lastHud < HUD_MS) return;
    this.lastHud = clock;
    const { position } = this.pose();
    const { unit } = this;
    const [x, y, z] = position.map((value) => (Math.abs(value) < 0.005 ? 0 : value).toFixed(2));
    const speed = `${plainNumber(this.walk.speed)}${unit}/s`;
    const fps = isBusy && this.quality.mean ? tr("{count} fps", { count: Math.round(1000 / this.quality.mean) }) : "";
    const [near, far] = this.depthRange.map(plainNumber);
    const depth = this.isDepth ? tr("depth {near} to {far}", { near, far }) + unit : "";
    const drawn = this.scene?.world.drawn ?? 0;
    const [part, whole] = [shortCount(drawn), shortCount(this.count)];
    const isPart = drawn > 0 && drawn < 0.95 * this.count && this.restTimer;
    const splats = tr("{count} splats", { count: isPart ? tr("{part} of {whole}", { part, whole }) : whole });
    const up = this.outside ? tr("{up} is up", { up: upOf(this.outside.axes) }) : "";
    const parts = [this.orbit ? tr("orbit") : speed, up, depth, splats, fps].filter(Boolean);
    this.overlay.hud.innerHTML = `<b>x ${x} &nbsp;y ${y} &nbsp;z ${z}${unit}</b> &nbsp;·&nbsp; ${parts.join(" &nbsp;·&nbsp; ")}`;
  }

  stats() {
    return {
      frames: this.frames,
      fps: this.quality.mean ? 1000 / this.quality.mean : 0,
      count: this.count,
      drawn: this.scene?.world.drawn ?? 0,
      pixelRatio: this.scene?.pixelRatio ?? 0,
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
    this.unlistenTheme();
    this.unfollow();
    this.vr?.end();
    this.resizing.disconnect();
    this.seeing.disconnect();
    this.settle({ error: "the viewer was closed" });
    this.scene?.dispose();
    this.scene = null;
    this.element.remove();
    viewers.splice(viewers.indexOf(this), 1);
  }
}
