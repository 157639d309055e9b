// One world of a scene on the GPU: Spark's splats, their sorting, colors and measurements.

import * as THREE from "../vendor/three.mjs";
import { RgbaArray, SparkRenderer, SplatMesh, modifiers } from "../vendor/spark.mjs";

import { tr } from "../i18n/translate.mjs";
import { columnsOfAxes, isMirrored } from "./axes.mjs";
import { LOWPASS_PX2 } from "./lowpass.mjs";
import { WorldMotion } from "./motion_shader.mjs";
import { originColors } from "./provenance.mjs";
import { wallsOfSplats } from "./walls.mjs";

/** @typedef {import("./stage.mjs").Stage} Stage */

const LOD_FROM = 600_000; // splats; smaller worlds need no levels of detail
const SAMPLES = 2000;

/** One world: its splats, rotated upright, their sorting, colors and measurements. */
export class SplatLayer {
  /** @param {Stage} stage @param {() => void} onDirty */
  constructor(stage, onDirty) {
    const { renderer } = stage;
    this.stage = stage;
    this.onDirty = onDirty;
    this.isDisposed = false;
    this.scene = new THREE.Scene();
    // Splats are trained with a low-pass that does not lower their opacity; draw them the same way.
    this.spark = new SparkRenderer({ renderer, onDirty, preBlurAmount: LOWPASS_PX2, blurAmount: 0 });
    this.scene.add(this.spark);
    /** @type {Set<THREE.Material>} materials that unpacked splats; Spark drops them without disposing of them */
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
    /** @type {WorldMotion | null} */
    this.motion = null;
  }

  /** Let the splats move. @param {import("./motion_file.mjs").Motions} motions */
  setMotion(motions) {
    const { mesh } = this;
    if (!mesh || motions.count !== mesh.packedSplats?.numSplats) throw new Error(tr("its file is of another world"));
    this.motion = new WorldMotion(motions);
    mesh.objectModifiers = [...(mesh.objectModifiers ?? []), this.motion.modifier];
    mesh.enableLod = false; // levels of detail have other splats
    mesh.updateGenerator();
  }

  /** Move the splats to where they are at a time. @param {number} seconds */
  showTime(seconds) {
    if (!this.motion || !this.mesh) return;
    this.motion.show(seconds);
    this.mesh.updateVersion();
    this.onDirty();
  }

  /**
   * Rotate the world from a file's axes to those of three.js: from OpenCV's by 180 degrees about x.
   * @param {string} axes
   */
  place(axes) {
    const columns = columnsOfAxes(axes);
    if (!columns) throw new Error(tr("{axes} is not a valid axis convention.", { axes }));
    if (isMirrored(columns)) throw new Error(tr("Its axes ({axes}) are left-handed, which this viewer does not support.", { axes }));
    const [x, y, z] = columns.map((column) => new THREE.Vector3(column[0], column[1], column[2]));
    this.group.quaternion.setFromRotationMatrix(new THREE.Matrix4().makeBasis(x, y, z));
    this.group.updateMatrixWorld(true);
  }

  unload() {
    if (!this.mesh) return;
    this.mesh.splatRgba?.dispose();
    this.group.remove(this.mesh);
    this.mesh.dispose();
    this.motion?.dispose();
    this.mesh = this.motion = null;
    for (const material of this.unpackers) this.stage.retire("unpack", material);
    this.unpackers.clear();
  }

  get isSorting() {
    return this.spark.sorting || this.spark.sortDirty;
  }

  /**
   * Quantiles of the splats' distances from a point, a measure of the scale of the scene.
   * @param {number[]} position OpenCV axes
   * @param {number[]} shares of the splats, from 0 to 1, such as [0.5] for the median
   * @returns {number[]} the quantiles, world units
   */
  distances(position, shares) {
    const splats = this.mesh?.packedSplats;
    if (!splats || splats.numSplats === 0) return shares.map(() => 1);
    const stride = Math.max(1, Math.floor(splats.numSplats / SAMPLES));
    const eye = this.group.worldToLocal(new THREE.Vector3(position[0], 0 - position[1], 0 - position[2]));
    /** @type {number[]} */
    const distances = [];
    for (let i = 0; i < splats.numSplats; i += stride) {
      const { x, y, z } = splats.getSplat(i).center;
      distances.push(Math.hypot(x - eye.x, y - eye.y, z - eye.z));
    }
    distances.sort((a, b) => a - b);
    return shares.map((share) => distances[Math.min(distances.length - 1, Math.floor(share * distances.length))] || 1);
  }

