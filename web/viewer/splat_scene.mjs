// Draws splats with Spark on three.js, in the context that all viewers of a page share. Independent of the page around its
// canvas and of the host.

import * as THREE from "../vendor/three.mjs";
import { SplatMesh } from "../vendor/spark.mjs";

import { tr } from "../i18n/translate.mjs";
import { PathLines } from "./path_lines.mjs";
import { FOV_Y, toThree } from "./pose.mjs";
import { Grid } from "./grid.mjs";
import { lowpassIn } from "./lowpass.mjs";
import { radiusOf } from "./outside.mjs";
import { PanoramaSphere } from "./panorama_sphere.mjs";
import { SplatLayer } from "./splat_layer.mjs";
import { Stage } from "./stage.mjs";
import { widening } from "./widening.mjs";

/** @typedef {import("./pose.mjs").Pose} Pose */

/** Background colors; independent of the theme, as screenshots are. */
export const BACKGROUNDS = { dark: 0x0e1013, gray: 0x8a8f96, white: 0xffffff };
const CLIP = [0.01, 10_000]; // near and far plane, world units
const DEPTH_SHARES = [0.02, 0.95]; // of the splats: the quantiles of depth shown as white and black

export class SplatScene {
  /**
   * @param {HTMLCanvasElement} canvas that shows the frames
   * @param {() => void} onDirty called when a new frame is needed (splats sorted, data arrived)
   * @param {() => void} onLost called when the WebGL context was lost
   * @throws {Error} when the browser gives no WebGL 2
   */
  constructor(canvas, onDirty, onLost) {
    this.onDirty = onDirty;
    this.canvas = canvas;
    this.target = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    this.user = { onLost };
    this.stage = Stage.join(this.user);
    this.renderer = this.stage.renderer;
    this.pixelRatio = 1;
    this.camera = new THREE.PerspectiveCamera((FOV_Y / Math.PI) * 180, 1, ...CLIP);
    this.camera.rotation.order = "YXZ";
    this.world = new SplatLayer(this.stage, onDirty);
    /** @type {SplatLayer | null} shown to the right of the compare slider */
    this.other = null;
    this.compare = 1; // position of the compare slider, 0 to 1; the first world is left of it
    this.background = /** @type {keyof BACKGROUNDS} */ ("dark");
    /** @type {import("./outside.mjs").Outside | null} */
    this.outside = null;
    this.hasGrid = true;
    this.grid = new Grid();
    this.path = new PathLines();
    this.lines = new THREE.Scene();
    this.lines.add(this.path.group);
    /** @type {PanoramaSphere | null} */
    this.sphere = null;
    this.isDisposed = false;
  }

  /** Name of the graphics device, for bug reports. */
  get device() {
    return this.stage.device;
  }

  /**
   * Show the splats of a file instead of those shown now.
   * @param {Uint8Array} bytes
   * @param {string} name whose suffix gives the format
   * @param {string} [axes] of the file, OpenCV's by default
   * @param {boolean} [isOther] load the world right of the compare slider
   * @param {boolean} [isWorld] fitted to panoramas by this pack
   * @returns {Promise<number>} how many there are
   */
  async load(bytes, name, axes = "RDF", isOther = false, isWorld = false) {
    const mesh = new SplatMesh({ fileBytes: bytes, fileName: name, ...(isWorld && { objectModifier: widening() }) });
    await mesh.initialized;
    const count = mesh.packedSplats?.numSplats ?? 0;
    if (this.isDisposed || count === 0) {
      mesh.dispose();
      if (count === 0) throw new Error(tr("{name} contains no splats.", { name }));
      return 0;
    }
    if (isOther) this.other ??= new SplatLayer(this.stage, this.onDirty);
    const world = isOther ? /** @type {SplatLayer} */ (this.other) : this.world;
    world.unload();
    world.place(axes);
    world.mesh = mesh;
    world.group.add(mesh);
    return count;
  }

  /** Show the worlds as they are at a time. @param {number} seconds */
  showTime(seconds) {
    for (const layer of [this.world, this.other]) layer?.showTime(seconds);
  }

