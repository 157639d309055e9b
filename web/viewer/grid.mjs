// A grid below splats without a start pose, and the axes of their file.

import * as THREE from "../vendor/three.mjs";

import { gridStep, radiusOf } from "./outside.mjs";

const HALF = 15; // squares from the middle to the edge
const STRONG = 5; // every such line is stronger
const AXES = [0xe5484d, 0x46a758, 0x3e8bff]; // x, y, z
const ON_DARK = [0x3a4048, 0x59616b];
const ON_LIGHT = [0xc9cdd3, 0x9aa1aa];

export class Grid {
  constructor() {
    this.scene = new THREE.Scene();
    /** @type {{ dispose(): void }[]} */
    this.resources = [];
    this.step = 0; // side of a square, world units
  }

  clear() {
    this.scene.clear();
    for (const resource of this.resources) resource.dispose();
    this.resources = [];
  }

  /**
   * @param {{ low: number[], high: number[] }} box of the splats; OpenCV axes, y down
   * @param {import("../vendor/three.mjs").Quaternion} turn from the file's axes to those of three.js
   * @param {boolean} isLight whether the background is light
   */
  show({ low, high }, turn, isLight) {
    this.clear();
    this.step = gridStep(radiusOf({ low, high }) / 3);
    const [x, z] = [0, 2].map((i) => this.step * Math.round((low[i] + high[i]) / 2 / this.step));
    const floor = 0 - high[1];
    const [faint, strong] = (isLight ? ON_LIGHT : ON_DARK).map((color) => this.keep(new THREE.LineBasicMaterial({ color, depthWrite: false })));
    for (const isStrong of [false, true]) {
      const points = [];
      for (let i = -HALF; i <= HALF; i++) {
        if ((i % STRONG === 0) !== isStrong) continue;
        const at = i * this.step;
        for (let k = -HALF; k < HALF; k++) {
          // Square by square: some drivers drop a line that ends behind the camera.
          const [from, to] = [k * this.step, (k + 1) * this.step];
          points.push([at, 0, from], [at, 0, to], [from, 0, at], [to, 0, at]);
        }
      }
      this.add(points, isStrong ? strong : faint, [x, floor, 0 - z]);
    }
    AXES.forEach((color, axis) => {
      const tip = new THREE.Vector3().setComponent(axis, 1.3 * radiusOf({ low, high })).applyQuaternion(turn);
      const material = this.keep(new THREE.LineBasicMaterial({ color, depthWrite: false }));
      this.add([[0, 0, 0], tip.toArray()], material, [x, floor, 0 - z]);
    });
  }

  /** @param {number[][]} points in pairs @param {THREE.Material} material @param {number[]} place */
  add(points, material, place) {
    const shape = this.keep(new THREE.BufferGeometry().setFromPoints(points.map(([a, b, c]) => new THREE.Vector3(a, b, c))));
    const lines = new THREE.LineSegments(shape, material);
    lines.position.set(place[0], place[1], place[2]);
    lines.frustumCulled = false;
    this.scene.add(lines);
  }

  /** @template {{ dispose(): void }} T @param {T} resource @returns {T} */
  keep(resource) {
    this.resources.push(resource);
    return resource;
  }
}