  /** @returns {Float64Array} x, y, z of a sample of the splats, as the view shows them; OpenCV axes */
  somePoints() {
    const splats = this.mesh?.packedSplats;
    if (!splats) return new Float64Array();
    const stride = Math.max(1, Math.floor(splats.numSplats / (10 * SAMPLES)));
    const points = new Float64Array(3 * Math.ceil(splats.numSplats / stride));
    for (let i = 0, k = 0; i < splats.numSplats; i += stride, k += 3) {
      const { x, y, z } = splats.getSplat(i).center.applyQuaternion(this.group.quaternion);
      points.set([x, 0 - y, 0 - z], k);
    }
    return points;
  }

  /** @param {number[]} position OpenCV axes */
  medianDistance(position) {
    return this.distances(position, [0.5])[0];
  }

  /**
   * Show depth, near white and far black, or the splats' own colors.
   * @param {[number, number] | null} range from white to black, world units; null: own colors
   */
  showDepth(range) {
    const { mesh } = this;
    if (range && mesh) modifiers.setDepthColor(mesh, range[0], range[1], true);
    else if (mesh?.enableWorldToView) {
      mesh.worldModifier = undefined;
      mesh.enableWorldToView = false;
      mesh.updateGenerator();
    }
  }

  /**
   * Color the splats by provenance, or show their own colors.
   * @param {Uint8Array | null} origins of each splat, in the file's order; null: own colors
   * @returns {number[]} number of splats per origin; the last counts those of unknown origin
   */
  showOrigins(origins) {
    const { mesh } = this;
    const splats = mesh?.packedSplats;
    if (!mesh || !splats) return [];
    let counts = /** @type {number[]} */ ([]);
    let rgba = null;
    if (origins) {
      ({ rgba, counts } = originColors(origins, splats.numSplats, (paint) =>
        splats.forEachSplat((index, _center, _scales, _turn, opacity, color) =>
          paint(index, (color.r + color.g + color.b) / 3, opacity),
        ),
      ));
    }
    this.recolor(rgba);
    return counts;
  }

  /** Give the splats other colors, or their own. @param {Uint8Array | null} rgba in the file's order; null: own colors */
  recolor(rgba) {
    const { mesh } = this;
    if (!mesh || (!rgba && !mesh.splatRgba)) return;
    mesh.splatRgba?.dispose();
    mesh.splatRgba = null;
    mesh.enableLod = rgba || this.motion ? false : undefined;
    if (rgba) {
      const count = rgba.length / 4;
      const colors = new RgbaArray();
      colors.ensureCapacity(count).set(rgba);
      colors.count = count;
      colors.needsUpdate = true;
      mesh.splatRgba = colors;
    }
    mesh.updateGenerator();
    this.onDirty();
  }

  /**
   * Estimate walls from the splats.
   * @param {number[]} eye OpenCV axes; the space around it stays free
   */
  findWalls(eye) {
    const splats = this.mesh?.packedSplats;
    if (!splats) return null;
    const turn = this.group.matrixWorld;
    const at = new THREE.Vector3();
    const list = new Float32Array(4 * splats.numSplats);
    splats.forEachSplat((index, center, _scales, _turn, opacity) => {
      at.copy(center).applyMatrix4(turn);
      list.set([at.x, 0 - at.y, 0 - at.z, opacity], 4 * index);
    });
    const splat = { x: 0, y: 0, z: 0, weight: 0 }; // reused, as there may be millions
    return wallsOfSplats(
      splats.numSplats,
      (i) => {
        [splat.x, splat.y, splat.z, splat.weight] = [list[4 * i], list[4 * i + 1], list[4 * i + 2], list[4 * i + 3]];
        return splat;
      },
      eye,
    );
  }

  /** Whether this world is large enough for levels of detail. */
  get isLarge() {
    return (this.mesh?.packedSplats?.numSplats ?? 0) >= LOD_FROM;
  }

  /** Build the levels of detail of a large world, in a worker. */
  async prepareLod() {
    const { mesh } = this;
    const splats = mesh?.packedSplats;
    if (!mesh || !splats || !this.isLarge || splats.lodSplats || this.motion) return;
    await mesh.createLodSplats();
    if (this.isDisposed || this.mesh !== mesh) return;
    mesh.enableLod = false;
    mesh.updateGenerator();
  }

  /**
   * Limit the number of splats drawn, by levels of detail; 0: all of them.
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

  /** Number of splats in the last frame. */
  get drawn() {
    return this.spark.activeSplats;
  }

  async dispose() {
    this.isDisposed = true;
    for (let i = 0; i < 100 && this.spark.sorting; i++) {
      await new Promise((resolve) => setTimeout(resolve, 20)); // a pending sort would end in an unhandled error
    }
    this.unload();
    this.spark.dispose();
    this.spark.geometry.dispose(); // Spark disposes of neither geometry nor material
    this.stage.retire("splats", this.spark.material);
  }
}
