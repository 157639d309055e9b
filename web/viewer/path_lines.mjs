// A camera path as lines in the world: the path, and a small camera for each pose.

import * as THREE from "../vendor/three.mjs";

import { FOV_Y, toThree } from "./pose.mjs";

/** @typedef {import("./pose.mjs").Pose} Pose */

const PATH_COLOR = 0x7fb2ff;
const VIEW_COLOR = 0xffc46b;
const GIVEN_COLOR = 0x9aa3ad;
const GIVEN_STEP = 4; // of its poses, one is drawn as a camera
const FRUSTUM_SHARE = 0.07; // its depth, of the extent of the path
const FRUSTUM_LIMITS = [0.1, 0.5]; // world units
const NEAR = 2.5; // frusta closer than this many depths would obstruct the view

export class PathLines {
  constructor() {
    this.group = new THREE.Group();
    this.depth = FRUSTUM_LIMITS[0];
    this.fov = FOV_Y; // of the cameras, vertical, radians
    /** @type {{ dispose(): void }[]} */
    this.resources = [];
    /** @type {THREE.LineSegments[]} */
    this.frusta = [];
  }

  clear() {
    this.group.clear();
    this.frusta = [];
    for (const resource of this.resources) resource.dispose();
    this.resources = [];
  }

  /**
   * @param {number[][]} points OpenCV axes
   * @param {Pose[]} poses
   * @param {Pose | null} view
   * @param {Pose[]} given a second path
   * @param {number} aspect of the cameras
   */
  show(points, poses, view, given, aspect) {
    this.clear();
    const vectors = (/** @type {number[][]} */ list) => list.map(([x, y, z]) => new THREE.Vector3(x, 0 - y, 0 - z));
    const way = vectors(points);
    const old = vectors(given.map((pose) => pose.position));
    const extent = new THREE.Box3().setFromPoints([...way, ...old]).getSize(new THREE.Vector3()).length();
    this.depth = Math.min(Math.max(FRUSTUM_SHARE * extent, FRUSTUM_LIMITS[0]), FRUSTUM_LIMITS[1]);
    for (const [line, color] of /** @type {[THREE.Vector3[], number][]} */ ([[old, GIVEN_COLOR], [way, PATH_COLOR]])) {
      if (line.length < 2) continue;
      this.add(new THREE.Line(this.keep(new THREE.BufferGeometry().setFromPoints(line)), this.material(color)));
    }
    if (!poses.length && !view && !given.length) return;
    const shape = this.keep(frustum(this.depth, aspect, this.fov));
    const plain = this.material(PATH_COLOR);
    const faint = this.material(GIVEN_COLOR);
    given.filter((_, i) => i % GIVEN_STEP === 0).forEach((pose) => this.addFrustum(pose, shape, faint));
    for (const pose of poses) this.addFrustum(pose, shape, plain);
    if (view) this.addFrustum(view, shape, this.material(VIEW_COLOR));
  }

  /** @param {Pose} pose @param {THREE.BufferGeometry} shape @param {THREE.Material} material */
  addFrustum(pose, shape, material) {
    const { position, rotation } = toThree(pose);
    const lines = new THREE.LineSegments(shape, material);
    lines.position.set(position[0], position[1], position[2]);
    lines.rotation.order = "YXZ";
    lines.rotation.set(...rotation);
    this.frusta.push(lines);
    this.add(lines);
  }

  /** @param {THREE.Vector3} eye in the coordinates of three.js */
  hideNear(eye) {
    for (const lines of this.frusta) lines.visible = lines.position.distanceTo(eye) > NEAR * this.depth;
  }

  /** @param {THREE.Object3D} object */
  add(object) {
    object.renderOrder = 10; // after the splats, which write no depth
    object.frustumCulled = false;
    this.group.add(object);
  }

  /** @template {{ dispose(): void }} T @param {T} resource @returns {T} */
  keep(resource) {
    this.resources.push(resource);
    return resource;
  }

  /** @param {number} color */
  material(color) {
    return this.keep(new THREE.LineBasicMaterial({ color, depthTest: false, depthWrite: false, transparent: true }));
  }
}

/**
 * Edges of a camera that looks along -z, with a tick that marks the up direction.
 * @param {number} depth world units
 * @param {number} aspect
 * @param {number} fov vertical, radians
 */
function frustum(depth, aspect, fov) {
  const h = depth * Math.tan(fov / 2);
  const w = h * aspect;
  const [a, b, c, d] = [[-w, -h], [w, -h], [w, h], [-w, h]].map(([x, y]) => new THREE.Vector3(x, y, -depth));
  const eye = new THREE.Vector3();
  const top = new THREE.Vector3(0, 1.5 * h, -depth);
  const edges = [eye, a, eye, b, eye, c, eye, d, a, b, b, c, c, d, d, a, d, top, c, top];
  return new THREE.BufferGeometry().setFromPoints(edges);
}
