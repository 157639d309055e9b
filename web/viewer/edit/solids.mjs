// The outlines of boxes and spheres in the view.

import * as THREE from "../../vendor/three.mjs";

const COLOR = 0xff8a1f;

export class SolidLines {
  constructor() {
    this.group = new THREE.Group();
    this.material = new THREE.LineBasicMaterial({ color: COLOR, depthTest: false, transparent: true, opacity: 0.9 });
    const cube = new THREE.BoxGeometry(1, 1, 1);
    this.box = new THREE.LineSegments(new THREE.EdgesGeometry(cube), this.material);
    cube.dispose();
    this.sphere = new THREE.Group();
    const points = [...Array(64).keys()].map((k) => new THREE.Vector3(Math.cos((k / 64) * 2 * Math.PI), Math.sin((k / 64) * 2 * Math.PI), 0));
    this.circle = new THREE.BufferGeometry().setFromPoints(points);
    for (const turn of [[0, 0], [Math.PI / 2, 0], [0, Math.PI / 2]]) {
      const line = new THREE.LineLoop(this.circle, this.material);
      line.rotation.set(turn[0], turn[1], 0);
      this.sphere.add(line);
    }
    this.group.add(this.box, this.sphere);
    this.show(null);
  }

  /** @param {import("./operations.mjs").Operation | null} operation a box or a sphere */
  show(operation) {
    this.box.visible = operation?.op === "box";
    this.sphere.visible = operation?.op === "sphere";
    if (!this.box.visible && !this.sphere.visible) return;
    const { center, size, yaw = 0, radius } = /** @type {any} */ (operation);
    this.group.position.set(center[0], 0 - center[1], 0 - center[2]);
    this.group.rotation.set(0, (0 - yaw * Math.PI) / 180, 0);
    if (this.box.visible) this.box.scale.set(size[0], size[1], size[2]);
    else this.sphere.scale.setScalar(radius);
  }

  dispose() {
    this.group.removeFromParent();
    this.material.dispose();
    this.circle.dispose();
    this.box.geometry.dispose();
  }
}
