// Draws splats with Spark on three.js, with the context that all viewers of a page share. Knows nothing of the page
// around its canvas, nor of the host.

import * as THREE from "../vendor/three.mjs";
import { RgbaArray, SparkRenderer, SplatMesh, modifiers } from "../vendor/spark.mjs";

import { tr } from "../i18n/translate.mjs";
import { columnsOfAxes, isMirrored } from "./axes.mjs";
import { PathLines } from "./path_lines.mjs";
import { FOV_Y, toThree } from "./pose.mjs";
import { Grid } from "./grid.mjs";
import { LOWPASS_PX2, lowpassIn } from "./lowpass.mjs";
import { originColours } from "./provenance.mjs";
import { radiusOf } from "./outside.mjs";
import { PanoramaSphere } from "./panorama_sphere.mjs";
import { Stage } from "./stage.mjs";
import { wallsOfSplats } from "./walls.mjs";
import { widening } from "./widening.mjs";

/** @typedef {import("./pose.mjs").Pose} Pose */

/** Behind the splats; whatever the theme, as pictures do not depend on it. */
export const BACKGROUNDS = { dark: 0x0e1013, grey: 0x8a8f96, white: 0xffffff };
const CLIP = [0.01, 10_000]; // world units from the eye, within which a world is drawn
const LOD_FROM = 600_000; // splats; fewer are drawn as they are
const SAMPLES = 2000;
const DEPTH_SHARES = [0.02, 0.95]; // of the splats, between which the grey of the depth mode runs

/** One world: its splats, turned upright, and what sorts and draws them. */
class World {
  /** @param {Stage} stage @param {() => void} onDirty */
  constructor(stage, onDirty) {
    const { renderer } = stage;
    this.stage = stage;
    this.scene = new THREE.Scene();
    // Splats are trained with a low-pass that does not lower their opacity; draw them the same way.
    this.spark = new SparkRenderer({ renderer, onDirty, preBlurAmount: LOWPASS_PX2, blurAmount: 0 });
    this.scene.add(this.spark);
    /** @type {Set<THREE.Material>} that unpacked splats; Spark drops them without disposing of them */
    this.unpackers = new Set();
    for (const accumulator of [this.spark.display, ...this.spark.accumulators]) {
      const { prepareProgramMaterial } = accumulator;
      accumulator.prepareProgramMaterial = (...generators) => {
        const made = prepareProgramMaterial.call(accumulator, ...generators);
        this.unpackers.add(made.material);
        return made;
      };
    }
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
    if (!columns) throw new Error(tr("{axes} names no axes.", { axes }));
    if (isMirrored(columns)) throw new Error(tr("Its axes ({axes}) are left-handed, which this viewer cannot show.", { axes }));
    const [x, y, z] = columns.map((column) => new THREE.Vector3(column[0], column[1], column[2]));
    this.group.quaternion.setFromRotationMatrix(new THREE.Matrix4().makeBasis(x, y, z));
    this.group.updateMatrixWorld(true);
  }

  unload() {
    if (!this.mesh) return;
    this.mesh.splatRgba?.dispose();
    this.group.remove(this.mesh);
    this.mesh.dispose();
    this.mesh = null;
    for (const material of this.unpackers) this.stage.retire("unpack", material);
    this.unpackers.clear();
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
    this.spark.geometry.dispose(); // which it leaves, as it does the material
    this.stage.retire("splats", this.spark.material);
  }
}

