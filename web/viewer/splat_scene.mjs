// Draws splats with Spark on three.js. Knows nothing of the page around its canvas, nor of the host.

import * as THREE from "../vendor/three.mjs";
import { SparkRenderer, SplatMesh, modifiers } from "../vendor/spark.mjs";

import { columnsOfAxes, isMirrored } from "./axes.mjs";
import { PathLines } from "./path_lines.mjs";
import { FOV_Y, toThree } from "./pose.mjs";

/** @typedef {import("./pose.mjs").Pose} Pose */

const BACKGROUND = 0x0e1013;
const SAMPLES = 2000;
const DEPTH_SHARES = [0.02, 0.95]; // of the splats, between which the grey of the depth mode runs

/** One world: its splats, turned upright, and what sorts and draws them. */
class World {
  /** @param {THREE.WebGLRenderer} renderer @param {() => void} onDirty */
  constructor(renderer, onDirty) {
    this.scene = new THREE.Scene();
    // Splats are trained with 0.3 px of blur that does not lower their opacity; draw them the same way.
    this.spark = new SparkRenderer({ renderer, onDirty, preBlurAmount: 0.3, blurAmount: 0 });
    this.scene.add(this.spark);
    this.group = new THREE.Group();
    this.scene.add(this.group);
    /** @type {SplatMesh | null} */
    this.mesh = null;
  }

  /**
   * Turn the world from a file's axes to those of three.js: from OpenCV's by 180 degrees about x.
   * @param {string} axes
   */
  place(axes) {
    const columns = columnsOfAxes(axes);
    if (!columns) throw new Error(`${axes} names no axes.`);
    if (isMirrored(columns)) throw new Error(`Its axes (${axes}) are left-handed, which this viewer cannot show.`);
    const [x, y, z] = columns.map((column) => new THREE.Vector3(column[0], column[1], column[2]));
    this.group.quaternion.setFromRotationMatrix(new THREE.Matrix4().makeBasis(x, y, z));
    this.group.updateMatrixWorld(true);
  }

  unload() {
    if (!this.mesh) return;
    this.group.remove(this.mesh);
    this.mesh.dispose();
    this.mesh = null;
  }

  get isSorting() {
    return this.spark.sorting || this.spark.sortDirty;
  }

  async dispose() {
    for (let i = 0; i < 100 && this.spark.sorting; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // a sort in flight would end in a stray error
    }
    this.unload();
    this.spark.dispose();
  }
}