  /** Drop the second world. */
  dropOther() {
    this.other?.dispose();
    this.other = null;
    this.compare = 1;
  }

  /** Rotate the splats to other axes than the file's own. @param {string} axes */
  rotateTo(axes) {
    this.world.place(axes);
    this.other?.place(axes);
    this.onDirty();
  }

  /** Set up the clip planes, and the grid below splats without a start pose. @param {import("./outside.mjs").Outside | null} outside */
  setOutside(outside) {
    this.outside = outside;
    const radius = outside ? radiusOf(outside) : 1;
    this.camera.near = outside ? Math.min(CLIP[0], 0.002 * radius) : CLIP[0];
    this.camera.far = outside ? Math.max(CLIP[1], 100 * radius) : CLIP[1];
    this.camera.updateProjectionMatrix();
    if (outside) this.grid.show(outside, this.world.group.quaternion, this.background === "white");
    else this.grid.clear();
  }

  /** @param {number} fov vertical, radians */
  setFov(fov) {
    this.camera.fov = (fov / Math.PI) * 180;
    this.camera.updateProjectionMatrix();
    this.path.fov = fov;
  }

  /** @param {string} name one of `BACKGROUNDS`; unknown names mean dark */
  setBackground(name) {
    this.background = /** @type {keyof BACKGROUNDS} */ (Object.hasOwn(BACKGROUNDS, name) ? name : "dark");
    this.setOutside(this.outside);
  }

  /**
   * Show depth, near white and far black, or the splats' own colors.
   * @param {boolean} isOn
   * @param {number[]} position of the eye, from which the range is measured; OpenCV axes
   * @returns {[number, number]} from white to black, world units
   */
  showDepth(isOn, position) {
    const [near, far] = this.world.distances(position, DEPTH_SHARES);
    const range = /** @type {[number, number]} */ ([0.5 * near, Math.max(far, near)]);
    for (const layer of [this.world, this.other]) layer?.showDepth(isOn ? range : null);
    return range;
  }

  /**
   * @param {HTMLImageElement | null} image the source panorama
   * @param {number[] | null} [pose] world-to-camera of the panorama, 16 numbers; null: at the origin
   */
  setPanorama(image, pose = null) {
    this.sphere?.dispose();
    this.sphere = image && new PanoramaSphere(image, pose);
  }

  /**
   * @param {number} width CSS pixels
   * @param {number} height CSS pixels
   * @param {number} pixelRatio drawn pixels per CSS pixel
   */
  resize(width, height, pixelRatio) {
    this.pixelRatio = pixelRatio;
    this.width = Math.max(1, Math.floor(width * pixelRatio));
    this.height = Math.max(1, Math.floor(height * pixelRatio));
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
  }

  /**
   * Draw a path into the world instead of the one drawn now.
   * @param {number[][]} points of the path, OpenCV axes
   * @param {Pose[]} poses each drawn as a small camera
   * @param {Pose | null} view drawn as a camera of another color
   * @param {Pose[]} given a second path, drawn faintly
   */
  showPath(points, poses, view, given) {
    this.path.show(points, poses, view, given, this.camera.aspect);
  }

  /** Set the camera pose. @param {Pose} pose */
  place(pose) {
    const { position, rotation } = toThree(pose);
    this.camera.position.set(position[0], position[1], position[2]);
    this.camera.rotation.set(...rotation);
  }