export class SplatScene {
  /**
   * @param {HTMLCanvasElement} canvas that shows the picture
   * @param {() => void} onDirty called when a new picture is due (splats sorted, data arrived)
   * @param {() => void} onLost called when the graphics device was lost
   * @throws {Error} when the browser gives no WebGL 2
   */
  constructor(canvas, onDirty, onLost) {
    this.onDirty = onDirty;
    this.canvas = canvas;
    this.picture = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    this.user = { onLost };
    this.stage = Stage.join(this.user);
    this.renderer = this.stage.renderer;
    this.pixelRatio = 1;
    this.camera = new THREE.PerspectiveCamera((FOV_Y / Math.PI) * 180, 1, ...CLIP);
    this.camera.rotation.order = "YXZ";
    this.world = new World(this.stage, onDirty);
    /** @type {World | null} what is shown to the right of the compare line */
    this.other = null;
    this.compare = 1; // up to here from the left the first world is shown
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

  get spark() {
    return this.world.spark;
  }

  get mesh() {
    return this.world.mesh;
  }

  /** Name of the graphics device, for bug reports. */
  get device() {
    return this.stage.device;
  }

  /**
   * Show the splats of a file instead of those shown now.
   * @param {Uint8Array} bytes
   * @param {string} name with its suffix, which tells the format
   * @param {string} [axes] of the file, OpenCV's by default
   * @param {boolean} [isOther] to the right of the compare line
   * @param {boolean} [isOurs] fitted to panoramas by this pack
   * @returns {Promise<number>} how many there are
   */
  async load(bytes, name, axes = "RDF", isOther = false, isOurs = false) {
    const mesh = new SplatMesh({ fileBytes: bytes, fileName: name, ...(isOurs && { objectModifier: widening() }) });
    await mesh.initialized;
    const count = mesh.packedSplats?.numSplats ?? 0;
    if (this.isDisposed || count === 0) {
      mesh.dispose();
      if (count === 0) throw new Error(tr("{name} holds no splats.", { name }));
      return 0;
    }
    if (isOther) this.other ??= new World(this.stage, this.onDirty);
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
    this.compare = 1;
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

  /** @returns {Float64Array} x, y, z of some of the splats, as the view shows them; OpenCV axes */
  somePoints() {
    const splats = this.mesh?.packedSplats;
    if (!splats) return new Float64Array();
    const stride = Math.max(1, Math.floor(splats.numSplats / (10 * SAMPLES)));
    const points = new Float64Array(3 * Math.ceil(splats.numSplats / stride));
    for (let i = 0, k = 0; i < splats.numSplats; i += stride, k += 3) {
      const { x, y, z } = splats.getSplat(i).center.applyQuaternion(this.world.group.quaternion);
      points.set([x, 0 - y, 0 - z], k);
    }
    return points;
  }

  /** Turn the splats to other axes than the file's own. @param {string} axes */
  turn(axes) {
    this.world.place(axes);
    this.other?.place(axes);
    this.onDirty();
  }

  /** Put a grid under what is looked at from outside, or take it away. @param {import("./outside.mjs").Outside | null} outside */
  lookFrom(outside) {
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

  /** @param {string} name one of `BACKGROUNDS`; others are taken for the first */
  setBackground(name) {
    this.background = /** @type {keyof BACKGROUNDS} */ (Object.hasOwn(BACKGROUNDS, name) ? name : "dark");
    this.lookFrom(this.outside);
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
   * Paint the splats by where they come from, or in their own colours again.
   * @param {Uint8Array | null} origins of each splat, in the file's order; null: own colours
   * @returns {number[]} how many come from where, by number; the last counts those of which nobody has said
   */
  showOrigins(origins) {
    const { mesh } = this.world;
    const splats = mesh?.packedSplats;
    if (!mesh || !splats) return [];
    mesh.splatRgba?.dispose();
    mesh.splatRgba = null;
    mesh.enableLod = origins ? false : undefined;
    let counts = /** @type {number[]} */ ([]);
    if (origins) {
      const painted = originColours(origins, splats.numSplats, (paint) =>
        splats.forEachSplat((index, _centre, _scales, _turn, opacity, colour) =>
          paint(index, (colour.r + colour.g + colour.b) / 3, opacity),
        ),
      );
      counts = painted.counts;
      const colours = new RgbaArray();
      colours.ensureCapacity(splats.numSplats).set(painted.rgba);
      colours.count = splats.numSplats;
      colours.needsUpdate = true;
      mesh.splatRgba = colours;
    }
    mesh.updateGenerator();
    this.onDirty();
    return counts;
  }

  /**
   * @param {HTMLImageElement | null} image the source panorama
   * @param {number[] | null} [pose] world-to-camera where it was taken, 16 numbers; null: at the origin
   */
  setPanorama(image, pose = null) {
    this.sphere?.dispose();
    this.sphere = image && new PanoramaSphere(image, pose);
  }

  /**
   * Walls of the splats themselves.
   * @param {number[]} eye OpenCV axes; around it they stay free
   */
  findWalls(eye) {
    const splats = this.mesh?.packedSplats;
    if (!splats) return null;
    const turn = this.world.group.matrixWorld;
    const at = new THREE.Vector3();
    const list = new Float32Array(4 * splats.numSplats);
    splats.forEachSplat((index, centre, _scales, _turn, opacity) => {
      at.copy(centre).applyMatrix4(turn);
      list.set([at.x, 0 - at.y, 0 - at.z, opacity], 4 * index);
    });
    const splat = { x: 0, y: 0, z: 0, weight: 0 }; // the same object each time: there may be millions
    return wallsOfSplats(
      splats.numSplats,
      (i) => {
        [splat.x, splat.y, splat.z, splat.weight] = [list[4 * i], list[4 * i + 1], list[4 * i + 2], list[4 * i + 3]];
        return splat;
      },
      eye,
    );
  }

  /** Whether this world is so large that fewer splats may be drawn of it while it moves. */
  get isLarge() {
    return (this.mesh?.packedSplats?.numSplats ?? 0) >= LOD_FROM;
  }

  /** Prepare coarser versions of a large world, in a worker. */
  async prepareLod() {
    const { mesh } = this;
    const splats = mesh?.packedSplats;
    if (!mesh || !splats || !this.isLarge || splats.lodSplats) return;
    await mesh.createLodSplats();
    if (this.isDisposed || this.mesh !== mesh) return;
    mesh.enableLod = false;
    mesh.updateGenerator();
  }

  /**
   * Draw at most so many splats, those that matter least for the picture merged; all of them when 0.
   * @param {number} budget
   */
  setBudget(budget) {
    const { mesh, spark } = this;
    if (!mesh?.packedSplats?.lodSplats) return;
    const isOn = budget > 0 && !mesh.splatRgba;
    spark.lodSplatCount = budget || undefined;
    if ((mesh.enableLod ?? true) === isOn) return;
    mesh.enableLod = isOn;
    mesh.updateGenerator();
    this.onDirty();
  }

  /** How many splats the last picture was made of. */
  get drawn() {
    return this.spark.activeSplats;
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
   * @param {number[][]} points of the way, OpenCV axes
   * @param {Pose[]} poses each drawn as a small camera
   * @param {Pose | null} view drawn as a camera of another colour
   * @param {Pose[]} given a second path, drawn faintly
   */
  showPath(points, poses, view, given) {
    this.path.show(points, poses, view, given, this.camera.aspect);
  }

  /** Put the camera somewhere. @param {Pose} pose */
  place(pose) {
    const { position, rotation } = toThree(pose);
    this.camera.position.set(position[0], position[1], position[2]);
    this.camera.rotation.set(...rotation);
  }

  /**
   * Draw, and copy the picture to the canvas.
   * @param {Pose} pose
   * @param {boolean} [hasPath] false leaves the path out
   */
  render(pose, hasPath = true) {
    this.place(pose);
    const { canvas, stage, width = 1, height = 1 } = this;
    stage.prepare(width, height);
    this.draw(hasPath);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width; // also clears it, which nobody sees: the picture follows at once
      canvas.height = height;
    }
    this.picture.drawImage(stage.canvas, 0, 0);
  }

  /**
   * @param {Pose} pose
   * @param {[number, number] | null} size width and height in pixels; null: those of the view
   * @returns {Promise<Blob | null>} PNG, without path and grid
   */
  async takePicture(pose, size) {
    const { stage, camera } = this;
    const [width, height] = size ?? [this.width ?? 1, this.height ?? 1];
    const copy = document.createElement("canvas");
    [copy.width, copy.height] = [width, height];
    const shape = camera.aspect;
    for (let turn = 0; turn < 2; turn++) {
      // Other splats are in sight where the shape is another one: they are sorted after the first drawing.
      camera.aspect = width / height;
      camera.updateProjectionMatrix();
      this.place(pose);
      stage.prepare(width, height);
      this.draw(false);
      copy.getContext("2d", { alpha: false })?.drawImage(stage.canvas, 0, 0);
      camera.aspect = shape;
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
   * @param {(seconds: number, heading: number) => Pose} onFrame takes the time gone by and where the head looks from
   *   straight ahead (radians, positive right), and says where the visitor stands
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

  /** True while the order of the splats lags behind the last picture. */
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