export class SplatScene {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onDirty called when a new picture is due (splats sorted, data arrived)
   * @throws {Error} when the browser gives no WebGL 2
   */
  constructor(canvas, onDirty) {
    this.onDirty = onDirty;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: false, powerPreference: "high-performance" });
    this.renderer.setClearColor(BACKGROUND, 1);
    this.renderer.autoClear = false;
    this.camera = new THREE.PerspectiveCamera((FOV_Y / Math.PI) * 180, 1, 0.01, 10_000);
    this.camera.rotation.order = "YXZ";
    this.world = new World(this.renderer, onDirty);
    /** @type {World | null} what is shown to the right of the wipe */
    this.other = null;
    this.wipe = 1; // up to here from the left the first world is shown
    this.path = new PathLines();
    this.lines = new THREE.Scene();
    this.lines.add(this.path.group);
    this.isDisposed = false;
  }

  get spark() {
    return this.world.spark;
  }

  get mesh() {
    return this.world.mesh;
  }

  /** Name of the graphics device, for bug reports. */
  get device() {
    const gl = this.renderer.getContext();
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  }

  /**
   * Show the splats of a file instead of those shown now.
   * @param {Uint8Array} bytes
   * @param {string} name with its suffix, which tells the format
   * @param {string} [axes] of the file, OpenCV's by default
   * @param {boolean} [isOther] to the right of the wipe
   * @returns {Promise<number>} how many there are
   */
  async load(bytes, name, axes = "RDF", isOther = false) {
    const mesh = new SplatMesh({ fileBytes: bytes, fileName: name });
    await mesh.initialized;
    const count = mesh.packedSplats?.numSplats ?? 0;
    if (this.isDisposed || count === 0) {
      mesh.dispose();
      if (count === 0) throw new Error(`${name} holds no splats.`);
      return 0;
    }
    if (isOther) this.other ??= new World(this.renderer, this.onDirty);
    const world = isOther ? /** @type {World} */ (this.other) : this.world;
    world.unload();
    world.place(axes);
    world.mesh = mesh;
    world.group.add(mesh);
    return count;
  }

  /** Leave only the first world. */
  dropOther() {
    this.other?.dispose();
    this.other = null;
    this.wipe = 1;
  }

  /**
   * Distances of the splats from a point, a measure of how large the place is.
   * @param {number[]} position OpenCV axes
   * @param {number[]} shares of the splats, from 0 to 1, such as [0.5] for the median
   * @returns {number[]} within which so many of them lie, world units
   */
  distances(position, shares) {
    const splats = this.mesh?.packedSplats;
    if (!splats || splats.numSplats === 0) return shares.map(() => 1);
    const stride = Math.max(1, Math.floor(splats.numSplats / SAMPLES));
    const eye = this.world.group.worldToLocal(new THREE.Vector3(position[0], 0 - position[1], 0 - position[2]));
    /** @type {number[]} */
    const distances = [];
    for (let i = 0; i < splats.numSplats; i += stride) {
      const { x, y, z } = splats.getSplat(i).center;
      distances.push(Math.hypot(x - eye.x, y - eye.y, z - eye.z));
    }
    distances.sort((a, b) => a - b);
    return shares.map((share) => distances[Math.min(distances.length - 1, Math.floor(share * distances.length))] || 1);
  }

  /** @param {number[]} position OpenCV axes */
  medianDistance(position) {
    return this.distances(position, [0.5])[0];
  }

  /**
   * Paint the splats by their distance ahead of the eye, near ones white, or in their own colours again.
   * @param {boolean} isOn
   * @param {number[]} position of the eye, which sets the range; OpenCV axes
   * @returns {[number, number]} from white to black, world units
   */
  showDepth(isOn, position) {
    const [near, far] = this.distances(position, DEPTH_SHARES);
    const range = /** @type {[number, number]} */ ([0.5 * near, Math.max(far, near)]);
    for (const mesh of [this.world.mesh, this.other?.mesh]) {
      if (isOn && mesh) modifiers.setDepthColor(mesh, range[0], range[1], true);
      else if (mesh?.enableWorldToView) {
        mesh.worldModifier = undefined;
        mesh.enableWorldToView = false;
        mesh.updateGenerator();
      }
    }
    return range;
  }

  /**
   * @param {number} width CSS pixels
   * @param {number} height CSS pixels
   * @param {number} pixelRatio drawn pixels per CSS pixel
   */
  resize(width, height, pixelRatio) {
    this.renderer.setPixelRatio(pixelRatio);
    this.renderer.setSize(width, height, false);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
  }

  /**
   * Draw a path into the world instead of the one drawn now.
   * @param {number[][]} points of the way, OpenCV axes
   * @param {Pose[]} poses each drawn as a small camera
   * @param {Pose | null} view drawn as a camera of another colour
   * @param {Pose[]} given a second path, drawn faintly
   */
  showPath(points, poses, view, given) {
    this.path.show(points, poses, view, given, this.camera.aspect);
  }

  /** @param {Pose} pose @param {boolean} [hasPath] false leaves the path out */
  render(pose, hasPath = true) {
    const { position, rotation } = toThree(pose);
    this.camera.position.set(position[0], position[1], position[2]);
    this.camera.rotation.set(...rotation);
    const { renderer, camera, other } = this;
    renderer.setScissorTest(false);
    renderer.clear();
    if (other && this.wipe < 1) {
      const size = renderer.getSize(new THREE.Vector2());
      const edge = Math.round(size.x * this.wipe);
      renderer.setScissorTest(true);
      renderer.setScissor(edge, 0, size.x - edge, size.y);
      renderer.render(other.scene, camera);
      renderer.setScissor(0, 0, edge, size.y);
      if (edge > 0) renderer.render(this.world.scene, camera);
      renderer.setScissorTest(false);
    } else {
      renderer.render(this.world.scene, camera);
    }
    if (!hasPath) return;
    this.path.hideNear(camera.position);
    renderer.render(this.lines, camera);
  }

  /** True while the order of the splats lags behind the last picture. */
  get isSorting() {
    return this.world.isSorting || Boolean(this.other && this.wipe < 1 && this.other.isSorting);
  }

  async dispose() {
    this.isDisposed = true;
    await Promise.all([this.world.dispose(), this.other?.dispose()]);
    this.path.clear();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}
