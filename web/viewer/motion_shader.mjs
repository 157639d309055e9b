// Moves splats on the GPU: a modifier of Spark's generator that evaluates each splat's motion, as
// matrix3d_core/motion/at_time.py does on the CPU, from the same rows of numbers (matrix3d_core/scene/motion_rows.py).

import * as THREE from "../vendor/three.mjs";
import { dyno } from "../vendor/spark.mjs";
import { ROW, rigidAt } from "./motion_file.mjs";

const WIDTH = 2048; // of the textures with values of each splat
const COLUMNS = 16; // of the table: the row, then the share of the period, and the rigid motion's turn and shift
const [FOUNTAIN_HOME, FOUNTAIN_PHASE] = [0.25, 0.75]; // AT_HOME of scene/motion.py
const FIRE_SWAY = 0.12; // of motion/at_time.py

const FUNCTIONS = `
const float M3D_TURN = 6.283185307179586;

float m3dWave(vec3 arm, vec4 wave, vec4 beat, float u, float phase) {
  return dot(arm, wave.xyz) - M3D_TURN * fract(beat.x * u) + beat.y + M3D_TURN * beat.z * phase;
}

vec3 m3dAcross(vec3 way) {
  return normalize(cross(way, abs(way.x) < 0.7 ? vec3(1.0, 0.0, 0.0) : vec3(0.0, 0.0, 1.0)));
}

void m3dMove(inout vec3 p, inout vec4 turn, inout vec4 rgba, int number, float phase, sampler2D table) {
  vec4 a = texelFetch(table, ivec2(0, number), 0); // kind, period, fade, amount
  vec4 b = texelFetch(table, ivec2(1, number), 0); // direction, gloss
  vec4 c = texelFetch(table, ivec2(2, number), 0); // center, height
  vec3 g = texelFetch(table, ivec2(3, number), 0).xyz; // gravity
  float u = texelFetch(table, ivec2(${ROW}, number), 0).x;
  int kind = int(a.x + 0.5);
  if (kind == 8 || kind == 9) { // turn, path
    vec4 q = texelFetch(table, ivec2(${ROW + 1}, number), 0);
    p = quatVec(q, p) + texelFetch(table, ivec2(${ROW + 2}, number), 0).xyz;
    turn = quatQuat(q, turn);
    return;
  }
  float life = fract(u + phase);
  float gain = 1.0;
  if (kind <= 4) rgba.a *= clamp(min(life, 1.0 - life) / a.z, 0.0, 1.0);
  if (kind == 0) { // flow
    p += b.xyz * (a.w * (life - 0.5));
  } else if (kind == 1) { // fall
    vec3 down = normalize(g);
    float t = life * a.y;
    p += -dot(p - c.xyz, down) * down + b.xyz * t + 0.5 * g * t * t;
  } else if (kind == 2) { // fountain
    float home = a.y * (${FOUNTAIN_HOME.toFixed(2)} + ${FOUNTAIN_PHASE.toFixed(2)} * phase);
    vec3 velocity = (p - c.xyz) / home - 0.5 * g * home;
    float t = life * a.y;
    p = c.xyz + velocity * t + 0.5 * g * t * t;
  } else if (kind == 4) { // drift
    float angle = a.w * (life - 0.5);
    vec3 arm = p - c.xyz;
    vec3 along = dot(arm, b.xyz) * b.xyz;
    p = c.xyz + along + cos(angle) * (arm - along) + sin(angle) * cross(b.xyz, arm);
  }
  if (kind == 3 || kind == 5 || kind == 6 || kind == 7) { // fire, ripple, sway, flicker: waves
    vec3 arm = p - c.xyz;
    vec3 up = dot(g, g) > 0.0 ? -normalize(g) : vec3(0.0, -1.0, 0.0);
    vec3 shift = vec3(0.0);
    float sum = 0.0;
    for (int i = 0; i < 4; i++) {
      vec4 wave = texelFetch(table, ivec2(4 + 2 * i, number), 0);
      float angle = m3dWave(arm, wave, texelFetch(table, ivec2(5 + 2 * i, number), 0), u, phase);
      float k = length(wave.xyz);
      if (kind == 5) {
        shift += wave.w * (cos(angle) * up - sin(angle) * wave.xyz / max(k, 1e-12));
        sum += wave.w * k * sin(angle);
      } else {
        sum += wave.w * sin(angle);
      }
    }
    if (kind == 5) {
      p += shift;
      gain = clamp(1.0 + b.w * sum, 0.3, 2.0);
    } else if (kind == 6) {
      p += b.xyz * sum * (c.w > 0.0 ? clamp(dot(arm, up) / c.w, 0.0, 1.0) : 1.0);
    } else {
      gain = clamp(1.0 + sum, 0.0, 2.0);
    }
  }
  if (kind == 3) { // fire
    float swing = ${FIRE_SWAY.toFixed(2)} * a.w * life * sin(M3D_TURN * fract(2.0 * u + 3.0 * phase + life / M3D_TURN));
    p += b.xyz * (a.w * life) + m3dAcross(b.xyz) * swing;
  }
  rgba.rgb *= gain;
}

float m3dByte(uvec4 first, uvec4 second, int index) {
  uint word = index < 16 ? first[index / 4] : second[index / 4 - 4];
  return float(int(word << uint(24 - 8 * (index % 4))) >> 24);
}

vec3 m3dColor(usampler2D colors, int index, float u, float scale) {
  int at = 2 * index;
  uvec4 first = texelFetch(colors, ivec2(at % ${WIDTH}, at / ${WIDTH}), 0);
  uvec4 second = texelFetch(colors, ivec2((at + 1) % ${WIDTH}, (at + 1) / ${WIDTH}), 0);
  vec3 sum = vec3(0.0);
  for (int term = 0; term < 8; term++) {
    float angle = M3D_TURN * fract(float(term / 2 + 1) * u);
    float factor = term % 2 == 0 ? cos(angle) : sin(angle);
    sum += factor * vec3(m3dByte(first, second, 3 * term), m3dByte(first, second, 3 * term + 1), m3dByte(first, second, 3 * term + 2));
  }
  return scale * sum;
}`;

