// Paints perspective views of panoramas into the canvases of any number of nodes, with the page's one WebGL context, or on the
// CPU without WebGL.

import { SharedContext } from "./context.mjs";
import { basisOf, sourceOf } from "./pano_view.mjs";

/** @typedef {import("./pano_view.mjs").View} View */
/** @typedef {HTMLImageElement | HTMLCanvasElement} Source a panorama; a canvas may be partly transparent */
/** @typedef {{ view: View, image: Source, canvas: HTMLCanvasElement }} Painting */

const PLAIN_PX = 320; // columns painted without WebGL
const PLAIN_SOURCE_PX = 1024;
const MOST_TEXTURES = 24;

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2(float((gl_VertexID & 1) * 4 - 1), float((gl_VertexID >> 1) * 4 - 1));
  at = corner;
  gl_Position = vec4(corner, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec2 at;
out vec4 color;
uniform sampler2D panorama;
uniform mat3 basis;
uniform vec2 halfSize;
const float PI = 3.141592653589793;
void main() {
  vec3 ray = basis * vec3(at.x * halfSize.x, -at.y * halfSize.y, 1.0);
  // Some drivers return a full turn for atan(-0.0, x), which would draw a line along the horizon.
  float across = 0.5 + atan(ray.x + 1e-9, ray.z) / (2.0 * PI);
  float down = 0.5 + atan(ray.y + 1e-9, length(ray.xz)) / PI;
  color = textureLod(panorama, vec2(across, down), 0.0);
  color.rgb *= color.a;
}`;

class GlPainter {
  constructor() {
    this.isLost = false;
    this.user = { onLost: () => (this.isLost = true) };
    this.context = SharedContext.join(this.user);
    const { gl } = this.context;
    this.gl = gl;
    this.canvas = this.context.canvas;
    this.program = gl.createProgram();
    for (const [kind, source] of /** @type {const} */ ([[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]])) {
      const shader = gl.createShader(kind);
      if (!shader) throw new Error("no WebGL 2");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.program, shader);
      gl.deleteShader(shader); // with the program
    }
    gl.linkProgram(this.program);
    if (!gl.getProgramParameter(this.program, gl.LINK_STATUS)) throw new Error(String(gl.getProgramInfoLog(this.program)));
    this.basis = gl.getUniformLocation(this.program, "basis");
    this.halfSize = gl.getUniformLocation(this.program, "halfSize");
    /** @type {Map<Source, WebGLTexture>} most recently used last */
    this.textures = new Map();
  }

  /** Set the state of the context, whatever other views left. */
  reset() {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.bindVertexArray(null);
    gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, null);
    for (const feature of [gl.BLEND, gl.CULL_FACE, gl.DEPTH_TEST, gl.SCISSOR_TEST, gl.STENCIL_TEST]) gl.disable(feature);
    gl.colorMask(true, true, true, true);
    gl.pixelStorei(gl.UNPACK_FLIP_Y_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_PREMULTIPLY_ALPHA_WEBGL, false);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.BROWSER_DEFAULT_WEBGL);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindSampler(0, null);
    gl.useProgram(this.program);
  }

  dispose() {
    this.gl.deleteProgram(this.program);
    this.context.leave(this.user);
  }

  /** @param {Source} image */
  showOn(image) {
    const { gl, textures } = this;
    const known = textures.get(image);
    if (known) {
      textures.delete(image);
      textures.set(image, known);
      return gl.bindTexture(gl.TEXTURE_2D, known);
    }
    if (textures.size >= MOST_TEXTURES) this.forget(/** @type {Source} */ (textures.keys().next().value));
    const texture = gl.createTexture();
    textures.set(image, texture);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.REPEAT);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
  }

  /** @param {Source} image */
  forget(image) {
    const texture = this.textures.get(image);
    if (texture) this.gl.deleteTexture(texture);
    this.textures.delete(image);
  }

  /** @param {Painting} painting */
  paint({ view, image, canvas }) {
    const { gl } = this;
    const { width, height } = canvas;
    if (this.context.take(this)) this.reset();
    if (this.canvas.width < width) this.canvas.width = width; // grows to the largest view
    if (this.canvas.height < height) this.canvas.height = height;
    this.showOn(image);
    gl.viewport(0, 0, width, height);
    const t = Math.tan(view.fov / 2);
    gl.uniformMatrix3fv(this.basis, false, basisOf(view));
    gl.uniform2f(this.halfSize, t, (t * height) / width);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    const target = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    target.drawImage(this.canvas, 0, this.canvas.height - height, width, height, 0, 0, width, height);
  }
}

class PlainPainter {
  constructor() {
    this.isLost = false;
    /** @type {Map<Source, ImageData>} */
    this.sources = new Map();
    this.sketch = document.createElement("canvas");
  }

  /** @param {Source} image */
  forget(image) {
    this.sources.delete(image);
  }

  /** @param {Source} image @returns {ImageData} */
  pixelsOf(image) {
    const known = this.sources.get(image);
    if (known) return known;
    if (this.sources.size >= MOST_TEXTURES) this.sources.clear();
    const canvas = document.createElement("canvas");
    canvas.width = Math.min(PLAIN_SOURCE_PX, "naturalWidth" in image ? image.naturalWidth : image.width);
    canvas.height = canvas.width / 2;
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    this.sources.set(image, pixels);
    return pixels;
  }

  /** @param {Painting} painting */
  paint({ view, image, canvas }) {
    const source = this.pixelsOf(image);
    const from = new Uint32Array(source.data.buffer);
    const aspect = canvas.width / canvas.height;
    const width = Math.min(PLAIN_PX, canvas.width);
    const height = Math.max(1, Math.round(width / aspect));
    const result = new ImageData(width, height);
    const to = new Uint32Array(result.data.buffer);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const [u, v] = sourceOf(view, (2 * column + 1) / width - 1, (2 * row + 1) / height - 1, aspect);
        const x = Math.min(source.width - 1, Math.floor(u * source.width));
        const y = Math.min(source.height - 1, Math.floor(v * source.height));
        to[row * width + column] = from[y * source.width + x];
      }
    }
    this.sketch.width = width;
    this.sketch.height = height;
    /** @type {CanvasRenderingContext2D} */ (this.sketch.getContext("2d")).putImageData(result, 0, 0);
    const target = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    target.drawImage(this.sketch, 0, 0, canvas.width, canvas.height);
  }
}

/** @type {GlPainter | PlainPainter | null} */
let painter = null;

/** The one painter of the page while there are images; a new one after the WebGL context was lost. */
function current() {
  if (painter && !painter.isLost) return painter;
  try {
    painter = new GlPainter();
  } catch {
    painter = new PlainPainter();
  }
  return painter;
}

/** @param {Painting} painting */
export const paintView = (painting) => current().paint(painting);

/** Free the texture of an image; required before a changed canvas is painted again. @param {Source} image */
export function forgetImage(image) {
  painter?.forget(image);
  if (!(painter instanceof GlPainter) || painter.textures.size > 0) return;
  painter.dispose();
  painter = null;
}

/** For tests: kind of painter, and number of images that it holds. */
export const painterState = () => ({
  kind: painter instanceof GlPainter ? "webgl" : painter ? "plain" : "none",
  pictures: painter instanceof GlPainter ? painter.textures.size : (painter?.sources.size ?? 0),
});
