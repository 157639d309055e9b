// Draws splats with Spark on three.js. Knows nothing of the page around its canvas, nor of the host.

import * as THREE from "../vendor/three.mjs";
import { SparkRenderer, SplatMesh } from "../vendor/spark.mjs";

import { columnsOfAxes, isMirrored } from "./axes.mjs";
import { PathLines } from "./path_lines.mjs";
import { FOV_Y, toThree } from "./pose.mjs";

/** @typedef {import("./pose.mjs").Pose} Pose */

const BACKGROUND = 0x0e1013;
const SAMPLES = 2000;

export class SplatScene {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {() => void} onDirty called when a new picture is due (splats sorted, data arrived)
   * @throws {Error} when the browser gives no WebGL 2
   */
  constructor(canvas, onDirty) {
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: false, powerPreference: "high-performance" });
    this.renderer.setClearColor(BACKGROUND, 1);
    this.camera = new THREE.PerspectiveCamera((FOV_Y / Math.PI) * 180, 1, 0.01, 10_000);
    this.camera.rotation.order = "YXZ";
    this.scene = new THREE.Scene();
    // Splats are trained with 0.3 px of blur that does not lower their opacity; draw them the same way.
    this.spark = new SparkRenderer({ renderer: this.renderer, onDirty, preBlurAmount: 0.3, blurAmount: 0 });
    this.scene.add(this.spark);
    this.world = new THREE.Group();
    this.scene.add(this.world);
    this.placeWorld("RDF");
    /** @type {SplatMesh | null} */
    this.mesh = null;
    this.path = new PathLines();
    this.scene.add(this.path.group);
    this.isDisposed = false;
  }

  /** Name of the graphics device, for bug reports. */
  get device() {
    const gl = this.renderer.getContext();
    const info = gl.getExtension("WEBGL_debug_renderer_info");
    return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  }

  /**
   * Turn the world from a file's axes to those of three.js: from OpenCV's by 180 degrees about x.
   * @param {string} axes
   */
  placeWorld(axes) {
    const columns = columnsOfAxes(axes);
    if (!columns) throw new Error(`${axes} names no axes.`);
    if (isMirrored(columns)) throw new Error(`Its axes (${axes}) are left-handed, which this viewer cannot show.`);
    const [x, y, z] = columns.map((column) => new THREE.Vector3(column[0], column[1], column[2]));
    this.world.quaternion.setFromRotationMatrix(new THREE.Matrix4().makeBasis(x, y, z));
    this.world.updateMatrixWorld(true);
  }

  /**
   * Show the splats of a file instead of those shown now.
   * @param {Uint8Array} bytes
   * @param {string} name with its suffix, which tells the format
   * @param {string} [axes] of the file, OpenCV's by default
   * @returns {Promise<number>} how many there are
   */
  async load(bytes, name, axes = "RDF") {
    const mesh = new SplatMesh({ fileBytes: bytes, fileName: name });
    await mesh.initialized;
    const count = mesh.packedSplats?.numSplats ?? 0;
    if (this.isDisposed || count === 0) {
      mesh.dispose();
      if (count === 0) throw new Error(`${name} holds no splats.`);
      return 0;
    }
    this.unload();
    this.placeWorld(axes);
    this.mesh = mesh;
    this.world.add(mesh);
    return count;
  }

  unload() {
    if (!this.mesh) return;
    this.world.remove(this.mesh);
    this.mesh.dispose();
    this.mesh = null;
  }

  /**
   * Median distance of the splats from a point, a measure of how large the place is.
   * @param {number[]} position OpenCV axes
   */
  medianDistance(position) {
    const splats = this.mesh?.packedSplats;
    if (!splats || splats.numSplats === 0) return 1;
    const stride = Math.max(1, Math.floor(splats.numSplats / SAMPLES));
    const eye = this.world.worldToLocal(new THREE.Vector3(position[0], 0 - position[1], 0 - position[2]));
    const distances = [];
    for (let i = 0; i < splats.numSplats; i += stride) {
      const { x, y, z } = splats.getSplat(i).center;
      distances.push(Math.hypot(x - eye.x, y - eye.y, z - eye.z));
    }
    distances.sort((a, b) => a - b);
    return distances[distances.length >> 1] || 1;
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
   */
  showPath(points, poses, view) {
    this.path.show(points, poses, view, this.camera.aspect);
  }

  /** @param {Pose} pose @param {boolean} [hasPath] false leaves the path out */
  render(pose, hasPath = true) {
    const { position, rotation } = toThree(pose);
    this.camera.position.set(position[0], position[1], position[2]);
    this.camera.rotation.set(...rotation);
    this.path.group.visible = hasPath;
    if (hasPath) this.path.hideNear(this.camera.position);
    this.renderer.render(this.scene, this.camera);
  }

  /** True while the order of the splats lags behind the last picture. */
  get isSorting() {
    return this.spark.sorting || this.spark.sortDirty;
  }

  async dispose() {
    this.isDisposed = true;
    for (let i = 0; i < 100 && this.spark.sorting; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // a sort in flight would end in a stray error
    }
    this.unload();
    this.path.clear();
    this.spark.dispose();
    this.renderer.dispose();
    this.renderer.forceContextLoss();
  }
}