/** @param {Record<string, string>} from @param {string} to names in the shader @param {number} [scale] of the colors */
const statements = ({ gsplat, marks, table, colors }, to, scale) => `
${to} = ${gsplat};
{
  uvec2 mark = texelFetch(${marks}, ivec2(${gsplat}.index % ${WIDTH}, ${gsplat}.index / ${WIDTH}), 0).rg;
  int number = int(mark.x);
  float phase = float(mark.y) / 256.0;
  if (number > 0) {
    m3dMove(${to}.center, ${to}.quaternion, ${to}.rgba, number, phase, ${table});
    ${scale ? paint(gsplat, to, table, colors, scale) : ""}
  }
}`;

/** @param {string} gsplat @param {string} to @param {string} table @param {string} colors names @param {number} scale */
const paint = (gsplat, to, table, colors, scale) => `
    float u = texelFetch(${table}, ivec2(${ROW}, number), 0).x;
    if (int(texelFetch(${table}, ivec2(0, number), 0).x + 0.5) == 10) { // color
      ${to}.rgba.rgb += m3dColor(${colors}, ${gsplat}.index, u, ${scale.toExponential(9)});
    }`;

export class WorldMotion {
  /** @param {import("./motion_file.mjs").Motions} motions */
  constructor(motions) {
    this.motions = motions;
    const rows = 1 + Math.max(...motions.table.map(({ number }) => number));
    this.values = new Float32Array(4 * COLUMNS * rows);
    for (const { number, row } of motions.table) {
      row.forEach((vector, i) => this.values.set(vector, 4 * (COLUMNS * number + i)));
    }
    this.table = textureOf(this.values, COLUMNS, rows, THREE.RGBAFormat, THREE.FloatType);
    const height = Math.max(1, Math.ceil(motions.count / WIDTH));
    const marks = new Uint8Array(2 * WIDTH * height);
    const known = new Set(motions.table.map(({ number }) => number));
    for (let i = 0; i < motions.count; i++) {
      if (!known.has(motions.numbers[i])) continue;
      marks[2 * i] = motions.numbers[i];
      marks[2 * i + 1] = motions.phases[i];
    }
    this.marks = textureOf(marks, WIDTH, height, THREE.RGIntegerFormat, THREE.UnsignedByteType, "RG8UI");
    /** @type {any} */
    this.colors = null;
    if (motions.colors) {
      const rowsOfColors = Math.max(1, Math.ceil((2 * motions.count) / WIDTH));
      const bytes = new Uint8Array(16 * WIDTH * rowsOfColors);
      const { values } = motions.colors;
      for (let i = 0; i < motions.count; i++) bytes.set(new Uint8Array(values.buffer, 24 * i, 24), 32 * i);
      this.colors = textureOf(new Uint32Array(bytes.buffer), WIDTH, rowsOfColors, THREE.RGBAIntegerFormat, THREE.UnsignedIntType, "RGBA32UI");
    }
    this.modifier = this.makeModifier();
    this.show(0);
  }

  /** Set the time that is shown. @param {number} seconds */
  show(seconds) {
    for (const { number, period, row, path } of this.motions.table) {
      const share = seconds / period;
      const u = share - Math.floor(share);
      const { turn, shift } = rigidAt(row, path, u);
      this.values.set([u, 0, 0, 0, ...turn, ...shift, 0], 4 * (COLUMNS * number + ROW));
    }
    this.table.needsUpdate = true;
  }

  makeModifier() {
    const { colors, motions } = this;
    const marks = new dyno.DynoUsampler2D({ value: this.marks });
    const table = new dyno.DynoSampler2D({ value: this.table });
    const painted = colors && new dyno.DynoUsampler2D({ value: colors });
    return dyno.dynoBlock({ gsplat: dyno.Gsplat }, { gsplat: dyno.Gsplat }, ({ gsplat }) => {
      const moved = new dyno.Dyno({
        inTypes: { gsplat: dyno.Gsplat, marks: "usampler2D", table: "sampler2D", ...(colors && { colors: "usampler2D" }) },
        outTypes: { gsplat: dyno.Gsplat },
        inputs: { gsplat, marks: marks.dynoOut(), table: table.dynoOut(), ...(painted && { colors: painted.dynoOut() }) },
        globals: () => [dyno.defineGsplat, FUNCTIONS],
        statements: (/** @type {any} */ { inputs, outputs }) => statements(inputs, outputs.gsplat, motions.colors?.scale).split("\n"),
      });
      return { gsplat: moved.outputs.gsplat };
    });
  }

  dispose() {
    for (const texture of [this.table, this.marks, this.colors]) texture?.dispose();
  }
}

/** @param {any} data @param {number} width @param {number} height @param {any} format @param {any} type @param {string | null} [internal] */
function textureOf(data, width, height, format, type, internal = null) {
  const texture = new THREE.DataTexture(data, width, height, format, type);
  if (internal) texture.internalFormat = /** @type {any} */ (internal);
  texture.needsUpdate = true;
  return texture;
}