  /**
   * Draw a frame and copy it to the canvas.
   * @param {Pose} pose
   * @param {boolean} [hasPath] false omits path and grid
   */
  render(pose, hasPath = true) {
    this.place(pose);
    const { canvas, stage, width = 1, height = 1 } = this;
    stage.prepare(width, height);
    this.draw(hasPath);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width; // also clears it, which is not visible: the frame follows at once
      canvas.height = height;
    }
    this.target.drawImage(stage.canvas, 0, 0);
  }

  /**
   * @param {Pose} pose
   * @param {[number, number] | null} size width and height in pixels; null: those of the view
   * @returns {Promise<Blob | null>} PNG, without path and grid
   */
  async renderImage(pose, size) {
    const { stage, camera } = this;
    const [width, height] = size ?? [this.width ?? 1, this.height ?? 1];
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [width, height];
    const aspect = camera.aspect;
    for (let turn = 0; turn < 2; turn++) {
      // Another aspect shows other splats: they are sorted after the first drawing.
      camera.aspect = width / height;
      camera.updateProjectionMatrix();
      this.place(pose);
      stage.prepare(width, height);
      this.draw(false);
      copy.getContext("2d", { alpha: false })?.drawImage(stage.canvas, 0, 0);
      camera.aspect = aspect;
      camera.updateProjectionMatrix();
      for (let i = 0; i < 500 && this.isSorting; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return new Promise((resolve) => copy.toBlob(resolve, "image/png"));
  }

  /** @param {boolean} hasPath */
  draw(hasPath) {
    const { renderer, camera, other, sphere } = this;
    const { height } = this.stage.canvas;
    for (const world of [this.world, this.other]) {
      if (world) world.spark.preBlurAmount = lowpassIn((camera.fov / 180) * Math.PI, height);
    }
    renderer.setClearColor(BACKGROUNDS[this.background], 1);
    renderer.setScissorTest(false);
    renderer.clear();
    if (hasPath && this.outside && this.hasGrid) renderer.render(this.grid.scene, camera);
    if (other && this.compare < 1) {
      const size = renderer.getSize(new THREE.Vector2());
      const edge = Math.round(size.x * this.compare);
      renderer.setScissorTest(true);
      renderer.setScissor(edge, 0, size.x - edge, size.y);
      renderer.render(other.scene, camera);
      renderer.setScissor(0, 0, edge, size.y);
      if (edge > 0) renderer.render(this.world.scene, camera);
      renderer.setScissorTest(false);
    } else if (!sphere || sphere.share < 1) {
      renderer.render(this.world.scene, camera);
    }
    if (sphere && sphere.share > 0) renderer.render(sphere.scene, camera);
    if (!hasPath) return;
    this.path.hideNear(camera.position);
    renderer.render(this.lines, camera);
  }

  /**
   * Draw on a headset until its session ends.
   * @param {any} session of WebXR
   * @param {(seconds: number, heading: number) => Pose} onFrame takes the time since the last frame and the heading of the
   *   head (radians, positive right), and returns the pose of the user
   * @returns {Promise<() => void>} to be called when the session has ended
   */
  async enterXr(session, onFrame) {
    const { renderer, camera } = this;
    renderer.xr.enabled = true;
    renderer.xr.setReferenceSpaceType("local");
    await renderer.xr.setSession(session);
    const rig = new THREE.Group();
    rig.rotation.order = "YXZ";
    this.world.scene.add(rig);
    rig.add(camera);
    camera.position.set(0, 0, 0);
    camera.rotation.set(0, 0, 0);
    const ahead = new THREE.Vector3();
    let last = 0;
    renderer.setAnimationLoop((time) => {
      const seconds = last ? Math.min((time - last) / 1000, 0.1) : 0;
      last = time;
      renderer.xr.getCamera().getWorldDirection(ahead);
      const { position, rotation } = toThree(onFrame(seconds, Math.atan2(ahead.x, -ahead.z) + rig.rotation.y));
      rig.position.set(position[0], position[1], position[2]);
      rig.rotation.set(0, rotation[1], 0);
      renderer.setClearColor(BACKGROUNDS[this.background], 1);
      renderer.clear();
      renderer.render(this.world.scene, camera);
    });
    return () => {
      renderer.setAnimationLoop(null);
      renderer.xr.enabled = false;
      rig.remove(camera);
      this.world.scene.remove(rig);
    };
  }

  /** True while the order of the splats lags behind the last frame. */
  get isSorting() {
    return this.world.isSorting || Boolean(this.other && this.compare < 1 && this.other.isSorting);
  }

  async dispose() {
    this.isDisposed = true;
    await Promise.all([this.world.dispose(), this.other?.dispose()]);
    this.sphere?.dispose();
    this.path.clear();
    this.grid.clear();
    this.stage.leave(this.user);
  }
}
