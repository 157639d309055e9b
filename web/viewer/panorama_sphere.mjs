// The source panorama on a sphere around its center, to fade to.

import * as THREE from "../vendor/three.mjs";

const RADIUS = 100; // much larger than the movement of the eye

export class PanoramaSphere {
  /**
   * @param {HTMLImageElement} image equirectangular, its middle column along +z of its camera (OpenCV axes)
   * @param {number[] | null} pose world-to-camera of that camera, 16 numbers; null: at the origin, looking along +z
   */
  constructor(image, pose) {
    this.texture = new THREE.Texture(image);
    this.texture.colorSpace = THREE.NoColorSpace; // no conversion
    this.texture.generateMipmaps = false; // at the seam the coordinates jump
    this.texture.minFilter = this.texture.magFilter = THREE.LinearFilter;
    this.texture.wrapS = THREE.RepeatWrapping;
    this.texture.flipY = false;
    this.texture.needsUpdate = true;
    this.geometry = new THREE.SphereGeometry(RADIUS, 64, 32);
    this.material = new THREE.ShaderMaterial({
      uniforms: { panorama: { value: this.texture }, share: { value: 0 } },
      vertexShader: `varying vec3 way;
        void main() { way = position; gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0); }`,
      // From three.js (y up, z backward) to OpenCV's axes, and on to the picture.
      fragmentShader: `uniform sampler2D panorama; uniform float share; varying vec3 way;
        void main() {
          vec3 d = vec3(way.x, -way.y, -way.z);
          float u = atan(d.x, d.z) / 6.283185307179586 + 0.5;
          float v = atan(d.y, length(d.xz)) / 3.141592653589793 + 0.5;
          gl_FragColor = vec4(texture2D(panorama, vec2(u, v)).rgb, share);
        }`,
      side: THREE.BackSide,
      transparent: true,
      depthTest: false,
      depthWrite: false,
    });
    const ball = new THREE.Mesh(this.geometry, this.material);
    ball.frustumCulled = false;
    /** Center of the panorama, OpenCV axes. */
    this.center = [0, 0, 0];
    if (pose?.length === 16 && pose.every(Number.isFinite)) {
      const turn = new THREE.Matrix4().makeScale(1, -1, -1); // between the axes of OpenCV and three.js
      const camera = new THREE.Matrix4().fromArray(pose).transpose().invert();
      this.center = new THREE.Vector3().setFromMatrixPosition(camera).toArray();
      turn.clone().multiply(camera).multiply(turn).decompose(ball.position, ball.quaternion, ball.scale);
    }
    this.scene = new THREE.Scene();
    this.scene.add(ball);
  }

  /** Opacity, 0 to 1. */
  get share() {
    return this.material.uniforms.share.value;
  }

  set share(value) {
    this.material.uniforms.share.value = value;
  }

  dispose() {
    this.texture.dispose();
    this.geometry.dispose();
    this.material.dispose();
  }
}
