/*! @sparkjsdev/spark 2.2.0, MIT, LICENSE.spark.txt, https://www.npmjs.com/package/@sparkjsdev/spark/v/2.2.0 */
import * as s from "./three.mjs";
import { Loader as wo, FileLoader as so, Quaternion as zQ, Vector3 as vA, Color as _Q, Matrix4 as jg } from "./three.mjs";
import { FullScreenQuad as MQ } from "./three.pass.mjs";
const LA = -12, HA = 9, ao = Math.exp(LA), Go = Math.exp(HA), tB = -30, NI = Math.exp(tB), UQ = 11, eQ = 11, SB = 11, ho = UQ + eQ, r = 1 << UQ, rA = 1 << eQ, kB = 1 << SB, LQ = 1, yo = r - 1, to = rA - 1, So = kB - 1, ko = !0, Ro = !0;
var KA = /* @__PURE__ */ ((Q) => (Q.PLY = "ply", Q.SPZ = "spz", Q.SPLAT = "splat", Q.KSPLAT = "ksplat", Q.PCSOGS = "pcsogs", Q.PCSOGSZIP = "pcsogszip", Q.RAD = "rad", Q))(KA || {});
const fg = {
  rgbMin: 0,
  rgbMax: 1,
  lnScaleMin: LA,
  lnScaleMax: HA,
  sh1Max: 1,
  sh2Max: 1,
  sh3Max: 1,
  lodOpacity: !1
}, ry = /* @__PURE__ */ Object.freeze(/* @__PURE__ */ Object.defineProperty({
  __proto__: null,
  DEFAULT_SPLAT_ENCODING: fg,
  LN_SCALE_MAX: HA,
  LN_SCALE_MIN: LA,
  LN_SCALE_ZERO: tB,
  SCALE_MAX: Go,
  SCALE_MIN: ao,
  SCALE_ZERO: NI,
  SPLAT_TEX_DEPTH: kB,
  SPLAT_TEX_DEPTH_BITS: SB,
  SPLAT_TEX_DEPTH_MASK: So,
  SPLAT_TEX_HEIGHT: rA,
  SPLAT_TEX_HEIGHT_BITS: eQ,
  SPLAT_TEX_HEIGHT_MASK: to,
  SPLAT_TEX_LAYER_BITS: ho,
  SPLAT_TEX_MIN_HEIGHT: LQ,
  SPLAT_TEX_WIDTH: r,
  SPLAT_TEX_WIDTH_BITS: UQ,
  SPLAT_TEX_WIDTH_MASK: yo,
  SplatFileType: KA,
  USE_COMPILED_PARSER_FUNCTION: Ro,
  WASM_SPLAT_SORT: ko
}, Symbol.toStringTag, { value: "Module" }));
function LI(Q) {
  return Q === "bool" || Q === "bvec2" || Q === "bvec3" || Q === "bvec4";
}
function HI(Q) {
  return Q === "int" || Q === "uint" || Q === "float";
}
function RA(Q) {
  return Q === "int" || Q === "ivec2" || Q === "ivec3" || Q === "ivec4";
}
function cA(Q) {
  return Q === "uint" || Q === "uvec2" || Q === "uvec3" || Q === "uvec4";
}
function ig(Q) {
  return Q === "float" || Q === "vec2" || Q === "vec3" || Q === "vec4";
}
function RB(Q) {
  return Q === "mat2" || Q === "mat2x2" || Q === "mat2x3" || Q === "mat2x4" || Q === "mat3" || Q === "mat3x2" || Q === "mat3x3" || Q === "mat3x4" || Q === "mat4" || Q === "mat4x2" || Q === "mat4x3" || Q === "mat4x4";
}
function aI(Q) {
  return ig(Q) || RB(Q);
}
function pI(Q) {
  return Q === "vec2" || Q === "ivec2" || Q === "uvec2";
}
function fI(Q) {
  return Q === "vec3" || Q === "ivec3" || Q === "uvec3";
}
function og(Q) {
  return Q === "vec4" || Q === "ivec4" || Q === "uvec4";
}
function co(Q) {
  return pI(Q) || fI(Q) || og(Q);
}
function tI(Q) {
  return Q === "mat2" || Q === "mat2x2";
}
function SI(Q) {
  return Q === "mat3" || Q === "mat3x3";
}
function kI(Q) {
  return Q === "mat4" || Q === "mat4x4";
}
function cB(Q) {
  switch (Q) {
    case "vec2":
      return "float";
    case "vec3":
      return "float";
    case "vec4":
      return "float";
    case "ivec2":
      return "int";
    case "ivec3":
      return "int";
    case "ivec4":
      return "int";
    case "uvec2":
      return "uint";
    case "uvec3":
      return "uint";
    case "uvec4":
      return "uint";
    default:
      throw new Error(`Invalid vector type: ${Q}`);
  }
}
function FB(Q) {
  switch (Q) {
    case "vec2":
    case "ivec2":
    case "uvec2":
      return 2;
    case "vec3":
    case "ivec3":
    case "uvec3":
      return 3;
    case "vec4":
    case "ivec4":
    case "uvec4":
      return 4;
    default:
      throw new Error(`Invalid vector type: ${Q}`);
  }
}
function Fo(Q) {
  if (HI(Q))
    return "float";
  if (pI(Q))
    return "vec2";
  if (fI(Q))
    return "vec3";
  if (og(Q))
    return "vec4";
  throw new Error(`Invalid vector type: ${Q}`);
}
function NB(Q) {
  if (HI(Q))
    return "uint";
  if (pI(Q))
    return "uvec2";
  if (fI(Q))
    return "uvec3";
  if (og(Q))
    return "uvec4";
  throw new Error(`Invalid vector type: ${Q}`);
}
function No(Q) {
  if (HI(Q))
    return "int";
  if (pI(Q))
    return "ivec2";
  if (fI(Q))
    return "ivec3";
  if (og(Q))
    return "ivec4";
  throw new Error(`Invalid vector type: ${Q}`);
}
function JB(Q) {
  if (typeof Q == "string")
    return Q;
  if (typeof Q == "object" && Q.type)
    return Q.type;
  throw new Error(`Invalid DynoType: ${String(Q)}`);
}
function BA(Q) {
  return Math.trunc(Q).toString();
}
function CA(Q) {
  return `${Math.max(0, Math.trunc(Q)).toString()}u`;
}
function P(Q) {
  return Q === Number.POSITIVE_INFINITY ? "INFINITY" : Q === Number.NEGATIVE_INFINITY ? "-INFINITY" : Number.isInteger(Q) ? Q.toFixed(1) : Q.toString();
}
function O(Q) {
  return Q instanceof wI ? Q.type : Q.dynoOut().type;
}
class wI {
  constructor(A) {
    this.__isDynoValue = !0, this.type = A;
  }
}
class x extends wI {
  constructor(A, I) {
    super(A.outTypes[I]), this.dyno = A, this.key = I;
  }
}
class dI extends wI {
  constructor(A, I) {
    super(A), this.literal = I;
  }
  getLiteral() {
    return this.literal;
  }
}
function Mg(Q, A) {
  return new dI(Q, A);
}
class MB extends dI {
  constructor(A, I) {
    super(A, ""), this.value = I;
  }
  getLiteral() {
    const { type: A, value: I } = this;
    switch (A) {
      case "bool":
        return I ? "true" : "false";
      case "uint":
        return CA(I);
      case "int":
        return BA(I);
      case "float":
        return P(I);
      case "bvec2": {
        const g = I;
        return `bvec2(${g[0]}, ${g[1]})`;
      }
      case "uvec2": {
        if (I instanceof s.Vector2)
          return `uvec2(${CA(I.x)}, ${CA(I.y)})`;
        const g = I;
        return `uvec2(${CA(g[0])}, ${CA(g[1])})`;
      }
      case "ivec2": {
        if (I instanceof s.Vector2)
          return `ivec2(${BA(I.x)}, ${BA(I.y)})`;
        const g = I;
        return `ivec2(${BA(g[0])}, ${BA(g[1])})`;
      }
      case "vec2": {
        if (I instanceof s.Vector2)
          return `vec2(${P(I.x)}, ${P(I.y)})`;
        const g = I;
        return `vec2(${P(g[0])}, ${P(g[1])})`;
      }
      case "bvec3": {
        const g = I;
        return `bvec3(${g[0]}, ${g[1]}, ${g[2]})`;
      }
      case "uvec3": {
        if (I instanceof s.Vector3)
          return `uvec3(${CA(I.x)}, ${CA(I.y)}, ${CA(I.z)})`;
        const g = I;
        return `uvec3(${CA(g[0])}, ${CA(g[1])}, ${CA(g[2])})`;
      }
      case "ivec3": {
        if (I instanceof s.Vector3)
          return `ivec3(${BA(I.x)}, ${BA(I.y)}, ${BA(I.z)})`;
        const g = I;
        return `ivec3(${BA(g[0])}, ${BA(g[1])}, ${BA(g[2])})`;
      }
      case "vec3": {
        if (I instanceof s.Vector3)
          return `vec3(${P(I.x)}, ${P(I.y)}, ${P(I.z)})`;
        const g = I;
        return `vec3(${P(g[0])}, ${P(g[1])}, ${P(g[2])})`;
      }
      case "bvec4": {
        const g = I;
        return `bvec4(${g[0]}, ${g[1]}, ${g[2]}, ${g[3]})`;
      }
      case "uvec4": {
        if (I instanceof s.Vector4)
          return `uvec4(${CA(I.x)}, ${CA(I.y)}, ${CA(I.z)}, ${CA(I.w)})`;
        const g = I;
        return `uvec4(${CA(g[0])}, ${CA(g[1])}, ${CA(g[2])}, ${CA(g[3])})`;
      }
      case "ivec4": {
        if (I instanceof s.Vector4)
          return `ivec4(${BA(I.x)}, ${BA(I.y)}, ${BA(I.z)}, ${BA(I.w)})`;
        const g = I;
        return `ivec4(${BA(g[0])}, ${BA(g[1])}, ${BA(g[2])}, ${BA(g[3])})`;
      }
      case "vec4": {
        if (I instanceof s.Vector4)
          return `vec4(${P(I.x)}, ${P(I.y)}, ${P(I.z)}, ${P(I.w)})`;
        if (I instanceof s.Quaternion)
          return `vec4(${P(I.x)}, ${P(I.y)}, ${P(I.z)}, ${P(I.w)})`;
        const g = I;
        return `vec4(${P(g[0])}, ${P(g[1])}, ${P(g[2])}, ${P(g[3])})`;
      }
      case "mat2":
      case "mat2x2": {
        const g = I, B = g instanceof s.Matrix2 ? g.elements : I, C = new Array(4).fill(0).map((E, D) => P(B[D]));
        return `${A}(${C.join(", ")})`;
      }
      case "mat2x3": {
        const g = I, B = new Array(6).fill(0).map((C, E) => P(g[E]));
        return `${A}(${B.join(", ")})`;
      }
      case "mat2x4": {
        const g = I, B = new Array(8).fill(0).map((C, E) => P(g[E]));
        return `${A}(${B.join(", ")})`;
      }
      case "mat3":
      case "mat3x3": {
        const g = I, B = g instanceof s.Matrix3 ? g.elements : I, C = new Array(9).fill(0).map((E, D) => P(B[D]));
        return `${A}(${C.join(", ")})`;
      }
      case "mat3x2": {
        const g = I, B = new Array(6).fill(0).map((C, E) => P(g[E]));
        return `${A}(${B.join(", ")})`;
      }
      case "mat3x4": {
        const g = I, B = new Array(12).fill(0).map((C, E) => P(g[E]));
        return `${A}(${B.join(", ")})`;
      }
      case "mat4":
      case "mat4x4": {
        const g = I, B = g instanceof s.Matrix4 ? g.elements : I, C = new Array(16).fill(0).map((E, D) => P(B[D]));
        return `${A}(${C.join(", ")})`;
      }
      case "mat4x2": {
        const g = I, B = new Array(8).fill(0).map((C, E) => P(g[E]));
        return `${A}(${B.join(", ")})`;
      }
      case "mat4x3": {
        const g = I, B = new Array(12).fill(0).map((C, E) => P(g[E]));
        return `${A}(${B.join(", ")})`;
      }
      default:
        throw new Error(`Type not implemented: ${String(A)}`);
    }
  }
}
function b(Q, A) {
  return new MB(Q, A);
}
function mI(Q) {
  const A = String(Q);
  if (LI(Q))
    return `${A}(false)`;
  if (aI(Q))
    return `${A}(0.0)`;
  if (RA(Q))
    return `${A}(0)`;
  if (cA(Q))
    return `${A}(0u)`;
  throw new Error(`Type not implemented: ${A}`);
}
function Jo(Q) {
  const A = String(Q);
  if (LI(Q))
    return `${A}(true)`;
  if (aI(Q))
    return `${A}(1.0)`;
  if (RA(Q))
    return `${A}(1)`;
  if (cA(Q))
    return `${A}(1u)`;
  throw new Error(`Type not implemented: ${A}`);
}
function Mo(Q) {
  const A = String(Q);
  if (LI(Q))
    return `${A}(true)`;
  if (aI(Q))
    return `${A}(-1.0)`;
  if (RA(Q))
    return `${A}(-1)`;
  if (cA(Q))
    return `${A}(0xFFFFFFFFu)`;
  throw new Error(`Type not implemented: ${A}`);
}
const $Q = "    ";
class UB {
  constructor({ indent: A } = {}) {
    this.globals = /* @__PURE__ */ new Set(), this.statements = [], this.uniforms = {}, this.declares = /* @__PURE__ */ new Set(), this.updaters = [], this.sequence = 0, this.indent = $Q, this.indent = A ?? $Q;
  }
  nextSequence() {
    return this.sequence++;
  }
}
class H {
  constructor({
    inTypes: A,
    outTypes: I,
    inputs: g,
    update: B,
    globals: C,
    statements: E,
    generate: D
  }) {
    this.inTypes = A ?? {}, this.outTypes = I ?? {}, this.inputs = g ?? {}, this.update = B, this.globals = C, this.statements = E, this.generate = D ?? (({ inputs: o, outputs: i, compile: a }) => {
      var w, G;
      return {
        globals: (w = this.globals) == null ? void 0 : w.call(this, { inputs: o, outputs: i, compile: a }),
        statements: (G = this.statements) == null ? void 0 : G.call(this, { inputs: o, outputs: i, compile: a })
      };
    });
  }
  get outputs() {
    const A = {};
    for (const I in this.outTypes)
      A[I] = new x(this, I);
    return A;
  }
  apply(A) {
    return Object.assign(this.inputs, A), this.outputs;
  }
  compile({
    inputs: A,
    outputs: I,
    compile: g
  }) {
    const B = [
      `// ${this.constructor.name}(${Object.values(A).join(", ")}) => (${Object.values(I).join(", ")})`
    ], C = [];
    for (const i in I) {
      const a = I[i];
      a && !g.declares.has(a) && (g.declares.add(a), C.push(i));
    }
    const { globals: E, statements: D, uniforms: o } = this.generate({
      inputs: A,
      outputs: I,
      compile: g
    });
    for (const i of E ?? [])
      g.globals.add(i);
    for (const i in o)
      g.uniforms[i] = o[i];
    this.update && g.updaters.push(this.update);
    for (const i of C) {
      const a = I[i];
      a && (g.uniforms[a] || B.push(`${YQ(a, this.outTypes[i])};`));
    }
    return D != null && D.length && (B.push("{"), B.push(...D.map((i) => g.indent + i)), B.push("}")), B;
  }
}
class QI extends H {
  constructor({
    inTypes: A,
    outTypes: I,
    inputs: g,
    update: B,
    globals: C,
    construct: E
  }) {
    super({
      inTypes: A,
      outTypes: I,
      inputs: g,
      update: B,
      globals: C,
      generate: (D) => this.generateBlock(D)
    }), this.construct = E;
  }
  generateBlock({
    inputs: A,
    outputs: I,
    compile: g
  }) {
    var k, t;
    const B = {}, C = {};
    for (const y in A)
      A[y] != null && (B[y] = new dI(this.inTypes[y], A[y]));
    for (const y in I)
      I[y] != null && (C[y] = new wI(this.outTypes[y]));
    const E = { roots: [] }, D = this.construct(B, C, E);
    for (const y of ((k = this.globals) == null ? void 0 : k.call(this, { inputs: A, outputs: I, compile: g })) ?? [])
      g.globals.add(y);
    const o = [], i = /* @__PURE__ */ new Map();
    function a(y, S, R) {
      let F = i.get(y);
      if (!F) {
        F = {
          sequence: g.nextSequence(),
          outNames: /* @__PURE__ */ new Map(),
          newOuts: /* @__PURE__ */ new Set()
        }, i.set(y, F);
        for (const N in y.inputs) {
          let c = y.inputs[N];
          for (; c; ) {
            if (c instanceof wI) {
              c instanceof x && a(c.dyno, c.key);
              break;
            }
            if (typeof c.dynoOut != "function")
              throw new Error(
                `dynoOut is not a function for ${c.constructor.name}`
              );
            c = c.dynoOut();
          }
        }
        o.push(y);
      }
      S && (R || F.newOuts.add(S), F.outNames.set(S, R ?? `${S}_${F.sequence}`));
    }
    for (const y of E.roots)
      a(y);
    for (const y in C) {
      let S = (D == null ? void 0 : D[y]) ?? C[y];
      for (; S; ) {
        if (S instanceof wI) {
          S instanceof x && a(S.dyno, S.key, I[y]);
          break;
        }
        S = S.dynoOut();
      }
      C[y] = S;
    }
    const w = [];
    for (const y of o) {
      const S = {}, R = {};
      for (const c in y.inputs) {
        let J = y.inputs[c];
        for (; J; ) {
          if (J instanceof wI) {
            if (J instanceof dI)
              S[c] = J.getLiteral();
            else if (J instanceof x) {
              const M = (t = i.get(J.dyno)) == null ? void 0 : t.outNames.get(J.key);
              if (!M)
                throw new Error(
                  `Source not found for ${J.dyno.constructor.name}.${J.key}`
                );
              S[c] = M;
            }
            break;
          }
          J = J.dynoOut();
        }
      }
      const F = i.get(y) ?? { outNames: /* @__PURE__ */ new Map() };
      for (const [c, J] of F.outNames.entries())
        R[c] = J;
      const N = y.compile({ inputs: S, outputs: R, compile: g });
      w.push(N);
    }
    const G = [];
    for (const y in I)
      C[y] instanceof dI && G.push(
        `${I[y]} = ${C[y].getLiteral()};`
      );
    return G.length > 0 && w.push(G), { statements: w.flatMap((y, S) => S === 0 ? y : ["", ...y]) };
  }
}
function aA(Q, A, I, { update: g, globals: B } = {}) {
  return new QI({ inTypes: Q, outTypes: A, construct: I, update: g, globals: B });
}
function HQ({
  inTypes: Q,
  outTypes: A,
  inputs: I,
  update: g,
  globals: B,
  statements: C,
  generate: E
}) {
  return new H({
    inTypes: Q,
    outTypes: A,
    inputs: I,
    update: g,
    globals: B,
    statements: C,
    generate: E
  });
}
function YQ(Q, A, I) {
  const g = typeof A == "string" ? A : A.type;
  if (!g)
    throw new Error(`Invalid DynoType: ${String(A)}`);
  return `${g} ${Q}${I != null ? `[${I}]` : ""}`;
}
function u(Q) {
  var C;
  let A = !1;
  const I = Q.split(`
`).map((E) => {
    const D = E.trimEnd();
    return A ? D : D.length > 0 ? (A = !0, D) : null;
  }).filter((E) => E != null);
  for (; I.length > 0 && I[I.length - 1].length === 0; )
    I.pop();
  if (I.length === 0)
    return [];
  const g = (C = I[0].match(/^\s*/)) == null ? void 0 : C[0];
  if (!g)
    return I;
  const B = new RegExp(`^${g}`);
  return I.map((E) => E.replace(B, ""));
}
function _(Q) {
  return u(Q).join(`
`);
}
class e extends H {
  constructor({
    a: A,
    outKey: I,
    outTypeFunc: g
  }) {
    const B = { a: O(A) }, C = g(O(A)), E = { [I]: C };
    super({ inTypes: B, outTypes: E, inputs: { a: A } }), this.outKey = I;
  }
  dynoOut() {
    return new x(this, this.outKey);
  }
}
class Z extends H {
  constructor({
    a: A,
    b: I,
    outKey: g,
    outTypeFunc: B
  }) {
    const C = { a: O(A), b: O(I) }, E = B(O(A), O(I)), D = { [g]: E };
    super({ inTypes: C, outTypes: D, inputs: { a: A, b: I } }), this.outKey = g;
  }
  dynoOut() {
    return new x(this, this.outKey);
  }
}
class YI extends H {
  constructor({
    a: A,
    b: I,
    c: g,
    outKey: B,
    outTypeFunc: C
  }) {
    const E = { a: O(A), b: O(I), c: O(g) }, D = C(O(A), O(I), O(g)), o = { [B]: D };
    super({ inTypes: E, outTypes: o, inputs: { a: A, b: I, c: g } }), this.outKey = B;
  }
  dynoOut() {
    return new x(this, this.outKey);
  }
}
const f = { type: "Gsplat" }, hA = { type: "CovSplat" }, ug = { type: "PackedSplats" }, nQ = { type: "ExtSplats" }, eB = { type: "CovSplats" }, Uo = (Q) => new KB({ packedSplats: Q }), LB = (Q, A) => new dB({ packedSplats: Q, index: A }), HB = (Q, A, I, g) => new qB({ packedSplats: Q, index: A, base: I, count: g }), eo = (Q) => new lB({ extSplats: Q }), YB = (Q, A) => new xB({ extSplats: Q, index: A }), Lo = (Q) => new pB({ covsplats: Q }), Ho = (Q, A) => new fB({ covSplats: Q, index: A }), Ug = (Q) => new uB({ gsplat: Q }), eA = (Q) => new PB({ gsplat: Q }), WA = ({
  gsplat: Q,
  flags: A,
  index: I,
  center: g,
  scales: B,
  quaternion: C,
  rgba: E,
  rgb: D,
  opacity: o,
  x: i,
  y: a,
  z: w,
  r: G,
  g: h,
  b: k
}) => new bB({
  gsplat: Q,
  flags: A,
  index: I,
  center: g,
  scales: B,
  quaternion: C,
  rgba: E,
  rgb: D,
  opacity: o,
  x: i,
  y: a,
  z: w,
  r: G,
  g: h,
  b: k
}), DQ = (Q) => new mB({ gsplat: Q }), Yo = (Q) => new OB({ gsplat: Q }), no = (Q) => new ZB({ gsplat: Q }), Ko = (Q) => new vB({ gsplat: Q }), nB = (Q, {
  scale: A,
  rotate: I,
  translate: g,
  recolor: B
}) => new XB({ gsplat: Q, scale: A, rotate: I, translate: g, recolor: B }), KQ = (Q) => new jB({ index: Q }), iQ = (Q) => new zB({ index: Q }), gA = _(
  /* glsl */
  `
  struct Gsplat {
    vec3 center;
    uint flags;
    vec3 scales;
    int index;
    vec4 quaternion;
    vec4 rgba;
  };
  const uint GSPLAT_FLAG_ACTIVE = 1u << 0u;

  bool isGsplatActive(uint flags) {
    return (flags & GSPLAT_FLAG_ACTIVE) != 0u;
  }
`
), hI = _(
  /* glsl */
  `
  struct CovSplat {
    vec3 center;
    uint flags;
    vec4 rgba;
    vec3 xxyyzz;
    int index;
    vec3 xyxzyz;
  };

  bool isCovSplatActive(uint flags) {
    return (flags & GSPLAT_FLAG_ACTIVE) != 0u;
  }
`
), Pg = _(
  /* glsl */
  `
  struct PackedSplats {
    usampler2DArray textureArray;
    int numSplats;
    vec4 rgbMinMaxLnScaleMinMax;
    bool lodOpacity;
  };
`
);
class KB extends e {
  constructor({
    packedSplats: A
  }) {
    super({ a: A, outKey: "numSplats", outTypeFunc: () => "int" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.numSplats} = ${I.a}.numSplats;`
    ];
  }
}
const rB = _(
  /* glsl */
  `
  bool readPackedArray(usampler2DArray texture, int numSplats, vec4 rgbMinMaxLnScaleMinMax, int index, out Gsplat gsplat) {
    if ((index >= 0) && (index < numSplats)) {
      uvec4 packedData = texelFetch(texture, splatTexCoord(index), 0);
      unpackSplatEncoding(packedData, gsplat.center, gsplat.scales, gsplat.quaternion, gsplat.rgba, rgbMinMaxLnScaleMinMax);
      return true;
    } else {
      return false;
    }
  }
`
);
class dB extends H {
  constructor({
    packedSplats: A,
    index: I
  }) {
    super({
      inTypes: { packedSplats: ug, index: "int" },
      outTypes: { gsplat: f },
      inputs: { packedSplats: A, index: I },
      globals: () => [gA, Pg, rB],
      statements: ({ inputs: g, outputs: B }) => {
        const { gsplat: C } = B;
        if (!C)
          return [];
        const { packedSplats: E, index: D } = g;
        let o;
        return E && D ? o = u(
          /* glsl */
          `
            ${C}.flags = 0u;
            if (readPackedArray(${E}.textureArray, ${E}.numSplats, ${E}.rgbMinMaxLnScaleMinMax, ${D}, ${C})) {
              if (${E}.lodOpacity) {
                ${C}.rgba.a = 2.0 * ${C}.rgba.a;
              }
              bool zeroSize = all(equal(${C}.scales, vec3(0.0, 0.0, 0.0)));
              ${C}.flags = zeroSize ? 0u : GSPLAT_FLAG_ACTIVE;
            }
          `
        ) : o = [`${C}.flags = 0u;`], o.push(`${C}.index = ${D ?? "0"};`), o;
      }
    });
  }
  dynoOut() {
    return new x(this, "gsplat");
  }
}
class qB extends H {
  constructor({
    packedSplats: A,
    index: I,
    base: g,
    count: B
  }) {
    super({
      inTypes: {
        packedSplats: ug,
        index: "int",
        base: "int",
        count: "int"
      },
      outTypes: { gsplat: f },
      inputs: { packedSplats: A, index: I, base: g, count: B },
      globals: () => [gA, Pg, rB],
      statements: ({ inputs: C, outputs: E }) => {
        const { gsplat: D } = E;
        if (!D)
          return [];
        const { packedSplats: o, index: i, base: a, count: w } = C;
        let G;
        return o && i && a && w ? G = u(
          /* glsl */
          `
            ${D}.flags = 0u;
            if (readPackedArray(${o}.textureArray, ${o}.numSplats, ${o}.rgbMinMaxLnScaleMinMax, ${i}, ${D})) {
              if (${o}.lodOpacity) {
                ${D}.rgba.a = 2.0 * ${D}.rgba.a;
              }
              bool zeroSize = all(equal(${D}.scales, vec3(0.0, 0.0, 0.0)));
              ${D}.flags = zeroSize ? 0u : GSPLAT_FLAG_ACTIVE;
            }
          `
        ) : G = [`${D}.flags = 0u;`], G.push(`${D}.index = ${i ?? "0"};`), G;
      }
    });
  }
  dynoOut() {
    return new x(this, "gsplat");
  }
}
const rQ = _(
  /* glsl */
  `
  struct ExtSplats {
    usampler2DArray textureArray1;
    usampler2DArray textureArray2;
    int numSplats;
  };
`
);
class lB extends e {
  constructor({ extSplats: A }) {
    super({ a: A, outKey: "numSplats", outTypeFunc: () => "int" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.numSplats} = ${I.a}.numSplats;`
    ];
  }
}
const ro = _(
  /* glsl */
  `
  void readExtArrays(usampler2DArray texture1, usampler2DArray texture2, int numSplats, int index, out Gsplat gsplat) {
    gsplat.flags = 0u;
    if ((index >= 0) && (index < numSplats)) {
      ivec3 coord = splatTexCoord(index);
      uvec4 packed1 = texelFetch(texture1, coord, 0);
      uvec4 packed2 = texelFetch(texture2, coord, 0);
      unpackSplatExt(packed1, packed2, gsplat.center, gsplat.scales, gsplat.quaternion, gsplat.rgba);
      gsplat.flags = all(equal(gsplat.scales, vec3(0.0, 0.0, 0.0))) ? 0u : GSPLAT_FLAG_ACTIVE;
      gsplat.index = index;
    }
  }
`
);
class xB extends H {
  constructor({
    extSplats: A,
    index: I
  }) {
    super({
      inTypes: { extSplats: nQ, index: "int" },
      outTypes: { gsplat: f },
      inputs: { extSplats: A, index: I },
      globals: () => [gA, rQ, ro],
      statements: ({ inputs: g, outputs: B }) => {
        const { gsplat: C } = B;
        if (!C)
          return [`${C}.flags = 0u;`];
        const { extSplats: E, index: D } = g;
        return E && D ? u(
          /* glsl */
          `
            readExtArrays(${E}.textureArray1, ${E}.textureArray2, ${E}.numSplats, ${D}, ${C});
          `
        ) : [`${C}.flags = 0u;`];
      }
    });
  }
  dynoOut() {
    return new x(this, "gsplat");
  }
}
class pB extends e {
  constructor({ covsplats: A }) {
    super({ a: A, outKey: "numSplats", outTypeFunc: () => "int" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.numSplats} = ${I.a}.numSplats;`
    ];
  }
}
const qo = _(
  /* glsl */
  `
  void readCovArrays(usampler2DArray texture1, usampler2DArray texture2, int numSplats, int index, out CovSplat covsplat) {
    covsplat.flags = 0u;
    if ((index >= 0) && (index < numSplats)) {
      ivec3 coord = splatTexCoord(index);
      uvec4 packed1 = texelFetch(texture1, coord, 0);
      uvec4 packed2 = texelFetch(texture2, coord, 0);
      unpackSplatExtCov(packed1, packed2, covsplat.center, covsplat.rgba, covsplat.xxyyzz, covsplat.xyxzyz);
      covsplat.flags = (all(equal(covsplat.xxyyzz, vec3(0.0))) && all(equal(covsplat.xyxzyz, vec3(0.0)))) ? 0u : GSPLAT_FLAG_ACTIVE;
      gsplat.index = index;
    }
  }
`
);
class fB extends H {
  constructor({
    covSplats: A,
    index: I
  }) {
    super({
      inTypes: { covSplats: eB, index: "int" },
      outTypes: { covsplat: hA },
      inputs: { covSplats: A, index: I },
      globals: () => [gA, hI, qo],
      statements: ({ inputs: g, outputs: B }) => {
        const { covsplat: C } = B;
        if (!C)
          return [`${C}.flags = 0u;`];
        const { covSplats: E, index: D } = g;
        return E && D ? u(
          /* glsl */
          `
            readCovArrays(${E}.textureArray, ${E}.numSplats, ${D}, ${C});
          `
        ) : [`${C}.flags = 0u;`];
      }
    });
  }
  dynoOut() {
    return new x(this, "covsplat");
  }
}
class uB extends H {
  constructor({ gsplat: A }) {
    super({
      inTypes: { gsplat: f },
      outTypes: { covsplat: hA },
      inputs: { gsplat: A },
      globals: () => [gA, hI],
      statements: ({ inputs: I, outputs: g }) => {
        const { gsplat: B } = I, { covsplat: C } = g;
        return B ? u(
          /* glsl */
          `
          ${C}.flags = 0u;
          if (isGsplatActive(${B}.flags)) {
            ${C}.flags = ${B}.flags;
            ${C}.index = ${B}.index;
            ${C}.rgba = ${B}.rgba;
            ${C}.center = ${B}.center;
            mat3 m = scaleQuaternionToMatrix(${B}.scales, ${B}.quaternion);
            m = m * transpose(m);
            ${C}.xxyyzz = vec3(m[0][0], m[1][1], m[2][2]);
            ${C}.xyxzyz = vec3(m[0][1], m[0][2], m[1][2]);
          }
        `
        ) : [`${C}.flags = 0u;`];
      }
    });
  }
  dynoOut() {
    return new x(this, "covsplat");
  }
}
class PB extends H {
  constructor({ gsplat: A }) {
    super({
      inTypes: { gsplat: f },
      outTypes: {
        flags: "uint",
        active: "bool",
        index: "int",
        center: "vec3",
        scales: "vec3",
        quaternion: "vec4",
        rgba: "vec4",
        rgb: "vec3",
        opacity: "float",
        x: "float",
        y: "float",
        z: "float",
        r: "float",
        g: "float",
        b: "float"
      },
      inputs: { gsplat: A },
      globals: () => [gA],
      statements: ({ inputs: I, outputs: g }) => {
        const { gsplat: B } = I, {
          flags: C,
          active: E,
          index: D,
          center: o,
          scales: i,
          quaternion: a,
          rgba: w,
          rgb: G,
          opacity: h,
          x: k,
          y: t,
          z: y,
          r: S,
          g: R,
          b: F
        } = g;
        return [
          C ? `${C} = ${B ? `${B}.flags` : "0u"};` : null,
          E ? `${E} = isGsplatActive(${B ? `${B}.flags` : "0u"});` : null,
          D ? `${D} = ${B ? `${B}.index` : "0"};` : null,
          o ? `${o} = ${B ? `${B}.center` : "vec3(0.0, 0.0, 0.0)"};` : null,
          i ? `${i} = ${B ? `${B}.scales` : "vec3(0.0, 0.0, 0.0)"};` : null,
          a ? `${a} = ${B ? `${B}.quaternion` : "vec4(0.0, 0.0, 0.0, 1.0)"};` : null,
          w ? `${w} = ${B ? `${B}.rgba` : "vec4(0.0, 0.0, 0.0, 0.0)"};` : null,
          G ? `${G} = ${B ? `${B}.rgba.rgb` : "vec3(0.0, 0.0, 0.0)"};` : null,
          h ? `${h} = ${B ? `${B}.rgba.a` : "0.0"};` : null,
          k ? `${k} = ${B ? `${B}.center.x` : "0.0"};` : null,
          t ? `${t} = ${B ? `${B}.center.y` : "0.0"};` : null,
          y ? `${y} = ${B ? `${B}.center.z` : "0.0"};` : null,
          S ? `${S} = ${B ? `${B}.rgba.r` : "0.0"};` : null,
          R ? `${R} = ${B ? `${B}.rgba.g` : "0.0"};` : null,
          F ? `${F} = ${B ? `${B}.rgba.b` : "0.0"};` : null
        ].filter(Boolean);
      }
    });
  }
}
class bB extends H {
  constructor({
    gsplat: A,
    flags: I,
    index: g,
    center: B,
    scales: C,
    quaternion: E,
    rgba: D,
    rgb: o,
    opacity: i,
    x: a,
    y: w,
    z: G,
    r: h,
    g: k,
    b: t
  }) {
    super({
      inTypes: {
        gsplat: f,
        flags: "uint",
        index: "int",
        center: "vec3",
        scales: "vec3",
        quaternion: "vec4",
        rgba: "vec4",
        rgb: "vec3",
        opacity: "float",
        x: "float",
        y: "float",
        z: "float",
        r: "float",
        g: "float",
        b: "float"
      },
      outTypes: { gsplat: f },
      inputs: {
        gsplat: A,
        flags: I,
        index: g,
        center: B,
        scales: C,
        quaternion: E,
        rgba: D,
        rgb: o,
        opacity: i,
        x: a,
        y: w,
        z: G,
        r: h,
        g: k,
        b: t
      },
      globals: () => [gA],
      statements: ({ inputs: y, outputs: S }) => {
        const { gsplat: R } = S;
        if (!R)
          return [];
        const {
          gsplat: F,
          flags: N,
          index: c,
          center: J,
          scales: M,
          quaternion: K,
          rgba: n,
          rgb: q,
          opacity: L,
          x: d,
          y: j,
          z: p,
          r: T,
          g: AA,
          b: yA
        } = y;
        return [
          `${R}.flags = ${N ?? (F ? `${F}.flags` : "0u")};`,
          `${R}.index = ${c ?? (F ? `${F}.index` : "0")};`,
          `${R}.center = ${J ?? (F ? `${F}.center` : "vec3(0.0, 0.0, 0.0)")};`,
          `${R}.scales = ${M ?? (F ? `${F}.scales` : "vec3(0.0, 0.0, 0.0)")};`,
          `${R}.quaternion = ${K ?? (F ? `${F}.quaternion` : "vec4(0.0, 0.0, 0.0, 1.0)")};`,
          `${R}.rgba = ${n ?? (F ? `${F}.rgba` : "vec4(0.0, 0.0, 0.0, 0.0)")};`,
          q ? `${R}.rgba.rgb = ${q};` : null,
          L ? `${R}.rgba.a = ${L};` : null,
          d ? `${R}.center.x = ${d};` : null,
          j ? `${R}.center.y = ${j};` : null,
          p ? `${R}.center.z = ${p};` : null,
          T ? `${R}.rgba.r = ${T};` : null,
          AA ? `${R}.rgba.g = ${AA};` : null,
          yA ? `${R}.rgba.b = ${yA};` : null
        ].filter(Boolean);
      }
    });
  }
  dynoOut() {
    return new x(this, "gsplat");
  }
}
const TB = _(
  /* glsl */
  `
  vec3 gsplatNormal(vec3 scales, vec4 quaternion) {
    float minScale = min(scales.x, min(scales.y, scales.z));
    vec3 normal;
    if (scales.z == minScale) {
      normal = vec3(0.0, 0.0, 1.0);
    } else if (scales.y == minScale) {
      normal = vec3(0.0, 1.0, 0.0);
    } else {
      normal = vec3(1.0, 0.0, 0.0);
    }
    return quatVec(quaternion, normal);
  }
`
);
class mB extends e {
  constructor({ gsplat: A }) {
    super({ a: A, outKey: "normal", outTypeFunc: () => "vec3" }), this.globals = () => [gA, TB], this.statements = ({ inputs: I, outputs: g }) => [
      `${g.normal} = gsplatNormal(${I.a}.scales, ${I.a}.quaternion);`
    ];
  }
}
class OB extends e {
  constructor({ gsplat: A }) {
    super({ a: A, outKey: "xaxis", outTypeFunc: () => "vec3" }), this.globals = () => [gA], this.statements = ({ inputs: I, outputs: g }) => [
      `${g.xaxis} = quatVec(${I.a}.quaternion, vec3(1.0, 0.0, 0.0));`
    ];
  }
}
class ZB extends e {
  constructor({ gsplat: A }) {
    super({ a: A, outKey: "yaxis", outTypeFunc: () => "vec3" }), this.globals = () => [gA], this.statements = ({ inputs: I, outputs: g }) => [
      `${g.yaxis} = quatVec(${I.a}.quaternion, vec3(0.0, 1.0, 0.0));`
    ];
  }
}
class vB extends e {
  constructor({ gsplat: A }) {
    super({ a: A, outKey: "zaxis", outTypeFunc: () => "vec3" }), this.globals = () => [gA], this.statements = ({ inputs: I, outputs: g }) => [
      `${g.zaxis} = quatVec(${I.a}.quaternion, vec3(0.0, 0.0, 1.0));`
    ];
  }
}
class XB extends H {
  constructor({
    gsplat: A,
    scale: I,
    rotate: g,
    translate: B,
    recolor: C
  }) {
    super({
      inTypes: {
        gsplat: f,
        scale: "float",
        rotate: "vec4",
        translate: "vec3",
        recolor: "vec4"
      },
      outTypes: { gsplat: f },
      inputs: { gsplat: A, scale: I, rotate: g, translate: B, recolor: C },
      globals: () => [gA],
      statements: ({ inputs: E, outputs: D, compile: o }) => {
        const { gsplat: i } = D;
        if (!i || !E.gsplat)
          return [];
        const { scale: a, rotate: w, translate: G, recolor: h } = E, k = o.indent;
        return [
          `${i} = ${E.gsplat};`,
          `if (isGsplatActive(${i}.flags)) {`,
          a ? `${k}${i}.center *= ${a};` : null,
          w ? `${k}${i}.center = quatVec(${w}, ${i}.center);` : null,
          G ? `${k}${i}.center += ${G};` : null,
          a ? `${k}${i}.scales *= ${a};` : null,
          w ? `${k}${i}.quaternion = quatQuat(${w}, ${i}.quaternion);` : null,
          h ? `${k}${i}.rgba *= ${h};` : null,
          "}"
        ].filter(Boolean);
      }
    });
  }
  dynoOut() {
    return new x(this, "gsplat");
  }
}
const eg = (Q) => new VB({ covsplat: Q }), dQ = ({
  covsplat: Q,
  flags: A,
  index: I,
  center: g,
  rgba: B,
  rgb: C,
  opacity: E,
  x: D,
  y: o,
  z: i,
  r: a,
  g: w,
  b: G
}) => new WB({
  covsplat: Q,
  flags: A,
  index: I,
  center: g,
  rgba: B,
  rgb: C,
  opacity: E,
  x: D,
  y: o,
  z: i,
  r: a,
  g: w,
  b: G
});
class VB extends H {
  constructor({ covsplat: A }) {
    super({
      inTypes: { covsplat: hA },
      outTypes: {
        flags: "uint",
        active: "bool",
        index: "int",
        center: "vec3",
        rgba: "vec4",
        rgb: "vec3",
        opacity: "float",
        x: "float",
        y: "float",
        z: "float",
        r: "float",
        g: "float",
        b: "float"
      },
      inputs: { covsplat: A },
      globals: () => [hI],
      statements: ({ inputs: I, outputs: g }) => {
        const { covsplat: B } = I, {
          flags: C,
          active: E,
          index: D,
          center: o,
          rgba: i,
          rgb: a,
          opacity: w,
          x: G,
          y: h,
          z: k,
          r: t,
          g: y,
          b: S
        } = g;
        return [
          C ? `${C} = ${B ? `${B}.flags` : "0u"};` : null,
          E ? `${E} = isCovSplatActive(${B ? `${B}.flags` : "0u"});` : null,
          D ? `${D} = ${B ? `${B}.index` : "0"};` : null,
          o ? `${o} = ${B ? `${B}.center` : "vec3(0.0, 0.0, 0.0)"};` : null,
          i ? `${i} = ${B ? `${B}.rgba` : "vec4(0.0, 0.0, 0.0, 0.0)"};` : null,
          a ? `${a} = ${B ? `${B}.rgba.rgb` : "vec3(0.0, 0.0, 0.0)"};` : null,
          w ? `${w} = ${B ? `${B}.rgba.a` : "0.0"};` : null,
          G ? `${G} = ${B ? `${B}.center.x` : "0.0"};` : null,
          h ? `${h} = ${B ? `${B}.center.y` : "0.0"};` : null,
          k ? `${k} = ${B ? `${B}.center.z` : "0.0"};` : null,
          t ? `${t} = ${B ? `${B}.rgba.r` : "0.0"};` : null,
          y ? `${y} = ${B ? `${B}.rgba.g` : "0.0"};` : null,
          S ? `${S} = ${B ? `${B}.rgba.b` : "0.0"};` : null
        ].filter(Boolean);
      }
    });
  }
}
class WB extends H {
  constructor({
    covsplat: A,
    flags: I,
    index: g,
    center: B,
    rgba: C,
    rgb: E,
    opacity: D,
    x: o,
    y: i,
    z: a,
    r: w,
    g: G,
    b: h
  }) {
    super({
      inTypes: {
        covsplat: hA,
        flags: "uint",
        index: "int",
        center: "vec3",
        rgba: "vec4",
        rgb: "vec3",
        opacity: "float",
        x: "float",
        y: "float",
        z: "float",
        r: "float",
        g: "float",
        b: "float"
      },
      outTypes: { covsplat: hA },
      inputs: {
        covsplat: A,
        flags: I,
        index: g,
        center: B,
        rgba: C,
        rgb: E,
        opacity: D,
        x: o,
        y: i,
        z: a,
        r: w,
        g: G,
        b: h
      },
      globals: () => [hI],
      statements: ({ inputs: k, outputs: t }) => {
        const { covsplat: y } = t;
        if (!y)
          return [];
        const {
          covsplat: S,
          flags: R,
          index: F,
          center: N,
          rgba: c,
          rgb: J,
          opacity: M,
          x: K,
          y: n,
          z: q,
          r: L,
          g: d,
          b: j
        } = k;
        return [
          `${y}.flags = ${R ?? (S ? `${S}.flags` : "0u")};`,
          `${y}.index = ${F ?? (S ? `${S}.index` : "0")};`,
          `${y}.center = ${N ?? (S ? `${S}.center` : "vec3(0.0, 0.0, 0.0)")};`,
          `${y}.rgba = ${c ?? (S ? `${S}.rgba` : "vec4(0.0, 0.0, 0.0, 0.0)")};`,
          J ? `${y}.rgba.rgb = ${J};` : null,
          M ? `${y}.rgba.a = ${M};` : null,
          K ? `${y}.center.x = ${K};` : null,
          n ? `${y}.center.y = ${n};` : null,
          q ? `${y}.center.z = ${q};` : null,
          L ? `${y}.rgba.r = ${L};` : null,
          d ? `${y}.rgba.g = ${d};` : null,
          j ? `${y}.rgba.b = ${j};` : null,
          `${y}.xxyyzz = ${S ? `${S}.xxyyzz` : "vec3(0.0, 0.0, 0.0)"};`,
          `${y}.xyxzyz = ${S ? `${S}.xyxzyz` : "vec3(0.0, 0.0, 0.0)"};`
        ].filter(Boolean);
      }
    });
  }
  dynoOut() {
    return new x(this, "covsplat");
  }
}
class jB extends H {
  constructor({ index: A }) {
    super({
      inTypes: { index: "int" },
      outTypes: { coord: "ivec3" },
      inputs: { index: A },
      statements: ({ inputs: I, outputs: g }) => {
        const { index: B } = I, { coord: C } = g;
        return !B || !C ? [] : [`${C} = splatTexCoord(${B});`];
      }
    });
  }
  dynoOut() {
    return new x(this, "coord");
  }
}
class zB extends H {
  constructor({ index: A }) {
    super({
      inTypes: { index: "int" },
      outTypes: { coord: "ivec3" },
      inputs: { index: A },
      statements: ({ inputs: I, outputs: g }) => {
        const { index: B } = I, { coord: C } = g;
        return !B || !C ? [] : [`${C} = pagedSplatTexCoord(${B});`];
      }
    });
  }
  dynoOut() {
    return new x(this, "coord");
  }
}
const qQ = (Q, A) => new gC({ gsplat: Q, rgbMinMaxLnScaleMinMax: A }), _B = (Q, A) => new QC({ covsplat: Q, rgbMinMaxLnScaleMinMax: A }), $B = (Q) => new BC({ gsplat: Q }), oQ = (Q) => new CC({ covsplat: Q }), AC = (Q, A, I, g) => new xo({ gsplat: Q, viewCenter: A, viewDir: I, sortRadial: g }), IC = (Q, A, I, g) => new po({ covsplat: Q, viewCenter: A, viewDir: I, sortRadial: g }), lo = (Q) => new lQ({ rgba8: Q });
class gC extends H {
  constructor({
    gsplat: A,
    rgbMinMaxLnScaleMinMax: I
  }) {
    super({
      inTypes: { gsplat: f, rgbMinMaxLnScaleMinMax: "vec4" },
      inputs: { gsplat: A, rgbMinMaxLnScaleMinMax: I },
      globals: () => [gA],
      statements: ({ inputs: g, outputs: B }) => {
        const { gsplat: C, rgbMinMaxLnScaleMinMax: E } = g;
        return C && E ? u(
          /* glsl */
          `
            if (isGsplatActive(${C}.flags)) {
              target = packSplatEncoding(${C}.center, ${C}.scales, ${C}.quaternion, ${C}.rgba, ${E});
            } else {
              target = uvec4(0u, 0u, 0u, 0u);
            }
          `
        ) : ["target = uvec4(0u, 0u, 0u, 0u);"];
      }
    });
  }
}
class QC extends H {
  constructor({
    covsplat: A,
    rgbMinMaxLnScaleMinMax: I
  }) {
    super({
      inTypes: { covsplat: hA, rgbMinMaxLnScaleMinMax: "vec4" },
      inputs: { covsplat: A, rgbMinMaxLnScaleMinMax: I },
      globals: () => [hI],
      statements: ({ inputs: g }) => {
        const { covsplat: B, rgbMinMaxLnScaleMinMax: C } = g;
        return B && C ? u(
          /* glsl */
          `
            if (isCovSplatActive(${B}.flags)) {
              target = packSplatCovEncoding(${B}.center, ${B}.rgba, ${B}.xxyyzz, ${B}.xyxzyz, ${C});
            } else {
              target = uvec4(0u);
            }
          `
        ) : ["target = uvec4(0u);"];
      }
    });
  }
}
class BC extends H {
  constructor({
    gsplat: A
  }) {
    super({
      inTypes: { gsplat: f },
      inputs: { gsplat: A },
      globals: () => [gA],
      statements: ({ inputs: I }) => {
        const { gsplat: g } = I;
        return g ? u(
          /* glsl */
          `
            if (isGsplatActive(${g}.flags)) {
              packSplatExt(target, target2, ${g}.center, ${g}.scales, ${g}.quaternion, ${g}.rgba);
            } else {
              target = uvec4(0u);
              target2 = uvec4(0u);
            }
          `
        ) : ["target = uvec4(0u);", "target2 = uvec4(0u);"];
      }
    });
  }
}
class CC extends H {
  constructor({
    covsplat: A
  }) {
    super({
      inTypes: { covsplat: hA },
      inputs: { covsplat: A },
      globals: () => [hI],
      statements: ({ inputs: I }) => {
        const { covsplat: g } = I;
        return g ? u(
          /* glsl */
          `
            if (isCovSplatActive(${g}.flags)) {
              packSplatExtCov(target, target2, ${g}.center, ${g}.rgba, ${g}.xxyyzz, ${g}.xyxzyz);
            } else {
              target = uvec4(0u);
              target2 = uvec4(0u);
            }
          `
        ) : ["target = uvec4(0u);", "target2 = uvec4(0u);"];
      }
    });
  }
}
class xo extends H {
  constructor({
    gsplat: A,
    viewCenter: I,
    viewDir: g,
    sortRadial: B
  }) {
    super({
      inTypes: {
        gsplat: f,
        viewCenter: "vec3",
        viewDir: "vec3",
        sortRadial: "bool"
      },
      inputs: { gsplat: A, viewCenter: I, viewDir: g, sortRadial: B },
      globals: () => [gA],
      statements: ({ inputs: C }) => {
        const { gsplat: E, viewCenter: D, viewDir: o, sortRadial: i } = C;
        return E && D && o && i ? u(
          /* glsl */
          `
            float metric = 1.0 / 0.0;
            if (isGsplatActive(${E}.flags)) {
              vec3 center = ${E}.center - ${D};
              if (${i}) {
                metric = length(center);
              } else {
                float bias = 100.0; // reduce popping
                metric = dot(center, ${o}) + bias;
              }
            }
            target3 = floatToVec4(metric);
          `
        ) : [];
      }
    });
  }
}
class po extends H {
  constructor({
    covsplat: A,
    viewCenter: I,
    viewDir: g,
    sortRadial: B
  }) {
    super({
      inTypes: {
        covsplat: hA,
        viewCenter: "vec3",
        viewDir: "vec3",
        sortRadial: "bool"
      },
      inputs: { covsplat: A, viewCenter: I, viewDir: g, sortRadial: B },
      globals: () => [hI],
      statements: ({ inputs: C }) => {
        const { covsplat: E, viewCenter: D, viewDir: o, sortRadial: i } = C;
        return E && D && o && i ? u(
          /* glsl */
          `
            float metric = 1.0 / 0.0;
            if (isCovSplatActive(${E}.flags)) {
              vec3 center = ${E}.center - ${D};
              if (${i}) {
                metric = length(center);
              } else {
                float bias = 100.0; // reduce popping
                metric = dot(center, ${o}) + bias;
              }
            }
            target3 = floatToVec4(metric);
          `
        ) : [];
      }
    });
  }
}
class lQ extends H {
  constructor({ rgba8: A }) {
    super({
      inTypes: { rgba8: "vec4" },
      inputs: { rgba8: A },
      statements: ({ inputs: I, outputs: g }) => [
        `target = ${I.rgba8 ?? "vec4(0.0, 0.0, 0.0, 0.0)"};`
      ]
    });
  }
  dynoOut() {
    return new x(this, "rgba8");
  }
}
const fo = (Q, A, I) => new Y({ key: Q, type: A, value: I }), uo = (Q = !1, A) => new wg({ key: A, value: Q }), Po = (Q = 0, A) => new EC({ key: A, value: Q }), bo = (Q = 0, A) => new jA({ key: A, value: Q }), _A = (Q = 0, A) => new qI({ key: A, value: Q }), To = (Q, A) => new DC({ key: A, value: Q }), mo = (Q, A) => new iC({ key: A, value: Q }), Oo = (Q, A) => new oC({ key: A, value: Q }), Zo = (Q, A) => new wC({ key: A, value: Q }), vo = (Q, A) => new sC({ key: A, value: Q }), Xo = (Q, A) => new aC({ key: A, value: Q }), Vo = (Q, A) => new GC({ key: A, value: Q }), oI = (Q, A) => new GI({ key: A, value: Q }), Wo = (Q, A) => new hC({ key: A, value: Q }), jo = (Q, A) => new yC({ key: A, value: Q }), zo = (Q, A) => new tC({ key: A, value: Q }), _o = (Q, A) => new uI({ key: A, value: Q }), $o = (Q, A) => new SC({ key: A, value: Q }), Aw = (Q, A) => new kC({ key: A, value: Q }), Iw = (Q, A) => new RC({ key: A, value: Q }), gw = (Q, A) => new cC({ key: A, value: Q }), Qw = (Q, A) => new xQ({ key: A, value: Q }), Bw = (Q, A) => new FC({ key: A, value: Q }), Cw = (Q, A) => new NC({ key: A, value: Q }), Ew = (Q, A) => new JC({ key: A, value: Q }), Dw = (Q, A) => new MC({ key: A, value: Q }), iw = (Q, A) => new UC({ key: A, value: Q }), ow = (Q, A) => new eC({ key: A, value: Q }), ww = (Q, A) => new LC({ key: A, value: Q }), sw = (Q, A) => new bg({ key: A, value: Q }), aw = (Q, A) => new HC({ key: A, value: Q }), Gw = (Q, A) => new YC({ key: A, value: Q }), hw = (Q, A) => new dA({ key: A, value: Q }), yw = (Q, A) => new nC({ key: Q, value: A }), tw = (Q, A) => new KC({ key: A, value: Q }), Sw = (Q, A) => new rC({ key: A, value: Q }), kw = (Q, A) => new dC({ key: A, value: Q }), Rw = (Q, A) => new qC({ key: A, value: Q }), cw = (Q, A) => new lC({ key: A, value: Q }), Fw = (Q, A) => new xC({ key: A, value: Q }), Nw = (Q, A) => new pC({ key: A, value: Q }), Jw = (Q, A) => new fC({ key: A, value: Q }), Mw = (Q, A) => new uC({ key: A, value: Q }), Uw = (Q, A) => new PC({ key: A, value: Q });
class Y extends H {
  constructor({
    key: A,
    type: I,
    count: g,
    value: B,
    update: C,
    globals: E
  }) {
    A = A ?? "value", super({
      outTypes: { [A]: I },
      update: () => {
        if (C) {
          const D = C(this.value);
          D !== void 0 && (this.value = D);
        }
        this.uniform.value = this.value;
      },
      generate: ({ inputs: D, outputs: o }) => {
        const i = (E == null ? void 0 : E({ inputs: D, outputs: o })) ?? [], a = {}, w = o[A];
        return w && (i.push(`uniform ${YQ(w, I, g)};`), a[w] = this.uniform), { globals: i, uniforms: a };
      }
    }), this.type = I, this.count = g, this.value = B, this.uniform = { value: B }, this.outKey = A;
  }
  dynoOut() {
    return new x(this, this.outKey);
  }
}
class wg extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "bool", value: I, update: g });
  }
}
class EC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "uint", value: I, update: g });
  }
}
class jA extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "int", value: I, update: g });
  }
}
class qI extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "float", value: I, update: g });
  }
}
class DC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "bvec2", value: I, update: g });
  }
}
class iC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "uvec2", value: I, update: g });
  }
}
class oC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "ivec2", value: I, update: g });
  }
}
class wC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "vec2", value: I, update: g });
  }
}
class sC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "bvec3", value: I, update: g });
  }
}
class aC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "uvec3", value: I, update: g });
  }
}
class GC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "ivec3", value: I, update: g });
  }
}
class GI extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "vec3", value: I, update: g });
  }
}
class hC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "bvec4", value: I, update: g });
  }
}
class yC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "uvec4", value: I, update: g });
  }
}
class tC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "ivec4", value: I, update: g });
  }
}
class uI extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "vec4", value: I, update: g });
  }
}
class SC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat2", value: I, update: g });
  }
}
class kC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat2x2", value: I, update: g });
  }
}
class RC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat2x3", value: I, update: g });
  }
}
class cC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat2x4", value: I, update: g });
  }
}
class xQ extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat3", value: I, update: g });
  }
}
class FC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat3x2", value: I, update: g });
  }
}
class NC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat3x3", value: I, update: g });
  }
}
class JC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat3x4", value: I, update: g });
  }
}
class MC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat4", value: I, update: g });
  }
}
class UC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat4x2", value: I, update: g });
  }
}
class eC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat4x3", value: I, update: g });
  }
}
class LC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "mat4x4", value: I, update: g });
  }
}
class bg extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "usampler2D", value: I, update: g });
  }
}
class HC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "isampler2D", value: I, update: g });
  }
}
class YC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "sampler2D", value: I, update: g });
  }
}
class dA extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "usampler2DArray", value: I, update: g });
  }
}
class nC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "isampler2DArray", value: I, update: g });
  }
}
class KC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "sampler2DArray", value: I, update: g });
  }
}
class rC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "usampler3D", value: I, update: g });
  }
}
class dC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "isampler3D", value: I, update: g });
  }
}
class qC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "sampler3D", value: I, update: g });
  }
}
class lC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "usamplerCube", value: I, update: g });
  }
}
class xC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "isamplerCube", value: I, update: g });
  }
}
class pC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "samplerCube", value: I, update: g });
  }
}
class fC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "sampler2DShadow", value: I, update: g });
  }
}
class uC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "sampler2DArrayShadow", value: I, update: g });
  }
}
class PC extends Y {
  constructor({
    key: A,
    value: I,
    update: g
  }) {
    super({ key: A, type: "samplerCubeShadow", value: I, update: g });
  }
}
var GA = Uint8Array, KI = Uint16Array, ew = Int32Array, bC = new GA([
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  1,
  1,
  1,
  1,
  2,
  2,
  2,
  2,
  3,
  3,
  3,
  3,
  4,
  4,
  4,
  4,
  5,
  5,
  5,
  5,
  0,
  /* unused */
  0,
  0,
  /* impossible */
  0
]), TC = new GA([
  0,
  0,
  0,
  0,
  1,
  1,
  2,
  2,
  3,
  3,
  4,
  4,
  5,
  5,
  6,
  6,
  7,
  7,
  8,
  8,
  9,
  9,
  10,
  10,
  11,
  11,
  12,
  12,
  13,
  13,
  /* unused */
  0,
  0
]), Lw = new GA([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]), mC = function(Q, A) {
  for (var I = new KI(31), g = 0; g < 31; ++g)
    I[g] = A += 1 << Q[g - 1];
  for (var B = new ew(I[30]), g = 1; g < 30; ++g)
    for (var C = I[g]; C < I[g + 1]; ++C)
      B[C] = C - I[g] << 5 | g;
  return { b: I, r: B };
}, OC = mC(bC, 2), ZC = OC.b, Hw = OC.r;
ZC[28] = 258, Hw[258] = 28;
var Yw = mC(TC, 0), nw = Yw.b, wQ = new KI(32768);
for (var $ = 0; $ < 32768; ++$) {
  var DI = ($ & 43690) >> 1 | ($ & 21845) << 1;
  DI = (DI & 52428) >> 2 | (DI & 13107) << 2, DI = (DI & 61680) >> 4 | (DI & 3855) << 4, wQ[$] = ((DI & 65280) >> 8 | (DI & 255) << 8) >> 1;
}
var VI = function(Q, A, I) {
  for (var g = Q.length, B = 0, C = new KI(A); B < g; ++B)
    Q[B] && ++C[Q[B] - 1];
  var E = new KI(A);
  for (B = 1; B < A; ++B)
    E[B] = E[B - 1] + C[B - 1] << 1;
  var D;
  if (I) {
    D = new KI(1 << A);
    var o = 15 - A;
    for (B = 0; B < g; ++B)
      if (Q[B])
        for (var i = B << 4 | Q[B], a = A - Q[B], w = E[Q[B] - 1]++ << a, G = w | (1 << a) - 1; w <= G; ++w)
          D[wQ[w] >> o] = i;
  } else
    for (D = new KI(g), B = 0; B < g; ++B)
      Q[B] && (D[B] = wQ[E[Q[B] - 1]++] >> 15 - Q[B]);
  return D;
}, sg = new GA(288);
for (var $ = 0; $ < 144; ++$)
  sg[$] = 8;
for (var $ = 144; $ < 256; ++$)
  sg[$] = 9;
for (var $ = 256; $ < 280; ++$)
  sg[$] = 7;
for (var $ = 280; $ < 288; ++$)
  sg[$] = 8;
var vC = new GA(32);
for (var $ = 0; $ < 32; ++$)
  vC[$] = 5;
var Kw = /* @__PURE__ */ VI(sg, 9, 1), rw = /* @__PURE__ */ VI(vC, 5, 1), zg = function(Q) {
  for (var A = Q[0], I = 1; I < Q.length; ++I)
    Q[I] > A && (A = Q[I]);
  return A;
}, ZA = function(Q, A, I) {
  var g = A / 8 | 0;
  return (Q[g] | Q[g + 1] << 8) >> (A & 7) & I;
}, _g = function(Q, A) {
  var I = A / 8 | 0;
  return (Q[I] | Q[I + 1] << 8 | Q[I + 2] << 16) >> (A & 7);
}, XC = function(Q) {
  return (Q + 7) / 8 | 0;
}, lI = function(Q, A, I) {
  return (A == null || A < 0) && (A = 0), (I == null || I > Q.length) && (I = Q.length), new GA(Q.subarray(A, I));
}, dw = [
  "unexpected EOF",
  "invalid block type",
  "invalid length/literal",
  "invalid distance",
  "stream finished",
  "no stream handler",
  ,
  "no callback",
  "invalid UTF-8 data",
  "extra field too long",
  "date not in range 1980-2099",
  "filename too long",
  "stream finishing",
  "invalid zip data"
  // determined by unknown compression method
], UA = function(Q, A, I) {
  var g = new Error(A || dw[Q]);
  if (g.code = Q, Error.captureStackTrace && Error.captureStackTrace(g, UA), !I)
    throw g;
  return g;
}, VC = function(Q, A, I, g) {
  var B = Q.length, C = g ? g.length : 0;
  if (!B || A.f && !A.l)
    return I || new GA(0);
  var E = !I, D = E || A.i != 2, o = A.i;
  E && (I = new GA(B * 3));
  var i = function(OA) {
    var wA = I.length;
    if (OA > wA) {
      var FA = new GA(Math.max(wA * 2, OA));
      FA.set(I), I = FA;
    }
  }, a = A.f || 0, w = A.p || 0, G = A.b || 0, h = A.l, k = A.d, t = A.m, y = A.n, S = B * 8;
  do {
    if (!h) {
      a = ZA(Q, w, 1);
      var R = ZA(Q, w + 1, 3);
      if (w += 3, R)
        if (R == 1)
          h = Kw, k = rw, t = 9, y = 5;
        else if (R == 2) {
          var J = ZA(Q, w, 31) + 257, M = ZA(Q, w + 10, 15) + 4, K = J + ZA(Q, w + 5, 31) + 1;
          w += 14;
          for (var n = new GA(K), q = new GA(19), L = 0; L < M; ++L)
            q[Lw[L]] = ZA(Q, w + L * 3, 7);
          w += M * 3;
          for (var d = zg(q), j = (1 << d) - 1, p = VI(q, d, 1), L = 0; L < K; ) {
            var T = p[ZA(Q, w, j)];
            w += T & 15;
            var F = T >> 4;
            if (F < 16)
              n[L++] = F;
            else {
              var AA = 0, yA = 0;
              for (F == 16 ? (yA = 3 + ZA(Q, w, 3), w += 2, AA = n[L - 1]) : F == 17 ? (yA = 3 + ZA(Q, w, 7), w += 3) : F == 18 && (yA = 11 + ZA(Q, w, 127), w += 7); yA--; )
                n[L++] = AA;
            }
          }
          var JA = n.subarray(0, J), DA = n.subarray(J);
          t = zg(JA), y = zg(DA), h = VI(JA, t, 1), k = VI(DA, y, 1);
        } else
          UA(1);
      else {
        var F = XC(w) + 4, N = Q[F - 4] | Q[F - 3] << 8, c = F + N;
        if (c > B) {
          o && UA(0);
          break;
        }
        D && i(G + N), I.set(Q.subarray(F, c), G), A.b = G += N, A.p = w = c * 8, A.f = a;
        continue;
      }
      if (w > S) {
        o && UA(0);
        break;
      }
    }
    D && i(G + 131072);
    for (var qA = (1 << t) - 1, tA = (1 << y) - 1, pA = w; ; pA = w) {
      var AA = h[_g(Q, w) & qA], mA = AA >> 4;
      if (w += AA & 15, w > S) {
        o && UA(0);
        break;
      }
      if (AA || UA(2), mA < 256)
        I[G++] = mA;
      else if (mA == 256) {
        pA = w, h = null;
        break;
      } else {
        var QA = mA - 254;
        if (mA > 264) {
          var L = mA - 257, z = bC[L];
          QA = ZA(Q, w, (1 << z) - 1) + ZC[L], w += z;
        }
        var iA = k[_g(Q, w) & tA], oA = iA >> 4;
        iA || UA(3), w += iA & 15;
        var DA = nw[oA];
        if (oA > 3) {
          var z = TC[oA];
          DA += _g(Q, w) & (1 << z) - 1, w += z;
        }
        if (w > S) {
          o && UA(0);
          break;
        }
        D && i(G + 131072);
        var fA = G + QA;
        if (G < DA) {
          var MA = C - DA, uA = Math.min(DA, fA);
          for (MA + G < 0 && UA(3); G < uA; ++G)
            I[G] = g[MA + G];
        }
        for (; G < fA; ++G)
          I[G] = I[G - DA];
      }
    }
    A.l = h, A.p = pA, A.b = G, A.f = a, h && (a = 1, A.m = t, A.d = k, A.n = y);
  } while (!a);
  return G != I.length && E ? lI(I, 0, G) : I.subarray(0, G);
}, qw = /* @__PURE__ */ new GA(0), II = function(Q, A) {
  return Q[A] | Q[A + 1] << 8;
}, VA = function(Q, A) {
  return (Q[A] | Q[A + 1] << 8 | Q[A + 2] << 16 | Q[A + 3] << 24) >>> 0;
}, $g = function(Q, A) {
  return VA(Q, A) + VA(Q, A + 4) * 4294967296;
}, lw = function(Q) {
  (Q[0] != 31 || Q[1] != 139 || Q[2] != 8) && UA(6, "invalid gzip data");
  var A = Q[3], I = 10;
  A & 4 && (I += (Q[10] | Q[11] << 8) + 2);
  for (var g = (A >> 3 & 1) + (A >> 4 & 1); g > 0; g -= !Q[I++])
    ;
  return I + (A & 2);
}, AQ = /* @__PURE__ */ function() {
  function Q(A, I) {
    typeof A == "function" && (I = A, A = {}), this.ondata = I;
    var g = A && A.dictionary && A.dictionary.subarray(-32768);
    this.s = { i: 0, b: g ? g.length : 0 }, this.o = new GA(32768), this.p = new GA(0), g && this.o.set(g);
  }
  return Q.prototype.e = function(A) {
    if (this.ondata || UA(5), this.d && UA(4), !this.p.length)
      this.p = A;
    else if (A.length) {
      var I = new GA(this.p.length + A.length);
      I.set(this.p), I.set(A, this.p.length), this.p = I;
    }
  }, Q.prototype.c = function(A) {
    this.s.i = +(this.d = A || !1);
    var I = this.s.b, g = VC(this.p, this.s, this.o);
    this.ondata(lI(g, I, this.s.b), this.d), this.o = lI(g, this.s.b - 32768), this.s.b = this.o.length, this.p = lI(this.p, this.s.p / 8 | 0), this.s.p &= 7;
  }, Q.prototype.push = function(A, I) {
    this.e(A), this.c(I);
  }, Q;
}();
function xw(Q, A) {
  return VC(Q, { i: 2 }, A && A.out, A && A.dictionary);
}
var pw = /* @__PURE__ */ function() {
  function Q(A, I) {
    this.v = 1, this.r = 0, AQ.call(this, A, I);
  }
  return Q.prototype.push = function(A, I) {
    if (AQ.prototype.e.call(this, A), this.r += A.length, this.v) {
      var g = this.p.subarray(this.v - 1), B = g.length > 3 ? lw(g) : 4;
      if (B > g.length) {
        if (!I)
          return;
      } else this.v > 1 && this.onmember && this.onmember(this.r - g.length);
      this.p = g.subarray(B), this.v = 0;
    }
    AQ.prototype.c.call(this, I), this.s.f && !this.s.l && !I && (this.v = XC(this.s.p) + 9, this.s = { i: 0 }, this.o = new GA(0), this.push(new GA(0), I));
  }, Q;
}(), sQ = typeof TextDecoder < "u" && /* @__PURE__ */ new TextDecoder(), fw = 0;
try {
  sQ.decode(qw, { stream: !0 }), fw = 1;
} catch {
}
var uw = function(Q) {
  for (var A = "", I = 0; ; ) {
    var g = Q[I++], B = (g > 127) + (g > 223) + (g > 239);
    if (I + B > Q.length)
      return { s: A, r: lI(Q, I - 1) };
    B ? B == 3 ? (g = ((g & 15) << 18 | (Q[I++] & 63) << 12 | (Q[I++] & 63) << 6 | Q[I++] & 63) - 65536, A += String.fromCharCode(55296 | g >> 10, 56320 | g & 1023)) : B & 1 ? A += String.fromCharCode((g & 31) << 6 | Q[I++] & 63) : A += String.fromCharCode((g & 15) << 12 | (Q[I++] & 63) << 6 | Q[I++] & 63) : A += String.fromCharCode(g);
  }
};
function Pw(Q, A) {
  if (A) {
    for (var I = "", g = 0; g < Q.length; g += 16384)
      I += String.fromCharCode.apply(null, Q.subarray(g, g + 16384));
    return I;
  } else {
    if (sQ)
      return sQ.decode(Q);
    var B = uw(Q), C = B.s, I = B.r;
    return I.length && UA(8), C;
  }
}
var bw = function(Q, A) {
  return A + 30 + II(Q, A + 26) + II(Q, A + 28);
}, Tw = function(Q, A, I) {
  var g = II(Q, A + 28), B = Pw(Q.subarray(A + 46, A + 46 + g), !(II(Q, A + 8) & 2048)), C = A + 46 + g, E = VA(Q, A + 20), D = I && E == 4294967295 ? mw(Q, C) : [E, VA(Q, A + 24), VA(Q, A + 42)], o = D[0], i = D[1], a = D[2];
  return [II(Q, A + 10), o, i, B, C + II(Q, A + 30) + II(Q, A + 32), a];
}, mw = function(Q, A) {
  for (; II(Q, A) != 1; A += 4 + II(Q, A + 2))
    ;
  return [$g(Q, A + 12), $g(Q, A + 4), $g(Q, A + 20)];
};
function Ow(Q, A) {
  for (var I = {}, g = Q.length - 22; VA(Q, g) != 101010256; --g)
    (!g || Q.length - g > 65558) && UA(13);
  var B = II(Q, g + 8);
  if (!B)
    return {};
  var C = VA(Q, g + 16), E = C == 4294967295 || B == 65535;
  if (E) {
    var D = VA(Q, g - 12);
    E = VA(Q, D) == 101075792, E && (B = VA(Q, D + 32), C = VA(Q, D + 48));
  }
  for (var o = A && A.filter, i = 0; i < B; ++i) {
    var a = Tw(Q, C, E), w = a[0], G = a[1], h = a[2], k = a[3], t = a[4], y = a[5], S = bw(Q, y);
    C = t, (!o || o({
      name: k,
      size: G,
      originalSize: h,
      compression: w
    })) && (w ? w == 8 ? I[k] = xw(Q.subarray(S, S + G), { out: new GA(h) }) : UA(14, "unknown compression type " + w) : I[k] = lI(Q, S, S + G));
  }
  return I;
}
const WC = Number.parseInt(s.REVISION), jC = WC >= 179, ag = new Float32Array(1), Tg = new Uint32Array(ag.buffer), pQ = "Float16Array" in globalThis, WI = pQ ? new globalThis.Float16Array(1) : null, zC = new Uint16Array(WI == null ? void 0 : WI.buffer);
function Zw(Q) {
  const A = Math.sqrt(Q.reduce((I, g) => I + g * g, 0));
  return Q.map((I) => I / A);
}
function kg(Q) {
  return ag[0] = Q, Tg[0];
}
function Rg(Q) {
  return Tg[0] = Q, ag[0];
}
const nA = pQ ? vw : Xw, XA = pQ ? Vw : Ww;
function vw(Q) {
  return WI[0] = Q, zC[0];
}
function Xw(Q) {
  ag[0] = Q;
  const A = Tg[0], I = A >> 31 & 1, g = A >> 23 & 255, B = A & 8388607, C = I << 15;
  if (g === 255)
    return B !== 0 ? C | 32767 : C | 31744;
  const E = g - 127 + 15;
  if (E >= 31)
    return C | 31744;
  if (E <= 0) {
    if (E < -10)
      return C;
    const o = (B | 8388608) >> 1 - E + 13;
    return C | o;
  }
  const D = B >> 13;
  return C | E << 10 | D;
}
function Vw(Q) {
  return zC[0] = Q, WI[0];
}
function Ww(Q) {
  const A = Q >> 15 & 1, I = Q >> 10 & 31, g = Q & 1023;
  let B;
  if (I === 0)
    if (g === 0)
      B = A << 31;
    else {
      let C = g, E = -14;
      for (; (C & 1024) === 0; )
        C <<= 1, E--;
      C &= 1023;
      const D = E + 127, o = C << 13;
      B = A << 31 | D << 23 | o;
    }
  else if (I === 31)
    g === 0 ? B = A << 31 | 2139095040 : B = A << 31 | 2143289344;
  else {
    const C = I - 15 + 127, E = g << 13;
    B = A << 31 | C << 23 | E;
  }
  return Tg[0] = B, ag[0];
}
function xA(Q) {
  return Math.max(0, Math.min(255, Math.round(Q * 255)));
}
function cg(Q) {
  return Math.max(-127, Math.min(127, Math.round(Q * 127)));
}
function jw(Q) {
  return Q / 255;
}
function zw(Q) {
  return Q / 127;
}
class _w {
  // Create a DataCache with a given function that fetches data not in the cache.
  constructor({
    asyncFetch: A,
    dispose: I,
    maxItems: g = 5
  }) {
    this.asyncFetch = A, this.dispose = I, this.maxItems = g, this.items = [], this.pending = /* @__PURE__ */ new Map();
  }
  has(A) {
    return this.items.some((I) => I.key === A);
  }
  getImmediate(A) {
    const I = this.items.findIndex((g) => g.key === A);
    if (I >= 0) {
      const g = this.items.splice(I, 1)[0];
      return this.items.push(g), g.data;
    }
  }
  // Fetch data for the key, returning cached data if available.
  async getFetch(A) {
    const I = this.getImmediate(A);
    if (I !== void 0)
      return I;
    let g = this.pending.get(A);
    return g || (g = this.asyncFetch(A).then((B) => {
      for (this.pending.delete(A), this.items.push({ key: A, data: B }); this.items.length > this.maxItems; ) {
        const C = this.items.shift();
        C && this.dispose && this.dispose(C.data);
      }
      return B;
    }), this.pending.set(A, g), g);
  }
}
function $w(Q, A) {
  const I = Object.entries(Q).map(([g, B]) => [
    g,
    A(B, g)
  ]);
  return Object.fromEntries(I);
}
function As(Q, A) {
  const I = Object.entries(Q).map(([g, B]) => [g, A(B, g)]).filter(([g, B]) => B !== void 0);
  return Object.fromEntries(I);
}
function _C(Q) {
  const A = [], I = /* @__PURE__ */ new Set();
  function g(B) {
    B && typeof B == "object" && !I.has(B) && (I.add(B), B instanceof ArrayBuffer ? A.push(B) : ArrayBuffer.isView(B) ? A.push(B.buffer) : Array.isArray(B) ? B.forEach(g) : Object.values(B).forEach(g));
  }
  return g(Q), A;
}
function aQ(Q, A) {
  return new Array(Q).fill(null).map((I, g) => A(g));
}
class Is {
  constructor({
    // Allocate a new item with the given args
    allocate: A,
    // Dispose of an item (optional, if GC is enough)
    dispose: I,
    // Check if an existing item in the list is valid for the given args,
    // allowing you to store heterogeneous items in the list.
    valid: g
  }) {
    this.items = [], this.allocate = A, this.dispose = I, this.valid = g;
  }
  // Allocate a new item from the free list, first checking if a existing item
  // on the freelist is valid for the given args.
  alloc(A) {
    for (; ; ) {
      const I = this.items.pop();
      if (!I)
        break;
      if (this.valid(I, A))
        return I;
      this.dispose && this.dispose(I);
    }
    return this.allocate(A);
  }
  free(A) {
    this.items.push(A);
  }
  disposeAll() {
    let A;
    for (A = this.items.pop(); A; )
      this.dispose && this.dispose(A), A = this.items.pop();
  }
}
function GQ(Q, A, I, g, B, C, E, D, o, i, a, w, G, h, k, t) {
  const y = A * 4, [S, R] = Q;
  S[y] = kg(I), S[y + 1] = kg(g), S[y + 2] = kg(B), S[y + 3] = nA(G), R[y] = nA(h) | nA(k) << 16, R[y + 1] = nA(t) | nA(Math.log(C)) << 16, R[y + 2] = nA(Math.log(E)) | nA(Math.log(D)) << 16, R[y + 3] = CE(o, i, a, w);
}
function Lg(Q, A) {
  const I = fQ, g = A * 4, [B, C] = Q;
  return I.center.x = Rg(B[g]), I.center.y = Rg(B[g + 1]), I.center.z = Rg(B[g + 2]), I.opacity = XA(B[g + 3] & 65535), I.color.r = XA(C[g] & 65535), I.color.g = XA(C[g] >>> 16), I.color.b = XA(C[g + 1] & 65535), I.scales.x = Math.exp(XA(C[g + 1] >>> 16)), I.scales.y = Math.exp(XA(C[g + 2] & 65535)), I.scales.z = Math.exp(XA(C[g + 2] >>> 16)), EE(C[g + 3], I.quaternion), I;
}
function hQ(Q, A, I, g, B, C, E, D, o, i, a, w, G, h, k, t, y) {
  const S = (y == null ? void 0 : y.rgbMin) ?? 0, F = ((y == null ? void 0 : y.rgbMax) ?? 1) - S, N = xA((h - S) / F), c = xA((k - S) / F), J = xA((t - S) / F), M = xA(y != null && y.lodOpacity ? 0.5 * G : G), K = bQ(
    $C.set(o, i, a, w)
  ), n = K & 255, q = K >>> 8 & 255, L = K >>> 16 & 255, d = (y == null ? void 0 : y.lnScaleMin) ?? LA, p = 254 / (((y == null ? void 0 : y.lnScaleMax) ?? HA) - d), T = C < NI ? 0 : Math.min(
    255,
    Math.max(
      1,
      Math.round((Math.log(C) - d) * p) + 1
    )
  ), AA = E < NI ? 0 : Math.min(
    255,
    Math.max(
      1,
      Math.round((Math.log(E) - d) * p) + 1
    )
  ), yA = D < NI ? 0 : Math.min(
    255,
    Math.max(
      1,
      Math.round((Math.log(D) - d) * p) + 1
    )
  ), JA = nA(I), DA = nA(g), qA = nA(B), tA = A * 4;
  Q[tA] = N | c << 8 | J << 16 | M << 24, Q[tA + 1] = JA | DA << 16, Q[tA + 2] = qA | n << 16 | q << 24, Q[tA + 3] = T | AA << 8 | yA << 16 | L << 24;
}
function gs(Q, A, I, g, B) {
  const C = nA(I), E = nA(g), D = nA(B), o = A * 4;
  Q[o + 1] = C | E << 16, Q[o + 2] = D | Q[o + 2] & 4294901760;
}
function Qs(Q, A, I, g, B, C) {
  const E = (C == null ? void 0 : C.lnScaleMin) ?? LA, o = 254 / (((C == null ? void 0 : C.lnScaleMax) ?? HA) - E), i = I < NI ? 0 : Math.min(
    255,
    Math.max(
      1,
      Math.round((Math.log(I) - E) * o) + 1
    )
  ), a = g < NI ? 0 : Math.min(
    255,
    Math.max(
      1,
      Math.round((Math.log(g) - E) * o) + 1
    )
  ), w = B < NI ? 0 : Math.min(
    255,
    Math.max(
      1,
      Math.round((Math.log(B) - E) * o) + 1
    )
  ), G = A * 4;
  Q[G + 3] = i | a << 8 | w << 16 | Q[G + 3] & 4278190080;
}
const $C = new s.Quaternion();
function Bs(Q, A, I, g, B, C) {
  const E = bQ(
    $C.set(I, g, B, C)
  ), D = E & 255, o = E >>> 8 & 255, i = E >>> 16 & 255, a = A * 4;
  Q[a + 2] = Q[a + 2] & 65535 | D << 16 | o << 24, Q[a + 3] = Q[a + 3] & 16777215 | i << 24;
}
function Cs(Q, A, I, g, B, C, E) {
  const D = (E == null ? void 0 : E.rgbMin) ?? 0, i = ((E == null ? void 0 : E.rgbMax) ?? 1) - D, a = xA((I - D) / i), w = xA((g - D) / i), G = xA((B - D) / i), h = xA(E != null && E.lodOpacity ? 0.5 * C : C), k = A * 4;
  Q[k] = a | w << 8 | G << 16 | h << 24;
}
function Es(Q, A, I, g, B, C) {
  const E = (C == null ? void 0 : C.rgbMin) ?? 0, o = ((C == null ? void 0 : C.rgbMax) ?? 1) - E, i = xA((I - E) / o), a = xA((g - E) / o), w = xA((B - E) / o), G = A * 4;
  Q[G] = i | a << 8 | w << 16 | Q[G] & 4278190080;
}
function Ds(Q, A, I) {
  const g = xA(I), B = A * 4;
  Q[B] = Q[B] & 16777215 | g << 24;
}
const is = new s.Vector3(), os = new s.Vector3(), ws = new s.Quaternion(), ss = new s.Color(), fQ = {
  center: is,
  scales: os,
  quaternion: ws,
  color: ss,
  opacity: 0
};
function Hg(Q, A, I) {
  const g = fQ, B = A * 4, C = Q[B], E = Q[B + 1], D = Q[B + 2], o = Q[B + 3], i = (I == null ? void 0 : I.rgbMin) ?? 0, w = ((I == null ? void 0 : I.rgbMax) ?? 1) - i;
  g.color.set(
    i + (C & 255) / 255 * w,
    i + (C >>> 8 & 255) / 255 * w,
    i + (C >>> 16 & 255) / 255 * w
  ), g.opacity = (C >>> 24 & 255) / 255, I != null && I.lodOpacity && (g.opacity = 2 * g.opacity), g.center.set(
    XA(E & 65535),
    XA(E >>> 16 & 65535),
    XA(D & 65535)
  );
  const G = (I == null ? void 0 : I.lnScaleMin) ?? LA, k = (((I == null ? void 0 : I.lnScaleMax) ?? HA) - G) / 254, t = o & 255;
  g.scales.x = t === 0 ? 0 : Math.exp(G + (t - 1) * k);
  const y = o >>> 8 & 255;
  g.scales.y = y === 0 ? 0 : Math.exp(G + (y - 1) * k);
  const S = o >>> 16 & 255;
  g.scales.z = S === 0 ? 0 : Math.exp(G + (S - 1) * k);
  const R = D >>> 16 & 65535 | o >>> 8 & 16711680;
  return BE(R, g.quaternion), g;
}
function X(Q) {
  const A = r, I = Math.max(
    LQ,
    Math.min(rA, Math.ceil(Q / A))
  ), g = Math.ceil(Q / (A * I)), B = A * I * g;
  return { width: A, height: I, depth: g, maxSplats: B };
}
function as(Q) {
  const A = r, I = Math.max(
    LQ,
    Math.min(rA, Math.ceil(Q / A))
  ), g = Math.ceil(Q / (A * I));
  return A * I * g;
}
function Yg() {
  return navigator.platform.toLowerCase().startsWith("win") ? !1 : navigator.maxTouchPoints > 0 ? !0 : /Mobi|Android|iPhone|iPad|iPod|Opera Mini|IEMobile/.test(
    navigator.userAgent
  );
}
function uQ() {
  return /Android/.test(navigator.userAgent) || /Tizen/.test(navigator.userAgent);
}
function PQ() {
  return !!navigator.xr && /Oculus/.test(navigator.userAgent);
}
function Gs() {
  return PQ() && /Quest 2/.test(navigator.userAgent);
}
function $I() {
  return /iPhone|iPad/.test(navigator.userAgent);
}
function AE() {
  return !!navigator.xr && $I() && /Safari/.test(navigator.userAgent) && Yg();
}
function hs(Q, A, I) {
  const g = new Uint8Array(A * 4);
  for (let B = 0; B < I / 2; B++) {
    const C = B * A * 4, E = (I - 1 - B) * A * 4;
    g.set(Q.subarray(C, C + A * 4)), Q.set(
      Q.subarray(E, E + A * 4),
      C
    ), Q.set(g, E);
  }
  return Q;
}
function ys(Q, A, I) {
  const g = document.createElement("canvas");
  g.width = A, g.height = I;
  const B = g.getContext("2d");
  if (!B)
    throw new Error("Can't get 2d context");
  const C = B.createImageData(A, I);
  return C.data.set(Q), B.putImageData(C, 0, 0), g.toDataURL("image/png");
}
function ts(Q) {
  return Object.fromEntries(
    Object.entries(Q).filter(([A, I]) => I !== void 0)
  );
}
const IE = _(
  /* glsl */
  `
  precision highp float;

  in vec3 position;

  void main() {
    gl_Position = vec4(position.xy, 0.0, 1.0);
  }
`
);
function Ss(Q) {
  const A = new s.Vector3();
  for (const I of Q)
    A.add(I);
  return A.divideScalar(Q.length);
}
function ks(Q) {
  if (Q.length === 0)
    return new s.Quaternion();
  const A = Q[0].clone();
  for (let I = 1; I < Q.length; I++)
    Q[I].dot(Q[0]) < 0 ? (A.x -= Q[I].x, A.y -= Q[I].y, A.z -= Q[I].z, A.w -= Q[I].w) : (A.x += Q[I].x, A.y += Q[I].y, A.z += Q[I].z, A.w += Q[I].w);
  return A.normalize();
}
function gE(Q, A) {
  const I = new s.Vector3(0, 0, 0).applyMatrix4(Q), g = new s.Vector3(0, 0, 0).applyMatrix4(A), B = new s.Vector3(0, 0, -1).applyMatrix4(Q).sub(I).normalize(), C = new s.Vector3(0, 0, -1).applyMatrix4(A).sub(g).normalize(), E = I.distanceTo(g), D = B.dot(C);
  return { distance: E, coincidence: D };
}
function Rs({
  matrix1: Q,
  matrix2: A,
  maxDistance: I
}) {
  const g = new s.Vector3(0, 0, 0).applyMatrix4(Q), B = new s.Vector3(0, 0, 0).applyMatrix4(A);
  return g.distanceTo(B) <= I;
}
function cs({
  matrix1: Q,
  matrix2: A,
  maxDistance: I,
  minCoincidence: g
}) {
  const { distance: B, coincidence: C } = gE(Q, A);
  return B <= I && (g == null || C >= g);
}
function QE(Q, A) {
  const [I, g] = [new s.Vector3(), new s.Quaternion()], [B, C] = [new s.Vector3(), new s.Quaternion()];
  Q.decompose(I, g, new s.Vector3()), A.decompose(B, C, new s.Vector3());
  const E = I.distanceTo(B), D = Math.abs(g.dot(C));
  return { distance: E, coorient: D };
}
function Fs({
  matrix1: Q,
  matrix2: A,
  maxDistance: I,
  minCoorient: g
}) {
  const { distance: B, coorient: C } = QE(Q, A);
  return B <= I && (g == null || C >= g);
}
function Ns(Q, A = 1e-3) {
  return Math.abs(Q) < A ? 0 : Math.sign(Q);
}
function Js(Q) {
  const A = Q.w < 0, I = cg(A ? -Q.x : Q.x), g = cg(A ? -Q.y : Q.y), B = cg(A ? -Q.z : Q.z), C = I & 255, E = g & 255, D = B & 255;
  return C | E << 8 | D << 16;
}
function Ms(Q, A) {
  const I = Q << 24 >> 24, g = Q << 16 >> 24, B = Q << 8 >> 24;
  A.set(I / 127, g / 127, B / 127, 0);
  const C = A.x * A.x + A.y * A.y + A.z * A.z;
  return A.w = Math.sqrt(Math.max(0, 1 - C)), A;
}
const Us = new s.Quaternion(), yQ = new s.Vector3();
function bQ(Q) {
  const A = Us.copy(Q).normalize();
  A.w < 0 && A.set(-A.x, -A.y, -A.z, -A.w);
  const I = 2 * Math.acos(A.w), g = Math.sqrt(
    A.x * A.x + A.y * A.y + A.z * A.z
  ), B = g < 1e-6 ? yQ.set(1, 0, 0) : yQ.set(A.x, A.y, A.z).divideScalar(g), C = Math.abs(B.x) + Math.abs(B.y) + Math.abs(B.z);
  let E = B.x / C, D = B.y / C;
  if (B.z < 0) {
    const h = E;
    E = (1 - Math.abs(D)) * (E >= 0 ? 1 : -1), D = (1 - Math.abs(h)) * (D >= 0 ? 1 : -1);
  }
  const o = E * 0.5 + 0.5, i = D * 0.5 + 0.5, a = Math.round(o * 255), w = Math.round(i * 255);
  return Math.round(I * (255 / Math.PI)) << 16 | w << 8 | a;
}
function BE(Q, A) {
  const I = Q & 255, g = Q >>> 8 & 255, B = Q >>> 16 & 255, C = I / 255, E = g / 255;
  let D = (C - 0.5) * 2, o = (E - 0.5) * 2;
  const i = 1 - (Math.abs(D) + Math.abs(o)), a = Math.max(-i, 0);
  D += D >= 0 ? -a : a, o += o >= 0 ? -a : a;
  const w = yQ.set(D, o, i).normalize(), h = B / 255 * Math.PI * 0.5, k = Math.sin(h), t = Math.cos(h);
  return A.set(w.x * k, w.y * k, w.z * k, t), A;
}
function es(Q) {
  const A = Q.clone().normalize(), I = 2 * (A.w * A.x + A.y * A.z), g = 1 - 2 * (A.x * A.x + A.y * A.y), B = Math.atan2(I, g), C = 2 * (A.w * A.y - A.z * A.x), E = Math.abs(C) >= 1 ? Math.sign(C) * (Math.PI / 2) : Math.asin(C), D = 2 * (A.w * A.z + A.x * A.y), o = 1 - 2 * (A.y * A.y + A.z * A.z), i = Math.atan2(D, o), a = (B + Math.PI) / (2 * Math.PI), w = (E + Math.PI) / (2 * Math.PI), G = (i + Math.PI) / (2 * Math.PI), h = Math.round(a * 255), k = Math.round(w * 255);
  return Math.round(G * 255) << 16 | k << 8 | h;
}
function Ls(Q, A) {
  const I = Q & 255, g = Q >>> 8 & 255, B = Q >>> 16 & 255, C = I / 255, E = g / 255, D = B / 255, o = C * (2 * Math.PI) - Math.PI, i = E * (2 * Math.PI) - Math.PI, a = D * (2 * Math.PI) - Math.PI, w = Math.cos(o * 0.5), G = Math.sin(o * 0.5), h = Math.cos(i * 0.5), k = Math.sin(i * 0.5), t = Math.cos(a * 0.5), y = Math.sin(a * 0.5);
  return A.w = w * h * t + G * k * y, A.x = G * h * t - w * k * y, A.y = w * k * t + G * h * y, A.z = w * h * y - G * k * t, A.normalize(), A;
}
function CE(Q, A, I, g) {
  const B = Math.sqrt(Q * Q + A * A + I * I + g * g), C = (g < 0 ? -Q : Q) / B, E = (g < 0 ? -A : A) / B, D = (g < 0 ? -I : I) / B, o = (g < 0 ? -g : g) / B, i = 2 * Math.acos(o), a = Math.sqrt(C * C + E * E + D * D), w = a < 1e-6 ? 1 : C / a, G = a < 1e-6 ? 0 : E / a, h = a < 1e-6 ? 0 : D / a, k = Math.abs(w) + Math.abs(G) + Math.abs(h);
  let t = w / k, y = G / k;
  if (h < 0) {
    const J = t;
    t = (1 - Math.abs(y)) * (t >= 0 ? 1 : -1), y = (1 - Math.abs(J)) * (y >= 0 ? 1 : -1);
  }
  const S = t * 0.5 + 0.5, R = y * 0.5 + 0.5, F = Math.round(S * 1023), N = Math.round(R * 1023);
  return Math.round(i * (4095 / Math.PI)) << 20 | N << 10 | F;
}
function EE(Q, A) {
  const I = Q & 1023, g = Q >>> 10 & 1023, B = Q >>> 20 & 4095, C = I / 1023, E = g / 1023;
  let D = (C - 0.5) * 2, o = (E - 0.5) * 2;
  const i = 1 - (Math.abs(D) + Math.abs(o)), a = Math.max(-i, 0);
  D += D >= 0 ? -a : a, o += o >= 0 ? -a : a;
  const w = Math.sqrt(D * D + o * o + i * i), G = w < 1e-6 ? 0 : D / w, h = w < 1e-6 ? 0 : o / w, k = w < 1e-6 ? 0 : i / w, y = B / 4095 * Math.PI * 0.5, S = Math.sin(y), R = Math.cos(y);
  return A.set(G * S, h * S, k * S, R), A;
}
function Gg(Q, A, I, g) {
  const B = Math.round(Math.max(-127, Math.min(127, Q * 127))), C = Math.round(Math.max(-127, Math.min(127, A * 127))), E = Math.round(Math.max(-127, Math.min(127, I * 127))), D = Math.round(Math.max(-127, Math.min(127, g * 127)));
  return B & 255 | (C & 255) << 8 | (E & 255) << 16 | (D & 255) << 24;
}
function Hs(Q, A, I, g) {
  const C = 63 / ((g == null ? void 0 : g.sh1Max) ?? 1), E = A * 2;
  for (let D = 0; D < 9; ++D) {
    const o = I[D] * C, i = Math.round(Math.max(-63, Math.min(63, o))) & 127, a = D * 7, w = a + 7, G = Math.floor(a / 32), h = a - G * 32, k = i << h & 4294967295;
    if (Q[E + G] |= k, w > G * 32 + 32) {
      const t = i >>> 32 - h & 4294967295;
      Q[E + G + 1] |= t;
    }
  }
}
function Ys(Q, A, I, g) {
  const C = 1 / ((g == null ? void 0 : g.sh2Max) ?? 1);
  Q[A * 4 + 0] = Gg(
    I[0] * C,
    I[1] * C,
    I[2] * C,
    I[3] * C
  ), Q[A * 4 + 1] = Gg(
    I[4] * C,
    I[5] * C,
    I[6] * C,
    I[7] * C
  ), Q[A * 4 + 2] = Gg(
    I[8] * C,
    I[9] * C,
    I[10] * C,
    I[11] * C
  ), Q[A * 4 + 3] = Gg(
    I[12] * C,
    I[13] * C,
    I[14] * C,
    0
  );
}
function ns(Q, A, I, g) {
  const C = 31 / ((g == null ? void 0 : g.sh3Max) ?? 1), E = A * 4;
  for (let D = 0; D < 21; ++D) {
    const o = I[D] * C, i = Math.round(Math.max(-31, Math.min(31, o))) & 63, a = D * 6, w = a + 6, G = Math.floor(a / 32), h = a - G * 32, k = i << h & 4294967295;
    if (Q[E + G] |= k, w > G * 32 + 32) {
      const t = i >>> 32 - h & 4294967295;
      Q[E + G + 1] |= t;
    }
  }
}
function JI(Q, A, I) {
  const g = Math.abs(Q), B = Math.abs(A), C = Math.abs(I), E = Math.max(g, B, C), D = Math.floor(Math.log2(E)), o = Math.max(0, Math.min(31, D + 15)), i = 2 ** (o - 15) / 255, a = Math.round(Math.max(0, Math.min(255, g / i))), w = Math.round(Math.max(0, Math.min(255, B / i))), G = Math.round(Math.max(0, Math.min(255, C / i))), h = o << 3 | ((Q < 0 ? 1 : 0) | (A < 0 ? 2 : 0) | (I < 0 ? 4 : 0));
  return a | w << 8 | G << 16 | h << 24;
}
function Ks(Q) {
  const A = fQ.color, g = 2 ** ((Q >>> 27 & 31) - 15) / 255, B = (Q & 255) * g, C = (Q >>> 8 & 255) * g, E = (Q >>> 16 & 255) * g;
  return A.r = Q & 16777216 ? -B : B, A.g = Q & 33554432 ? -C : C, A.b = Q & 67108864 ? -E : E, A;
}
function rs(Q, A, I) {
  const g = A * 4;
  for (let B = 0; B < 3; ++B) {
    const C = B * 3;
    Q[g + B] = JI(I[C], I[C + 1], I[C + 2]);
  }
}
function ds(Q, A, I, g, B) {
  const C = I * 4;
  for (let E = 0; E < 3; ++E) {
    const D = E * 3;
    Q[C + E] = JI(g[D], g[D + 1], g[D + 2]);
  }
  Q[C + 3] = JI(B[0], B[1], B[2]);
  for (let E = 1; E < 5; ++E) {
    const D = E * 5;
    A[C + (E - 1)] = JI(
      B[D],
      B[D + 1],
      B[D + 2]
    );
  }
}
function qs(Q, A, I, g) {
  const B = I * 4;
  for (let C = 0; C < 4; ++C) {
    const E = C * 3;
    Q[B + C] = JI(
      g[E],
      g[E + 1],
      g[E + 2]
    );
  }
  for (let C = 4; C < 7; ++C) {
    const E = C * 3;
    A[B + (C - 4)] = JI(
      g[E],
      g[E + 1],
      g[E + 2]
    );
  }
}
function DE(Q, A) {
  const I = [];
  let g = 0, B = null;
  const C = new pw((o, i) => {
    if (I.push(o), g += o.length, i || g >= A) {
      const a = new Uint8Array(g);
      let w = 0;
      for (const G of I)
        a.set(G, w), w += G.length;
      B = a.slice(0, A);
    }
  }), E = 1024;
  let D = 0;
  for (; B == null && D < Q.length; ) {
    const o = Q.slice(D, D + E);
    C.push(o, !1), D += E;
  }
  if (B == null && (C.push(new Uint8Array(), !0), B == null))
    throw new Error("Failed to decompress partial gzip");
  return B;
}
class ls {
  constructor({
    fileBytes: A,
    chunkBytes: I = 64 * 1024
  }) {
    this.fileBytes = A, this.chunkBytes = I, this.chunks = [], this.totalBytes = 0;
    const g = new DecompressionStream("gzip"), B = new Blob([A]).stream().pipeThrough(g);
    this.reader = B.getReader();
  }
  async read(A) {
    for (; this.totalBytes < A; ) {
      const { value: C, done: E } = await this.reader.read();
      if (E)
        break;
      this.chunks.push(C), this.totalBytes += C.length;
    }
    if (this.totalBytes < A)
      throw new Error(
        `Unexpected EOF: needed ${A}, got ${this.totalBytes}`
      );
    const I = new Uint8Array(this.totalBytes);
    let g = 0;
    for (const C of this.chunks)
      I.set(C, g), g += C.length;
    const B = I.subarray(0, A);
    return this.chunks = [I.subarray(A)], this.totalBytes -= A, B;
  }
}
function ng(Q, A, I, g, B) {
  const C = Q.getContext(), E = Q.properties.get(A), D = E == null ? void 0 : E.__webglTexture;
  if (!D)
    throw new Error("texture not found");
  const o = C.getParameter(C.UNPACK_FLIP_Y_WEBGL), i = C.getParameter(C.UNPACK_PREMULTIPLY_ALPHA_WEBGL);
  Q.state.activeTexture(C.TEXTURE0), Q.state.bindTexture(C.TEXTURE_2D, D), C.bindBuffer(C.PIXEL_UNPACK_BUFFER, null), C.pixelStorei(C.UNPACK_FLIP_Y_WEBGL, !1), C.pixelStorei(C.UNPACK_PREMULTIPLY_ALPHA_WEBGL, !1), C.texSubImage2D(
    C.TEXTURE_2D,
    0,
    0,
    0,
    I,
    g,
    C.RGBA_INTEGER,
    C.UNSIGNED_INT,
    B
  ), Q.state.unbindTexture(), C.pixelStorei(C.UNPACK_FLIP_Y_WEBGL, o), C.pixelStorei(C.UNPACK_PREMULTIPLY_ALPHA_WEBGL, i);
}
const dy = /* @__PURE__ */ Object.freeze(/* @__PURE__ */ Object.defineProperty({
  __proto__: null,
  DataCache: _w,
  FreeList: Is,
  GunzipReader: ls,
  IDENT_VERTEX_SHADER: IE,
  Sint8ToFloat: zw,
  Uint8ToFloat: jw,
  averagePositions: Ss,
  averageQuaternions: ks,
  coinciDist: gE,
  computeMaxSplats: as,
  coorientDist: QE,
  decodeExtRgb: Ks,
  decodeExtSplat: Lg,
  decodeQuatEulerXyz888: Ls,
  decodeQuatOctXy1010R12: EE,
  decodeQuatOctXy88R8: BE,
  decodeQuatXyz888: Ms,
  decompressPartialGzip: DE,
  encodeExt3Rgb: qs,
  encodeExtRgb: JI,
  encodeExtSh12Rgb: ds,
  encodeExtSh1Rgb: rs,
  encodeExtSplat: GQ,
  encodeQuatEulerXyz888: es,
  encodeQuatOctXy1010R12: CE,
  encodeQuatOctXy88R8: bQ,
  encodeQuatXyz888: Js,
  encodeSh1Rgb: Hs,
  encodeSh2Rgb: Ys,
  encodeSh3Rgb: ns,
  epsilonSign: Ns,
  flipPixels: hs,
  floatBitsToUint: kg,
  floatToSint8: cg,
  floatToUint8: xA,
  fromHalf: XA,
  getTextureSize: X,
  getTransferable: _C,
  isAndroid: uQ,
  isIos: $I,
  isMobile: Yg,
  isOculus: PQ,
  isQuest2: Gs,
  isVisionPro: AE,
  mapFilterObject: As,
  mapObject: $w,
  newArray: aQ,
  normalize: Zw,
  omitUndefined: ts,
  pixelsToPngUrl: ys,
  setPackedSplat: hQ,
  setPackedSplatCenter: gs,
  setPackedSplatOpacity: Ds,
  setPackedSplatQuat: Bs,
  setPackedSplatRgb: Es,
  setPackedSplatRgba: Cs,
  setPackedSplatScales: Qs,
  threeMrtArray: jC,
  threeRevision: WC,
  toHalf: nA,
  uintBitsToFloat: Rg,
  unpackSplat: Hg,
  uploadU32DataTextureRows: ng,
  withinCoinciDist: cs,
  withinCoorientDist: Fs,
  withinDist: Rs
}, Symbol.toStringTag, { value: "Module" }));
class mg {
  constructor({
    graph: A,
    inputs: I,
    outputs: g,
    template: B,
    consoleLog: C
  }) {
    this.graph = A, this.template = B, this.inputs = I ?? {}, this.outputs = g ?? {};
    const E = new UB({ indent: this.template.indent });
    for (const o in this.outputs)
      this.outputs[o] && E.declares.add(this.outputs[o]);
    const D = A.compile({
      inputs: this.inputs,
      outputs: this.outputs,
      compile: E
    });
    this.shader = B.generate({ globals: E.globals, statements: D }), this.uniforms = E.uniforms, this.updaters = E.updaters, C && (console.log("*** COMPILED SHADER", this.shader), console.log("*** UNIFORMS", this.uniforms));
  }
  prepareMaterial() {
    return xs(this);
  }
  update() {
    for (const A of this.updaters)
      A();
  }
}
class Ag {
  constructor(A) {
    const I = A.match(/^([ \t]*)\{\{\s*GLOBALS\s*\}\}/m), g = A.match(/^([ \t]*)\{\{\s*STATEMENTS\s*\}\}/m);
    if (!I || !g)
      throw new Error(
        "Template must contain {{ GLOBALS }} and {{ STATEMENTS }}"
      );
    this.before = A.substring(0, I.index), this.between = A.substring(
      I.index + I[0].length,
      g.index
    ), this.after = A.substring(
      g.index + g[0].length
    ), this.indent = g[1];
  }
  generate({
    globals: A,
    statements: I
  }) {
    return this.before + Array.from(A).join(`

`) + this.between + I.map((g) => this.indent + g).join(`
`) + this.after;
  }
}
const AB = /* @__PURE__ */ new WeakMap();
function xs(Q) {
  let A = AB.get(Q);
  return A || (A = new s.RawShaderMaterial({
    glslVersion: s.GLSL3,
    vertexShader: IE,
    fragmentShader: Q.shader,
    uniforms: Q.uniforms
  }), AB.set(Q, A), A);
}
function TQ(Q, A, I = "add") {
  const g = () => {
    throw new Error(`Invalid ${I} types: ${Q}, ${A}`);
  };
  if (Q === A) return Q;
  if (Q === "int") {
    if (RA(A)) return A;
    g();
  }
  if (A === "int") {
    if (RA(Q)) return Q;
    g();
  }
  if (Q === "uint") {
    if (cA(A)) return A;
    g();
  }
  if (A === "uint") {
    if (cA(Q)) return Q;
    g();
  }
  if (Q === "float") {
    if (aI(A)) return A;
    g();
  }
  if (A === "float") {
    if (aI(Q)) return Q;
    g();
  }
  throw new Error(`Invalid ${I} types: ${Q}, ${A}`);
}
function ps(Q, A) {
  return TQ(Q, A, "sub");
}
function fs(Q, A) {
  const I = () => {
    throw new Error(`Invalid mul types: ${Q}, ${A}`);
  }, g = (B) => B;
  if (Q === "int") {
    if (RA(A)) return g(A);
    I();
  }
  if (A === "int") {
    if (RA(Q)) return g(Q);
    I();
  }
  if (Q === "uint") {
    if (cA(A)) return g(A);
    I();
  }
  if (A === "uint") {
    if (cA(Q)) return g(Q);
    I();
  }
  if (Q === "float") {
    if (aI(A)) return g(A);
    I();
  }
  if (A === "float") {
    if (aI(Q)) return g(Q);
    I();
  }
  if (RA(Q) || cA(Q) || RA(A) || cA(A)) {
    if (Q === A) return g(Q);
    I();
  }
  if (Q === "vec2") {
    if (A === "vec2" || tI(A)) return g("vec2");
    if (A === "mat3x2") return g("vec3");
    if (A === "mat4x2") return g("vec4");
    I();
  }
  if (Q === "vec3") {
    if (A === "mat2x3") return g("vec2");
    if (A === "vec3" || SI(A)) return g("vec3");
    if (A === "mat4x3") return g("vec4");
    I();
  }
  if (Q === "vec4") {
    if (A === "mat2x4") return g("vec2");
    if (A === "mat3x4") return g("vec3");
    if (A === "vec4" || kI(A)) return g("vec4");
    I();
  }
  if (A === "vec2") {
    if (tI(Q)) return g("vec2");
    if (Q === "mat2x3") return g("vec3");
    if (Q === "mat2x4") return g("vec4");
    I();
  }
  if (A === "vec3") {
    if (Q === "mat3x2") return g("vec2");
    if (SI(Q)) return g("vec3");
    if (Q === "mat3x4") return g("vec4");
    I();
  }
  if (A === "vec4") {
    if (Q === "mat4x2") return g("vec2");
    if (Q === "mat4x3") return g("vec3");
    if (kI(Q)) return g("vec4");
    I();
  }
  if (tI(Q)) {
    if (tI(A)) return g("mat2");
    if (A === "mat3x2") return g("mat3x2");
    if (A === "mat4x2") return g("mat4x2");
    I();
  }
  if (Q === "mat2x3") {
    if (tI(A)) return g("mat2x3");
    if (A === "mat3x2") return g("mat3");
    if (A === "mat4x2") return g("mat4x3");
    I();
  }
  if (Q === "mat2x4") {
    if (tI(A)) return g("mat2x4");
    if (A === "mat3x2") return g("mat3x4");
    if (A === "mat4x2") return g("mat4");
    I();
  }
  if (Q === "mat3x2") {
    if (A === "mat2x3") return g("mat2");
    if (SI(A)) return g("mat3x2");
    if (A === "mat4x3") return g("mat4x2");
    I();
  }
  if (SI(Q)) {
    if (A === "mat2x3") return g("mat2x3");
    if (SI(A)) return g("mat3");
    if (A === "mat4x3") return g("mat4x3");
    I();
  }
  if (Q === "mat3x4") {
    if (A === "mat2x3") return g("mat2x4");
    if (SI(A)) return g("mat3x4");
    if (A === "mat4x3") return g("mat4");
    I();
  }
  if (Q === "mat4x2") {
    if (A === "mat2x4") return g("mat2");
    if (A === "mat3x4") return g("mat3x2");
    if (kI(A)) return g("mat4x2");
    I();
  }
  if (Q === "mat4x3") {
    if (A === "mat2x4") return g("mat2x3");
    if (A === "mat3x4") return g("mat3");
    if (kI(A)) return g("mat4x3");
    I();
  }
  if (kI(Q)) {
    if (A === "mat2x4") return g("mat2x4");
    if (A === "mat3x4") return g("mat3x4");
    if (kI(A)) return g("mat4");
    I();
  }
  throw new Error(`Invalid mul types: ${Q}, ${A}`);
}
function us(Q, A) {
  return TQ(Q, A, "div");
}
function Ps(Q, A) {
  if (Q === A) return Q;
  if (Q === "int") {
    if (RA(A)) return A;
  } else if (A === "int") {
    if (RA(Q)) return Q;
  } else if (Q === "uint") {
    if (cA(A)) return A;
  } else if (A === "uint" && cA(Q))
    return Q;
  throw new Error(`Invalid imod types: ${Q}, ${A}`);
}
function bs(Q, A) {
  if (Q === A || A === "float") return Q;
  throw new Error(`Invalid mod types: ${Q}, ${A}`);
}
function Ts(Q) {
  return Q;
}
function ms(Q) {
  return Q;
}
function Os(Q) {
  return Q;
}
function Zs(Q) {
  return Q;
}
function vs(Q) {
  return Q;
}
function Xs(Q) {
  return Q;
}
function Vs(Q) {
  return Q;
}
function Ws(Q) {
  return Q;
}
function js(Q) {
  return Q;
}
function zs(Q) {
  return Q;
}
function _s(Q) {
  return Q;
}
function $s(Q) {
  return Q;
}
function A0(Q) {
  return Q;
}
function I0(Q) {
  return Q;
}
function g0(Q) {
  return Q;
}
function Q0(Q) {
  return Q;
}
function iE(Q, A, I = "min") {
  if (Q === A) return Q;
  if (A === "float") {
    if (ig(Q)) return Q;
  } else if (A === "int") {
    if (RA(Q)) return Q;
  } else if (A === "uint" && cA(Q))
    return Q;
  throw new Error(`Invalid ${I} types: ${Q}, ${A}`);
}
function B0(Q, A) {
  return iE(Q, A, "max");
}
function C0(Q, A, I) {
  if (A === "float") {
    if (ig(Q)) return Q;
  } else if (A === "int") {
    if (RA(Q)) return Q;
  } else if (A === "uint" && cA(Q))
    return Q;
  throw new Error(`Invalid clamp types: ${Q}, ${A}`);
}
function E0(Q, A, I) {
  if (I === Q || I === "float" || I === "bool" && Q === "float" || I === "bvec2" && Q === "vec2" || I === "bvec3" && Q === "vec3" || I === "bvec4" && Q === "vec4") return Q;
  throw new Error(`Invalid mix types: ${Q}, ${A}, ${I}`);
}
function D0(Q, A) {
  if (Q === A || A === "float") return A;
  throw new Error(`Invalid step types: ${Q}, ${A}`);
}
function i0(Q, A, I) {
  if (Q === A && (Q === I || Q === "float"))
    return I;
  throw new Error(`Invalid smoothstep types: ${Q}, ${A}, ${I}`);
}
function oE(Q, A = "isNan") {
  if (Q === "float") return "bool";
  if (Q === "vec2") return "bvec2";
  if (Q === "vec3") return "bvec3";
  if (Q === "vec4") return "bvec4";
  throw new Error(`Invalid ${A} types: ${Q}`);
}
function o0(Q) {
  return oE(Q, "isInf");
}
const NA = (Q, A) => new GE({ a: Q, b: A }), zA = (Q, A) => new hE({ a: Q, b: A }), IA = (Q, A) => new yE({ a: Q, b: A }), Fg = (Q, A) => new tE({ a: Q, b: A }), tQ = (Q, A) => new SE({ a: Q, b: A }), wE = (Q, A) => new kE({ a: Q, b: A }), w0 = (Q) => new RE({ a: Q }).outputs, mQ = (Q) => new cE({ a: Q }), s0 = (Q) => new FE({ a: Q }), a0 = (Q) => new NE({ a: Q }), G0 = (Q) => new JE({ a: Q }), h0 = (Q) => new ME({ a: Q }), y0 = (Q) => new UE({ a: Q }), t0 = (Q) => new eE({ a: Q }), Ng = (Q) => new LE({ a: Q }), S0 = (Q, A) => new HE({ a: Q, b: A }), k0 = (Q) => new YE({ a: Q }), R0 = (Q) => new nE({ a: Q }), c0 = (Q) => new KE({ a: Q }), F0 = (Q) => new rE({ a: Q }), N0 = (Q) => new dE({ a: Q }), J0 = (Q) => new qE({ a: Q }), M0 = (Q) => new lE({ a: Q }), U0 = (Q, A) => new xE({ a: Q, b: A }), sE = (Q, A) => new pE({ a: Q, b: A }), e0 = (Q, A, I) => new fE({ a: Q, min: A, max: I }), aE = (Q, A, I) => new uE({ a: Q, b: A, t: I }), L0 = (Q, A) => new PE({ edge: Q, x: A }), H0 = (Q, A, I) => new bE({ edge0: Q, edge1: A, x: I }), Y0 = (Q) => new TE({ a: Q }), n0 = (Q) => new mE({ a: Q });
class GE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "sum", outTypeFunc: TQ }), this.statements = ({ inputs: g, outputs: B }) => [`${B.sum} = ${g.a} + ${g.b};`];
  }
}
class hE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "difference", outTypeFunc: ps }), this.statements = ({ inputs: g, outputs: B }) => [`${B.difference} = ${g.a} - ${g.b};`];
  }
}
class yE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "product", outTypeFunc: fs }), this.statements = ({ inputs: g, outputs: B }) => [`${B.product} = ${g.a} * ${g.b};`];
  }
}
class tE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "quotient", outTypeFunc: us }), this.statements = ({ inputs: g, outputs: B }) => [`${B.quotient} = ${g.a} / ${g.b};`];
  }
}
class SE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "remainder", outTypeFunc: Ps }), this.statements = ({ inputs: g, outputs: B }) => [`${B.remainder} = ${g.a} % ${g.b};`];
  }
}
class kE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "remainder", outTypeFunc: bs }), this.statements = ({ inputs: g, outputs: B }) => [`${B.remainder} = mod(${g.a}, ${g.b});`];
  }
}
class RE extends H {
  constructor({ a: A }) {
    const I = { a: O(A) }, g = I.a, B = {
      fract: g,
      integer: g
    };
    super({ inTypes: I, outTypes: B, inputs: { a: A } }), this.statements = ({ inputs: C, outputs: E }) => [`${E.fract} = modf(${C.a}, ${E.integer});`];
  }
}
class cE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "neg", outTypeFunc: Ts }), this.statements = ({ inputs: I, outputs: g }) => [`${g.neg} = -${I.a};`];
  }
}
class FE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "abs", outTypeFunc: ms }), this.statements = ({ inputs: I, outputs: g }) => [`${g.abs} = abs(${I.a});`];
  }
}
class NE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "sign", outTypeFunc: Os }), this.statements = ({ inputs: I, outputs: g }) => [`${g.sign} = sign(${I.a});`];
  }
}
class JE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "floor", outTypeFunc: Zs }), this.statements = ({ inputs: I, outputs: g }) => [`${g.floor} = floor(${I.a});`];
  }
}
class ME extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "ceil", outTypeFunc: vs }), this.statements = ({ inputs: I, outputs: g }) => [`${g.ceil} = ceil(${I.a});`];
  }
}
class UE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "trunc", outTypeFunc: Xs }), this.statements = ({ inputs: I, outputs: g }) => [`${g.trunc} = trunc(${I.a});`];
  }
}
class eE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "round", outTypeFunc: Vs }), this.statements = ({ inputs: I, outputs: g }) => [`${g.round} = round(${I.a});`];
  }
}
class LE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "fract", outTypeFunc: Ws }), this.statements = ({ inputs: I, outputs: g }) => [`${g.fract} = fract(${I.a});`];
  }
}
class HE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "power", outTypeFunc: js }), this.statements = ({ inputs: g, outputs: B }) => [`${B.power} = pow(${g.a}, ${g.b});`];
  }
}
class YE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "exp", outTypeFunc: zs }), this.statements = ({ inputs: I, outputs: g }) => [`${g.exp} = exp(${I.a});`];
  }
}
class nE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "exp2", outTypeFunc: _s }), this.statements = ({ inputs: I, outputs: g }) => [`${g.exp2} = exp2(${I.a});`];
  }
}
class KE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "log", outTypeFunc: $s }), this.statements = ({ inputs: I, outputs: g }) => [`${g.log} = log(${I.a});`];
  }
}
class rE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "log2", outTypeFunc: A0 }), this.statements = ({ inputs: I, outputs: g }) => [`${g.log2} = log2(${I.a});`];
  }
}
class dE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "sqr", outTypeFunc: I0 }), this.statements = ({ inputs: I, outputs: g }) => [`${g.sqr} = ${I.a} * ${I.a};`];
  }
}
class qE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "sqrt", outTypeFunc: g0 }), this.statements = ({ inputs: I, outputs: g }) => [`${g.sqrt} = sqrt(${I.a});`];
  }
}
class lE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "inversesqrt", outTypeFunc: Q0 }), this.statements = ({ inputs: I, outputs: g }) => [`${g.inversesqrt} = inversesqrt(${I.a});`];
  }
}
class xE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "min", outTypeFunc: iE }), this.statements = ({ inputs: g, outputs: B }) => [`${B.min} = min(${g.a}, ${g.b});`];
  }
}
class pE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "max", outTypeFunc: B0 }), this.statements = ({ inputs: g, outputs: B }) => [`${B.max} = max(${g.a}, ${g.b});`];
  }
}
class fE extends YI {
  constructor({
    a: A,
    min: I,
    max: g
  }) {
    super({
      a: A,
      b: I,
      c: g,
      outKey: "clamp",
      outTypeFunc: C0
    }), this.statements = ({ inputs: B, outputs: C }) => {
      const { a: E, b: D, c: o } = B;
      return [`${C.clamp} = clamp(${E}, ${D}, ${o});`];
    };
  }
}
class uE extends YI {
  constructor({ a: A, b: I, t: g }) {
    super({ a: A, b: I, c: g, outKey: "mix", outTypeFunc: E0 }), this.statements = ({ inputs: B, outputs: C }) => {
      const { a: E, b: D, c: o } = B;
      return [`${C.mix} = mix(${E}, ${D}, ${o});`];
    };
  }
}
class PE extends Z {
  constructor({ edge: A, x: I }) {
    super({
      a: A,
      b: I,
      outKey: "step",
      outTypeFunc: D0
    }), this.statements = ({ inputs: g, outputs: B }) => {
      const { a: C, b: E } = g;
      return [`${B.step} = step(${C}, ${E});`];
    };
  }
}
class bE extends YI {
  constructor({
    edge0: A,
    edge1: I,
    x: g
  }) {
    super({
      a: A,
      b: I,
      c: g,
      outKey: "smoothstep",
      outTypeFunc: i0
    }), this.statements = ({ inputs: B, outputs: C }) => {
      const { a: E, b: D, c: o } = B;
      return [`${C.smoothstep} = smoothstep(${E}, ${D}, ${o});`];
    };
  }
}
class TE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "isNan", outTypeFunc: oE }), this.statements = ({ inputs: I, outputs: g }) => [`${g.isNan} = isNan(${I.a});`];
  }
}
class mE extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "isInf", outTypeFunc: o0 }), this.statements = ({ inputs: I, outputs: g }) => [`${g.isInf} = isInf(${I.a});`];
  }
}
const K0 = (Q, A) => new ZE({ a: Q, b: A }), r0 = (Q, A) => new vE({ a: Q, b: A }), d0 = (Q, A) => new XE({ a: Q, b: A }), q0 = (Q) => new VE({ a: Q }), l0 = (Q, A) => new ED({ a: Q, b: A }), x0 = (Q, A) => new DD({ a: Q, b: A }), p0 = (Q, A) => new WE({ a: Q, b: A }), f0 = (Q, A) => new jE({ a: Q, b: A }), u0 = (Q, A) => new zE({ a: Q, b: A }), OE = (Q, A) => new _E({ a: Q, b: A }), P0 = (Q, A) => new $E({ a: Q, b: A }), b0 = (Q, A) => new AD({ a: Q, b: A }), T0 = (Q) => new ID({ a: Q }), m0 = (Q) => new gD({ a: Q }), OQ = (Q, A, I) => new QD({ cond: Q, t: A, f: I }), O0 = (Q) => new CD({ a: Q });
class ZE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outTypeFunc: (g, B) => g, outKey: "and" }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.and === "bool" ? [`${B.and} = ${g.a} && ${g.b};`] : [`${B.and} = ${g.a} & ${g.b};`];
  }
}
class vE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outTypeFunc: (g, B) => g, outKey: "or" }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.or === "bool" ? [`${B.or} = ${g.a} || ${g.b};`] : [`${B.or} = ${g.a} | ${g.b};`];
  }
}
class XE extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outTypeFunc: (g, B) => g, outKey: "xor" }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.xor === "bool" ? [`${B.xor} = ${g.a} ^^ ${g.b};`] : [`${B.xor} = ${g.a} ^ ${g.b};`];
  }
}
class VE extends e {
  constructor({ a: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "not" }), this.statements = ({ inputs: I, outputs: g }) => this.outTypes.not === "bool" ? [`${g.not} = !${I.a};`] : [`${g.not} = not(${I.a});`];
  }
}
class WE extends Z {
  constructor({ a: A, b: I }) {
    super({
      a: A,
      b: I,
      outTypeFunc: (g, B) => Og(g, "lessThan"),
      outKey: "lessThan"
    }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.lessThan === "bool" ? [`${B.lessThan} = ${g.a} < ${g.b};`] : [`${B.lessThan} = lessThan(${g.a}, ${g.b});`];
  }
}
class jE extends Z {
  constructor({ a: A, b: I }) {
    super({
      a: A,
      b: I,
      outTypeFunc: (g, B) => Og(g, "lessThanEqual"),
      outKey: "lessThanEqual"
    }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.lessThanEqual === "bool" ? [`${B.lessThanEqual} = ${g.a} <= ${g.b};`] : [
      `${B.lessThanEqual} = lessThanEqual(${g.a}, ${g.b});`
    ];
  }
}
class zE extends Z {
  constructor({ a: A, b: I }) {
    super({
      a: A,
      b: I,
      outTypeFunc: (g, B) => Og(g, "greaterThan"),
      outKey: "greaterThan"
    }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.greaterThan === "bool" ? [`${B.greaterThan} = ${g.a} > ${g.b};`] : [
      `${B.greaterThan} = greaterThan(${g.a}, ${g.b});`
    ];
  }
}
class _E extends Z {
  constructor({ a: A, b: I }) {
    super({
      a: A,
      b: I,
      outTypeFunc: (g, B) => Og(g, "greaterThanEqual"),
      outKey: "greaterThanEqual"
    }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.greaterThanEqual === "bool" ? [`${B.greaterThanEqual} = ${g.a} >= ${g.b};`] : [
      `${B.greaterThanEqual} = greaterThanEqual(${g.a}, ${g.b});`
    ];
  }
}
class $E extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outTypeFunc: BD, outKey: "equal" }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.equal === "bool" ? [`${B.equal} = ${g.a} == ${g.b};`] : [`${B.equal} = equal(${g.a}, ${g.b});`];
  }
}
class AD extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outTypeFunc: Z0, outKey: "notEqual" }), this.statements = ({ inputs: g, outputs: B }) => this.outTypes.notEqual === "bool" ? [`${B.notEqual} = ${g.a} != ${g.b};`] : [`${B.notEqual} = notEqual(${g.a}, ${g.b});`];
  }
}
class ID extends e {
  constructor({ a: A }) {
    super({ a: A, outTypeFunc: (I) => "bool", outKey: "any" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.any} = any(${I.a});`];
  }
}
class gD extends e {
  constructor({ a: A }) {
    super({ a: A, outTypeFunc: (I) => "bool", outKey: "all" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.all} = all(${I.a});`];
  }
}
class QD extends YI {
  constructor({
    cond: A,
    t: I,
    f: g
  }) {
    super({
      a: A,
      b: I,
      c: g,
      outKey: "select",
      outTypeFunc: (B, C, E) => C
    }), this.statements = ({ inputs: B, outputs: C }) => {
      const { a: E, b: D, c: o } = B;
      return [`${C.select} = (${E}) ? (${D}) : (${o});`];
    };
  }
}
function Og(Q, A) {
  if (HI(Q))
    return "bool";
  if (Q === "ivec2" || Q === "uvec2" || Q === "vec2")
    return "bvec2";
  if (Q === "ivec3" || Q === "uvec3" || Q === "vec3")
    return "bvec3";
  if (Q === "ivec4" || Q === "uvec4" || Q === "vec4")
    return "bvec4";
  throw new Error(`Invalid ${A} type: ${Q}`);
}
function BD(Q, A = "equal") {
  if (HI(Q))
    return "bool";
  if (LI(Q))
    return Q;
  if (Q === "ivec2" || Q === "uvec2" || Q === "vec2")
    return "bvec2";
  if (Q === "ivec3" || Q === "uvec3" || Q === "vec3")
    return "bvec3";
  if (Q === "ivec4" || Q === "uvec4" || Q === "vec4")
    return "bvec4";
  throw new Error(`Invalid ${A} type: ${Q}`);
}
function Z0(Q) {
  return BD(Q, "notEqual");
}
function v0(Q) {
  if (LI(Q))
    return "bool";
  if (RA(Q))
    return "int";
  if (cA(Q))
    return "uint";
  throw new Error(`Invalid compXor type: ${Q}`);
}
class CD extends e {
  constructor({ a: A }) {
    const I = v0(O(A));
    super({ a: A, outTypeFunc: (g) => I, outKey: "compXor" }), this.statements = ({ inputs: g, outputs: B }) => {
      if (HI(this.outTypes.compXor))
        return [`${B.compXor} = ${g.a};`];
      const E = (pI(I) ? ["x", "y"] : fI(I) ? ["x", "y", "z"] : ["x", "y", "z", "w"]).map((o) => `${g.a}.${o}`), D = LI(I) ? "^^" : "^";
      return [`${B.compXor} = ${E.join(` ${D} `)};`];
    };
  }
}
class ED extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outTypeFunc: (g, B) => g, outKey: "shr" }), this.statements = ({ inputs: g, outputs: B }) => [`${B.shr} = ${g.a} >> ${g.b};`];
  }
}
class DD extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outTypeFunc: (g, B) => g, outKey: "shl" }), this.statements = ({ inputs: g, outputs: B }) => [`${B.shl} = ${g.a} << ${g.b};`];
  }
}
const X0 = (Q) => new aD({ value: Q }), V0 = (Q) => new GD({ value: Q }), W0 = (Q) => new hD({ value: Q }), iD = (Q) => new yD({ value: Q }), j0 = (Q) => new tD({ value: Q }), z0 = (Q) => new SD({ value: Q }), _0 = (Q) => new kD({ value: Q }), $0 = (Q) => new RD({ value: Q }), Aa = (Q) => new cD({ value: Q }), Ia = (Q) => new FD({ value: Q }), ga = (Q) => new ND({ value: Q }), Qa = (Q) => new JD({ value: Q }), Ba = (Q) => new MD({ value: Q }), oD = (Q) => new UD({ value: Q }), MI = (Q) => new eD({ value: Q }), wD = (Q) => new LD({ value: Q }), Ca = (Q) => new HD({ value: Q }), Ea = (Q) => new YD({ value: Q }), Da = (Q) => new nD({ value: Q }), sD = (Q) => new KD({ value: Q }), ia = (Q) => new rD({ value: Q }), oa = (Q) => new dD({ value: Q }), wa = (Q) => new qD({ value: Q }), sa = (Q) => new lD({ value: Q }), aa = (Q) => new xD({ value: Q }), Ga = (Q) => new pD({ value: Q }), ha = (Q) => new fD({ value: Q }), ya = (Q) => new uD({ value: Q }), ta = (Q) => new PD({ value: Q }), Sa = (Q) => new bD({ value: Q });
class EA extends e {
  constructor({
    value: A,
    outType: I,
    outKey: g
  }) {
    super({ a: A, outTypeFunc: () => I, outKey: g }), this.statements = ({ inputs: B, outputs: C }) => [
      `${C[g]} = ${JB(I)}(${B.a});`
    ];
  }
}
class aD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "bool", outKey: "bool" });
  }
}
class GD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "int", outKey: "int" });
  }
}
class hD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "uint", outKey: "uint" });
  }
}
class yD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "float", outKey: "float" });
  }
}
class tD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "bvec2", outKey: "bvec2" });
  }
}
class SD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "bvec3", outKey: "bvec3" });
  }
}
class kD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "bvec4", outKey: "bvec4" });
  }
}
class RD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "ivec2", outKey: "ivec2" });
  }
}
class cD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "ivec3", outKey: "ivec3" });
  }
}
class FD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "ivec4", outKey: "ivec4" });
  }
}
class ND extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "uvec2", outKey: "uvec2" });
  }
}
class JD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "uvec3", outKey: "uvec3" });
  }
}
class MD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "uvec4", outKey: "uvec4" });
  }
}
class UD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "vec2", outKey: "vec2" });
  }
}
class eD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "vec3", outKey: "vec3" });
  }
}
class LD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "vec4", outKey: "vec4" });
  }
}
class HD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "mat2", outKey: "mat2" });
  }
}
class YD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "mat3", outKey: "mat3" });
  }
}
class nD extends EA {
  constructor({
    value: A
  }) {
    super({ value: A, outType: "mat4", outKey: "mat4" });
  }
}
class KD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "int", outTypeFunc: () => "int" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.int} = floatBitsToInt(${I.a});`];
  }
}
class rD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "uint", outTypeFunc: () => "uint" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.uint} = floatBitsToUint(${I.a});`];
  }
}
class dD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "float", outTypeFunc: () => "float" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.float} = intBitsToFloat(${I.a});`];
  }
}
class qD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "float", outTypeFunc: () => "float" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.float} = uintBitsToFloat(${I.a});`];
  }
}
class lD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "uint", outTypeFunc: () => "uint" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.uint} = packSnorm2x16(${I.a});`];
  }
}
class xD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "vec2", outTypeFunc: () => "vec2" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.vec2} = unpackSnorm2x16(${I.a});`];
  }
}
class pD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "uint", outTypeFunc: () => "uint" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.uint} = packUnorm2x16(${I.a});`];
  }
}
class fD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "vec2", outTypeFunc: () => "vec2" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.vec2} = unpackUnorm2x16(${I.a});`];
  }
}
class uD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "uint", outTypeFunc: () => "uint" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.uint} = packHalf2x16(${I.a});`];
  }
}
class PD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "vec2", outTypeFunc: () => "vec2" }), this.statements = ({ inputs: I, outputs: g }) => [`${g.vec2} = unpackHalf2x16(${I.a});`];
  }
}
class bD extends e {
  constructor({ value: A }) {
    super({ a: A, outKey: "rgba8", outTypeFunc: () => "vec4" }), this.statements = ({ inputs: I, outputs: g }) => [
      `uvec4 uRgba = uvec4(${I.a} & 0xffu, (${I.a} >> 8u) & 0xffu, (${I.a} >> 16u) & 0xffu, (${I.a} >> 24u) & 0xffu);`,
      `${g.rgba8} = vec4(uRgba) / 255.0;`
    ];
  }
}
const ka = (Q) => new mD({ a: Q }), Ra = (Q, A) => new OD({ a: Q, b: A }), TD = (Q, A) => new ZD({ a: Q, b: A }), ca = (Q, A) => new vD({ a: Q, b: A }), Ig = (Q) => new XD({ a: Q }), Fa = (Q, A, I) => new jD({ a: Q, b: A, c: I }), Na = (Q, A) => new zD({ incident: Q, normal: A }), Ja = (Q, A, I) => new _D({ incident: Q, normal: A, eta: I }), xI = (Q) => new Bi({ vector: Q }), BI = ({
  vector: Q,
  vectorType: A,
  x: I,
  y: g,
  z: B,
  w: C,
  r: E,
  g: D,
  b: o,
  a: i
}) => new Ci({ vector: Q, vectorType: A, x: I, y: g, z: B, w: C, r: E, g: D, b: o, a: i }), Ma = (Q) => new VD({ a: Q }), Ua = (Q, A) => new WD({ a: Q, b: A }), ea = (Q, A) => new Ei({ vector: Q, select: A }), La = (Q, A) => new $D({ a: Q, b: A }), Ha = (Q, A) => new Ai({ a: Q, b: A }), Ya = (Q) => new Ii({ a: Q }), na = (Q) => new gi({ a: Q }), Ka = (Q) => new Qi({ a: Q });
class mD extends e {
  constructor({ a: A }) {
    super({ a: A, outTypeFunc: (I) => "float", outKey: "length" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.length} = length(${I.a});`
    ];
  }
}
class OD extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "distance", outTypeFunc: (g, B) => "float" }), this.statements = ({ inputs: g, outputs: B }) => [
      `${B.distance} = distance(${g.a}, ${g.b});`
    ];
  }
}
class ZD extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "dot", outTypeFunc: (g, B) => "float" }), this.statements = ({ inputs: g, outputs: B }) => [
      `${B.dot} = dot(${g.a}, ${g.b});`
    ];
  }
}
class vD extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "cross", outTypeFunc: (g, B) => "vec3" }), this.statements = ({ inputs: g, outputs: B }) => [
      `${B.cross} = cross(${g.a}, ${g.b});`
    ];
  }
}
class XD extends e {
  constructor({ a: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "normalize" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.normalize} = normalize(${I.a});`
    ];
  }
}
function ra(Q) {
  if (Q === "vec3")
    return "vec2";
  if (Q === "vec4")
    return "vec3";
  throw new Error("Invalid type");
}
class VD extends e {
  constructor({ a: A }) {
    super({
      a: A,
      outTypeFunc: (I) => ra(I),
      outKey: "projected"
    }), this.statements = ({ inputs: I, outputs: g }) => {
      if (this.inTypes.a === "vec3")
        return [`${g.projected} = ${I.a}.xy / ${I.a}.z;`];
      if (this.inTypes.a === "vec4")
        return [`${g.projected} = ${I.a}.xyz / ${I.a}.w;`];
      throw new Error("Invalid type");
    };
  }
}
function da(Q) {
  if (Q === "float") return "vec2";
  if (Q === "vec2") return "vec3";
  if (Q === "vec3") return "vec4";
  throw new Error("Invalid type");
}
class WD extends Z {
  constructor({ a: A, b: I }) {
    const g = O(A), B = da(g);
    super({ a: A, b: I, outKey: "extend", outTypeFunc: () => B }), this.statements = ({ inputs: C, outputs: E }) => [
      `${E.extend} = ${B}(${C.a}, ${C.b});`
    ];
  }
}
class jD extends YI {
  constructor({ a: A, b: I, c: g }) {
    super({
      a: A,
      b: I,
      c: g,
      outKey: "forward",
      outTypeFunc: (B, C, E) => B
    }), this.statements = ({ inputs: B, outputs: C }) => [
      `${C.forward} = faceforward(${B.a}, ${B.b}, ${B.c});`
    ];
  }
}
class zD extends Z {
  constructor({
    incident: A,
    normal: I
  }) {
    super({
      a: A,
      b: I,
      outKey: "reflection",
      outTypeFunc: (g, B) => g
    }), this.statements = ({ inputs: g, outputs: B }) => [
      `${B.reflection} = reflect(${g.a}, ${g.b});`
    ];
  }
}
class _D extends YI {
  constructor({
    incident: A,
    normal: I,
    eta: g
  }) {
    super({
      a: A,
      b: I,
      c: g,
      outKey: "refraction",
      outTypeFunc: (B, C, E) => B
    }), this.statements = ({ inputs: B, outputs: C }) => [
      `${C.refraction} = refract(${B.a}, ${B.b}, ${B.c});`
    ];
  }
}
class $D extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "product", outTypeFunc: (g, B) => g }), this.statements = ({ inputs: g, outputs: B }) => [
      `${B.product} = matrixCompMult(${A}, ${I});`
    ];
  }
}
function qa(Q, A) {
  if (Q === "vec2") {
    if (A === "vec2") return "mat2";
    if (A === "vec3") return "mat3x2";
    if (A === "vec4") return "mat4x2";
  }
  if (Q === "vec3") {
    if (A === "vec2") return "mat2x3";
    if (A === "vec3") return "mat3";
    if (A === "vec4") return "mat4x3";
  }
  if (Q === "vec4") {
    if (A === "vec2") return "mat2x4";
    if (A === "vec3") return "mat3x4";
    if (A === "vec4") return "mat4";
  }
  throw new Error(`Invalid outer type: ${Q}, ${A}`);
}
class Ai extends Z {
  constructor({ a: A, b: I }) {
    super({ a: A, b: I, outKey: "outer", outTypeFunc: qa }), this.statements = ({ inputs: g, outputs: B }) => [
      `${B.outer} = outerProduct(${g.a}, ${g.b});`
    ];
  }
}
function la(Q) {
  if (Q === "mat2") return "mat2";
  if (Q === "mat3") return "mat3";
  if (Q === "mat4") return "mat4";
  if (Q === "mat2x2") return "mat2x2";
  if (Q === "mat2x3") return "mat3x2";
  if (Q === "mat2x4") return "mat4x2";
  if (Q === "mat3x2") return "mat2x3";
  if (Q === "mat3x3") return "mat3x3";
  if (Q === "mat3x4") return "mat4x3";
  if (Q === "mat4x2") return "mat2x4";
  if (Q === "mat4x3") return "mat3x4";
  if (Q === "mat4x4") return "mat4x4";
  throw new Error(`Invalid transpose type: ${Q}`);
}
class Ii extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "transpose", outTypeFunc: la }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.transpose} = transpose(${I.a});`
    ];
  }
}
class gi extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "det", outTypeFunc: (I) => "float" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.det} = determinant(${I.a});`
    ];
  }
}
class Qi extends e {
  constructor({ a: A }) {
    super({ a: A, outKey: "inverse", outTypeFunc: (I) => I }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.inverse} = inverse(${A});`
    ];
  }
}
function xa(Q) {
  const A = (I) => I;
  switch (Q) {
    case "vec2":
      return A({ x: "float", y: "float", r: "float", g: "float" });
    case "vec3":
      return A({
        x: "float",
        y: "float",
        z: "float",
        r: "float",
        g: "float",
        b: "float"
      });
    case "vec4":
      return A({
        x: "float",
        y: "float",
        z: "float",
        w: "float",
        r: "float",
        g: "float",
        b: "float",
        a: "float"
      });
    case "ivec2":
      return A({ x: "int", y: "int", r: "int", g: "int" });
    case "ivec3":
      return A({
        x: "int",
        y: "int",
        z: "int",
        r: "int",
        g: "int",
        b: "int"
      });
    case "ivec4":
      return A({
        x: "int",
        y: "int",
        z: "int",
        w: "int",
        r: "int",
        g: "int",
        b: "int",
        a: "int"
      });
    case "uvec2":
      return A({ x: "uint", y: "uint", r: "uint", g: "uint" });
    case "uvec3":
      return A({
        x: "uint",
        y: "uint",
        z: "uint",
        r: "uint",
        g: "uint",
        b: "uint"
      });
    case "uvec4":
      return A({
        x: "uint",
        y: "uint",
        z: "uint",
        w: "uint",
        r: "uint",
        g: "uint",
        b: "uint",
        a: "uint"
      });
    default:
      throw new Error(`Invalid vector type: ${Q}`);
  }
}
class Bi extends H {
  constructor({ vector: A }) {
    const g = { vector: O(A) }, B = xa(g.vector);
    super({ inTypes: g, outTypes: B, inputs: { vector: A } }), this.statements = ({ inputs: C, outputs: E }) => {
      const { x: D, y: o, z: i, w: a, r: w, g: G, b: h, a: k } = E, { vector: t } = C;
      return [
        D ? `${D} = ${t}.x;` : null,
        o ? `${o} = ${t}.y;` : null,
        i ? `${i} = ${t}.z;` : null,
        a ? `${a} = ${t}.w;` : null,
        w ? `${w} = ${t}.r;` : null,
        G ? `${G} = ${t}.g;` : null,
        h ? `${h} = ${t}.b;` : null,
        k ? `${k} = ${t}.a;` : null
      ].filter(Boolean);
    };
  }
}
class Ci extends H {
  constructor({
    vector: A,
    vectorType: I,
    x: g,
    y: B,
    z: C,
    w: E,
    r: D,
    g: o,
    b: i,
    a
  }) {
    if (!A && !I)
      throw new Error("Either vector or vectorType must be provided");
    const w = I ?? O(A), G = cB(w), h = FB(w), k = {
      vector: w,
      x: G,
      y: G,
      r: G,
      g: G
    }, t = { vector: A, x: g, y: B, r: D, g: o };
    h >= 3 && (Object.assign(k, { z: G, b: G }), Object.assign(t, { z: C, b: i })), h >= 4 && (Object.assign(k, { w: G, a: G }), Object.assign(t, { w: E, a })), super({ inTypes: k, outTypes: { vector: w }, inputs: t }), this.statements = ({ inputs: y, outputs: S }) => {
      const { vector: R } = S, {
        vector: F,
        x: N,
        y: c,
        z: J,
        w: M,
        r: K,
        g: n,
        b: q,
        a: L
      } = y, d = [
        `${R}.x = ${N ?? K ?? (F ? `${F}.x` : mI(G))};`,
        `${R}.y = ${c ?? n ?? (F ? `${F}.y` : mI(G))};`
      ];
      return h >= 3 && d.push(
        `${R}.z = ${J ?? q ?? (F ? `${F}.z` : mI(G))};`
      ), h >= 4 && d.push(
        `${R}.w = ${M ?? L ?? (F ? `${F}.w` : mI(G))};`
      ), d;
    };
  }
  dynoOut() {
    return new x(
      this,
      "vector"
    );
  }
}
function pa(Q, A) {
  let I = null;
  if (ig(Q) ? I = A.length === 1 ? "float" : A.length === 2 ? "vec2" : A.length === 3 ? "vec3" : A.length === 4 ? "vec4" : null : RA(Q) ? I = A.length === 1 ? "int" : A.length === 2 ? "ivec2" : A.length === 3 ? "ivec3" : A.length === 4 ? "ivec4" : null : cA(Q) && (I = A.length === 1 ? "uint" : A.length === 2 ? "uvec2" : A.length === 3 ? "uvec3" : A.length === 4 ? "uvec4" : null), I == null)
    throw new Error(`Invalid swizzle: ${A}`);
  return I;
}
class Ei extends e {
  constructor({ vector: A, select: I }) {
    super({
      a: A,
      outKey: "swizzle",
      outTypeFunc: (g) => pa(g, I)
    }), this.statements = ({ inputs: g, outputs: B }) => [
      `${B.swizzle} = ${g.a}.${I};`
    ];
  }
}
const fa = (Q, A, I) => new Gi({ index: Q, from: A, to: I }), ua = (Q) => new PI({ value: Q }), Pa = (Q) => new PA({ state: Q }), ba = (Q) => new bA({ state: Q }), Di = (Q) => new hi({ value: Q }), ii = (Q) => new yi({ value: Q }), oi = (Q) => new ti({ value: Q }), wi = (Q) => new Si({ value: Q }), Ta = (Q) => new ki({ value: Q }), ma = (Q) => new Ri({ value: Q }), si = (Q) => new ci({ value: Q }), SQ = (Q) => new Fi({ value: Q }), ai = (Q, A, I) => new Ni({ z: Q, zNear: A, zFar: I }).outputs.depth, Oa = (Q) => new Ji({ index: Q });
class Gi extends H {
  constructor({
    from: A,
    to: I,
    index: g
  }) {
    super({
      inTypes: { from: "int", to: "int", index: "int" },
      outTypes: { index: "int" },
      inputs: { from: A, to: I, index: g },
      statements: ({ inputs: B, outputs: C }) => [
        `${C.index} = ${B.index} - ${B.from} + ${B.to};`
      ]
    });
  }
  dynoOut() {
    return new x(this, "index");
  }
}
class PA extends H {
  constructor({ state: A }) {
    const I = O(A);
    super({
      inTypes: { state: I },
      outTypes: { state: "uint" },
      inputs: { state: A },
      globals: () => [
        _(
          /* glsl */
          `
          uint pcg_next(uint state) {
            return state * 747796405u + 2891336453u;
          }
        `
        )
      ],
      statements: ({ inputs: g, outputs: B }) => {
        const C = I === "uint" ? `${g.state}` : I === "int" ? `uint(${g.state})` : `floatBitsToUint(${g.state})`;
        return [`${B.state} = pcg_next(${C});`];
      }
    });
  }
  dynoOut() {
    return new x(this, "state");
  }
}
class bA extends H {
  constructor({ state: A }) {
    super({
      inTypes: { state: "uint" },
      outTypes: { hash: "uint" },
      inputs: { state: A },
      globals: () => [
        _(
          /* glsl */
          `
          uint pcg_hash(uint state) {
            uint hash = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
            return (hash >> 22u) ^ hash;
          }
        `
        )
      ],
      statements: ({ inputs: I, outputs: g }) => [
        `${g.hash} = pcg_hash(${I.state});`
      ]
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class PI extends H {
  constructor({ value: A }) {
    const I = O(A), g = NB(I);
    super({
      inTypes: { value: I },
      outTypes: { state: "uint" },
      inputs: { value: A },
      globals: () => [
        _(
          /* glsl */
          `
          uint pcg_mix(uint value) {
            return value;
          }
          uint pcg_mix(uvec2 value) {
            return value.x + 0x9e3779b9u * value.y;
          }
          uint pcg_mix(uvec3 value) {
            return value.x + 0x9e3779b9u * value.y + 0x85ebca6bu * value.z;
          }
          uint pcg_mix(uvec4 value) {
            return value.x + 0x9e3779b9u * value.y + 0x85ebca6bu * value.z + 0xc2b2ae35u * value.w;
          }
        `
        )
      ],
      statements: ({ inputs: B, outputs: C }) => {
        const E = cA(I) ? `${B.value}` : RA(I) ? `${g}(${B.value})` : `floatBitsToUint(${B.value})`;
        return [
          `${g} bits = ${E};`,
          `${C.state} = pcg_mix(bits);`
        ];
      }
    });
  }
  dynoOut() {
    return new x(this, "state");
  }
}
class hi extends QI {
  constructor({ value: A }) {
    super({
      inTypes: { value: O(A) },
      outTypes: { hash: "uint" },
      inputs: { value: A },
      construct: ({ value: I }) => {
        if (!I)
          throw new Error("value is required");
        let g = new PI({ value: I }).outputs.state;
        return g = new PA({ state: g }).outputs.state, new bA({ state: g }).outputs;
      }
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class yi extends QI {
  constructor({ value: A }) {
    super({
      inTypes: { value: O(A) },
      outTypes: { hash: "uvec2" },
      inputs: { value: A },
      construct: ({ value: I }) => {
        if (!I)
          throw new Error("value is required");
        let g = new PI({ value: I }).outputs.state;
        g = new PA({ state: g }).outputs.state;
        const B = new bA({ state: g }).outputs.hash;
        g = new PA({ state: g }).outputs.state;
        const C = new bA({ state: g }).outputs.hash;
        return { hash: BI({ vectorType: "uvec2", x: B, y: C }) };
      }
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class ti extends QI {
  constructor({ value: A }) {
    super({
      inTypes: { value: O(A) },
      outTypes: { hash: "uvec3" },
      inputs: { value: A },
      construct: ({ value: I }) => {
        if (!I)
          throw new Error("value is required");
        let g = new PI({ value: I }).outputs.state;
        g = new PA({ state: g }).outputs.state;
        const B = new bA({ state: g }).outputs.hash;
        g = new PA({ state: g }).outputs.state;
        const C = new bA({ state: g }).outputs.hash;
        g = new PA({ state: g }).outputs.state;
        const E = new bA({ state: g }).outputs.hash;
        return { hash: BI({ vectorType: "uvec3", x: B, y: C, z: E }) };
      }
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class Si extends QI {
  constructor({ value: A }) {
    super({
      inTypes: { value: O(A) },
      outTypes: { hash: "uvec4" },
      inputs: { value: A },
      construct: ({ value: I }) => {
        if (!I)
          throw new Error("value is required");
        let g = new PI({ value: I }).outputs.state;
        g = new PA({ state: g }).outputs.state;
        const B = new bA({ state: g }).outputs.hash;
        g = new PA({ state: g }).outputs.state;
        const C = new bA({ state: g }).outputs.hash;
        g = new PA({ state: g }).outputs.state;
        const E = new bA({ state: g }).outputs.hash;
        g = new PA({ state: g }).outputs.state;
        const D = new bA({ state: g }).outputs.hash;
        return { hash: BI({ vectorType: "uvec4", x: B, y: C, z: E, w: D }) };
      }
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class ki extends QI {
  constructor({ value: A }) {
    super({
      inTypes: { value: O(A) },
      outTypes: { hash: "float" },
      inputs: { value: A },
      construct: ({ value: I }) => {
        if (!I)
          throw new Error("value is required");
        const g = Di(I);
        return { hash: IA(iD(g), b("float", 1 / 2 ** 32)) };
      }
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class Ri extends QI {
  constructor({ value: A }) {
    super({
      inTypes: { value: O(A) },
      outTypes: { hash: "vec2" },
      inputs: { value: A },
      construct: ({ value: I }) => {
        if (!I)
          throw new Error("value is required");
        const g = ii(I);
        return { hash: IA(oD(g), b("float", 1 / 2 ** 32)) };
      }
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class ci extends QI {
  constructor({ value: A }) {
    super({
      inTypes: { value: O(A) },
      outTypes: { hash: "vec3" },
      inputs: { value: A },
      construct: ({ value: I }) => {
        if (!I)
          throw new Error("value is required");
        const g = oi(I);
        return { hash: IA(MI(g), b("float", 1 / 2 ** 32)) };
      }
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class Fi extends QI {
  constructor({ value: A }) {
    super({
      inTypes: { value: O(A) },
      outTypes: { hash: "vec4" },
      inputs: { value: A },
      construct: ({ value: I }) => {
        if (!I)
          throw new Error("value is required");
        const g = wi(I);
        return { hash: IA(wD(g), b("float", 1 / 2 ** 32)) };
      }
    });
  }
  dynoOut() {
    return new x(this, "hash");
  }
}
class Ni extends H {
  constructor({
    z: A,
    zNear: I,
    zFar: g
  }) {
    super({
      inTypes: { z: "float", zNear: "float", zFar: "float" },
      outTypes: { depth: "float" },
      inputs: { z: A, zNear: I, zFar: g },
      statements: ({ inputs: B, outputs: C }) => [
        `float clamped = clamp(${B.z}, ${B.zNear}, ${B.zFar});`,
        `${C.depth} = (log2(clamped + 1.0) - log2(${B.zNear} + 1.0)) / (log2(${B.zFar} + 1.0) - log2(${B.zNear} + 1.0));`
      ]
    });
  }
  dynoOut() {
    return new x(this, "depth");
  }
}
class Ji extends H {
  constructor({ index: A }) {
    super({
      inTypes: { index: "int" },
      outTypes: { color: "vec3" },
      inputs: { index: A },
      statements: ({ inputs: I, outputs: g }) => [
        `${g.color} = debugColorHue(uint(${I.index}));`
      ]
    });
  }
  dynoOut() {
    return new x(this, "color");
  }
}
const Mi = (Q, {
  scale: A,
  scales: I,
  rotate: g,
  translate: B
}) => new ei({ position: Q, scale: A, scales: I, rotate: g, translate: B }).outputs.position, Ui = (Q, {
  scale: A,
  scales: I,
  rotate: g
}) => new Li({ dir: Q, scale: A, scales: I, rotate: g }).outputs.dir, Za = (Q, { rotate: A }) => new Hi({ quaternion: Q, rotate: A }).outputs.quaternion;
class ei extends H {
  constructor({
    position: A,
    scale: I,
    scales: g,
    rotate: B,
    translate: C
  }) {
    super({
      inTypes: {
        position: "vec3",
        scale: "float",
        scales: "vec3",
        rotate: "vec4",
        translate: "vec3"
      },
      outTypes: { position: "vec3" },
      inputs: { position: A, scale: I, scales: g, rotate: B, translate: C },
      statements: ({ inputs: E, outputs: D }) => {
        const { position: o } = D;
        if (!o)
          return [];
        const { scale: i, scales: a, rotate: w, translate: G } = E;
        return [
          `${o} = ${E.position ?? "vec3(0.0, 0.0, 0.0)"};`,
          i ? `${o} *= ${i};` : null,
          a ? `${o} *= ${a};` : null,
          w ? `${o} = quatVec(${w}, ${o});` : null,
          G ? `${o} += ${G};` : null
        ].filter(Boolean);
      }
    });
  }
}
class Li extends H {
  constructor({
    dir: A,
    scale: I,
    scales: g,
    rotate: B
  }) {
    super({
      inTypes: { dir: "vec3", scale: "float", scales: "vec3", rotate: "vec4" },
      outTypes: { dir: "vec3" },
      inputs: { dir: A, scale: I, scales: g, rotate: B },
      statements: ({ inputs: C, outputs: E }) => {
        const { dir: D } = E;
        if (!D)
          return [];
        const { scale: o, scales: i, rotate: a } = C;
        return [
          `${D} = ${C.dir ?? "vec3(0.0, 0.0, 0.0)"};`,
          o ? `${D} *= ${o};` : null,
          i ? `${D} *= ${i};` : null,
          a ? `${D} = quatVec(${a}, ${D});` : null
        ].filter(Boolean);
      }
    });
  }
}
class Hi extends H {
  constructor({
    quaternion: A,
    rotate: I
  }) {
    super({
      inTypes: { quaternion: "vec4", rotate: "vec4" },
      outTypes: { quaternion: "vec4" },
      inputs: { quaternion: A, rotate: I },
      statements: ({ inputs: g, outputs: B }) => {
        const { quaternion: C } = B;
        return C ? [
          `${C} = ${g.quaternion ?? "vec4(0.0, 0.0, 0.0, 1.0)"};`,
          I ? `${C} = quatQuat(${g.rotate}, ${C});` : null
        ].filter(Boolean) : [];
      }
    });
  }
}
const va = () => {
  throw new Error("Not implemented");
}, Xa = () => {
  throw new Error("Not implemented");
}, Va = () => {
  throw new Error("Not implemented");
}, Wa = () => {
  throw new Error("Not implemented");
}, ja = () => {
  throw new Error("Not implemented");
}, za = () => {
  throw new Error("Not implemented");
}, _a = (Q, A) => new Yi({ texture: Q, lod: A }), $a = (Q, A, I) => new ni({ texture: Q, coord: A, bias: I }), AG = (Q, A, I) => new Ki({ texture: Q, coord: A, lod: I });
class Yi extends H {
  constructor({ texture: A, lod: I }) {
    const g = O(A);
    super({
      inTypes: { texture: g, lod: "int" },
      outTypes: { size: ri(g) },
      inputs: { texture: A, lod: I },
      statements: ({ inputs: B, outputs: C }) => [
        `${C.size} = textureSize(${B.texture}, ${B.lod ?? "0"});`
      ]
    });
  }
  dynoOut() {
    return new x(this, "size");
  }
}
class ni extends H {
  constructor({
    texture: A,
    coord: I,
    bias: g
  }) {
    const B = O(A);
    super({
      inTypes: {
        texture: B,
        coord: IG(B),
        bias: "float"
      },
      outTypes: { sample: di(B) },
      inputs: { texture: A, coord: I, bias: g },
      statements: ({ inputs: C, outputs: E }) => [
        `${E.sample} = texture(${C.texture}, ${C.coord}${C.bias ? `, ${C.bias}` : ""});`
      ]
    });
  }
  dynoOut() {
    return new x(this, "sample");
  }
}
class Ki extends H {
  constructor({
    texture: A,
    coord: I,
    lod: g
  }) {
    const B = O(A);
    super({
      inTypes: {
        texture: B,
        coord: ri(B),
        lod: "int"
      },
      outTypes: { texel: di(B) },
      inputs: { texture: A, coord: I, lod: g },
      statements: ({ inputs: C, outputs: E }) => [
        `${E.texel} = texelFetch(${C.texture}, ${C.coord}, ${C.lod ?? "0"});`
      ]
    });
  }
  dynoOut() {
    return new x(this, "texel");
  }
}
function ri(Q) {
  switch (Q) {
    case "sampler2D":
    case "usampler2D":
    case "isampler2D":
    case "samplerCube":
    case "usamplerCube":
    case "isamplerCube":
    case "sampler2DShadow":
    case "samplerCubeShadow":
      return "ivec2";
    case "sampler3D":
    case "usampler3D":
    case "isampler3D":
    case "sampler2DArray":
    case "usampler2DArray":
    case "isampler2DArray":
    case "sampler2DArrayShadow":
      return "ivec3";
    default:
      throw new Error(`Invalid texture type: ${Q}`);
  }
}
function IG(Q) {
  switch (Q) {
    case "sampler2D":
    case "usampler2D":
    case "isampler2D":
      return "vec2";
    case "sampler3D":
    case "usampler3D":
    case "isampler3D":
    case "samplerCube":
    case "usamplerCube":
    case "isamplerCube":
    case "sampler2DArray":
    case "usampler2DArray":
    case "isampler2DArray":
    case "sampler2DShadow":
      return "vec3";
    case "samplerCubeShadow":
    case "sampler2DArrayShadow":
      return "vec4";
    default:
      throw new Error(`Invalid texture type: ${Q}`);
  }
}
function di(Q) {
  switch (Q) {
    case "sampler2D":
    case "sampler2DArray":
    case "sampler3D":
    case "samplerCube":
    case "sampler2DShadow":
      return "vec4";
    case "usampler2D":
    case "usampler2DArray":
    case "usampler3D":
    case "usamplerCube":
      return "uvec4";
    case "isampler2D":
    case "isampler2DArray":
    case "isampler3D":
    case "isamplerCube":
      return "ivec4";
    case "samplerCubeShadow":
    case "sampler2DArrayShadow":
      return "float";
    default:
      throw new Error(`Invalid texture type: ${Q}`);
  }
}
const gG = (Q) => new qi({ degrees: Q }), QG = (Q) => new li({ radians: Q }), kQ = (Q) => new xi({ radians: Q }), BG = (Q) => new pi({ radians: Q }), CG = (Q) => new fi({ radians: Q }), EG = (Q) => new ui({ sin: Q }), DG = (Q) => new Pi({ cos: Q }), iG = (Q) => new bi({ tan: Q }), oG = (Q, A) => new Ti({ y: Q, x: A }), wG = (Q) => new mi({ x: Q }), sG = (Q) => new Oi({ x: Q }), aG = (Q) => new Zi({ x: Q }), GG = (Q) => new vi({ x: Q }), hG = (Q) => new Xi({ x: Q }), yG = (Q) => new Vi({ x: Q });
class qi extends e {
  constructor({ degrees: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "radians" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.radians} = radians(${I.a});`
    ];
  }
}
class li extends e {
  constructor({ radians: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "degrees" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.degrees} = degrees(${I.a});`
    ];
  }
}
class xi extends e {
  constructor({ radians: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "sin" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.sin} = sin(${I.a});`
    ];
  }
}
class pi extends e {
  constructor({ radians: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "cos" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.cos} = cos(${I.a});`
    ];
  }
}
class fi extends e {
  constructor({ radians: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "tan" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.tan} = tan(${I.a});`
    ];
  }
}
class ui extends e {
  constructor({ sin: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "asin" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.asin} = asin(${I.a});`
    ];
  }
}
class Pi extends e {
  constructor({ cos: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "acos" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.acos} = acos(${I.a});`
    ];
  }
}
class bi extends e {
  constructor({ tan: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "atan" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.atan} = atan(${I.a});`
    ];
  }
}
class Ti extends Z {
  constructor({ y: A, x: I }) {
    super({
      a: A,
      b: I,
      outTypeFunc: (g, B) => g,
      outKey: "atan2"
    }), this.statements = ({ inputs: g, outputs: B }) => [
      `${B.atan2} = atan2(${g.a}, ${g.b});`
    ];
  }
}
class mi extends e {
  constructor({ x: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "sinh" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.sinh} = sinh(${I.a});`
    ];
  }
}
class Oi extends e {
  constructor({ x: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "cosh" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.cosh} = cosh(${I.a});`
    ];
  }
}
class Zi extends e {
  constructor({ x: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "tanh" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.tanh} = tanh(${I.a});`
    ];
  }
}
class vi extends e {
  constructor({ x: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "asinh" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.asinh} = asinh(${I.a});`
    ];
  }
}
class Xi extends e {
  constructor({ x: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "acosh" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.acosh} = acosh(${I.a});`
    ];
  }
}
class Vi extends e {
  constructor({ x: A }) {
    super({ a: A, outTypeFunc: (I) => I, outKey: "atanh" }), this.statements = ({ inputs: I, outputs: g }) => [
      `${g.atanh} = atanh(${I.a});`
    ];
  }
}
const qy = /* @__PURE__ */ Object.freeze(/* @__PURE__ */ Object.defineProperty({
  __proto__: null,
  Abs: FE,
  Acos: Pi,
  Acosh: Xi,
  Add: GE,
  All: gD,
  And: ZE,
  Any: ID,
  Asin: ui,
  Asinh: vi,
  Atan: bi,
  Atan2: Ti,
  Atanh: Vi,
  BVec2: tD,
  BVec3: SD,
  BVec4: kD,
  BinaryOp: Z,
  Bool: aD,
  Ceil: ME,
  Clamp: fE,
  Combine: Ci,
  CombineCovSplat: WB,
  CombineGsplat: bB,
  CompMult: $D,
  CompXor: CD,
  Compilation: UB,
  Cos: pi,
  Cosh: Oi,
  CovSplat: hA,
  Cross: vD,
  DebugColorHue: Ji,
  Degrees: li,
  Determinant: gi,
  Distance: OD,
  Div: tE,
  Dot: ZD,
  Dyno: H,
  DynoBlock: QI,
  DynoBool: wg,
  DynoBvec2: DC,
  DynoBvec3: sC,
  DynoBvec4: hC,
  DynoConst: MB,
  DynoFloat: qI,
  DynoInt: jA,
  DynoIsampler2D: HC,
  DynoIsampler2DArray: nC,
  DynoIsampler3D: dC,
  DynoIsamplerCube: xC,
  DynoIvec2: oC,
  DynoIvec3: GC,
  DynoIvec4: tC,
  DynoLiteral: dI,
  DynoMat2: SC,
  DynoMat2x2: kC,
  DynoMat2x3: RC,
  DynoMat2x4: cC,
  DynoMat3: xQ,
  DynoMat3x2: FC,
  DynoMat3x3: NC,
  DynoMat3x4: JC,
  DynoMat4: MC,
  DynoMat4x2: UC,
  DynoMat4x3: eC,
  DynoMat4x4: LC,
  DynoOutput: x,
  DynoProgram: mg,
  DynoProgramTemplate: Ag,
  DynoRemapIndex: Gi,
  DynoSampler2D: YC,
  DynoSampler2DArray: KC,
  DynoSampler2DArrayShadow: uC,
  DynoSampler2DShadow: fC,
  DynoSampler3D: qC,
  DynoSamplerCube: pC,
  DynoSamplerCubeShadow: PC,
  DynoUint: EC,
  DynoUniform: Y,
  DynoUsampler2D: bg,
  DynoUsampler2DArray: dA,
  DynoUsampler3D: rC,
  DynoUsamplerCube: lC,
  DynoUvec2: iC,
  DynoUvec3: aC,
  DynoUvec4: yC,
  DynoValue: wI,
  DynoVec2: wC,
  DynoVec3: GI,
  DynoVec4: uI,
  Equal: $E,
  Exp: YE,
  Exp2: nE,
  ExtendVec: WD,
  FaceForward: jD,
  Float: yD,
  FloatBitsToInt: KD,
  FloatBitsToUint: rD,
  Floor: JE,
  Fract: LE,
  GreaterThan: zE,
  GreaterThanEqual: _E,
  Gsplat: f,
  GsplatNormal: mB,
  GsplatToCovSplat: uB,
  GsplatXAxis: OB,
  GsplatYAxis: ZB,
  GsplatZAxis: vB,
  Hash: hi,
  Hash2: yi,
  Hash3: ti,
  Hash4: Si,
  HashFloat: ki,
  HashVec2: Ri,
  HashVec3: ci,
  HashVec4: Fi,
  IMod: SE,
  IVec2: RD,
  IVec3: cD,
  IVec4: FD,
  Int: GD,
  IntBitsToFloat: dD,
  Inverse: Qi,
  InverseSqrt: lE,
  IsInf: mE,
  IsNan: TE,
  Length: mD,
  LessThan: WE,
  LessThanEqual: jE,
  Log: KE,
  Log2: rE,
  Mat2: HD,
  Mat3: YD,
  Mat4: nD,
  Max: pE,
  Min: xE,
  Mix: uE,
  Mod: kE,
  Modf: RE,
  Mul: yE,
  Neg: cE,
  Normalize: XD,
  NormalizedDepth: Ni,
  Not: VE,
  NotEqual: AD,
  NumCovSplats: pB,
  NumExtSplats: lB,
  NumPackedSplats: KB,
  Or: vE,
  Outer: Ai,
  OutputCovSplat: QC,
  OutputExtCovSplat: CC,
  OutputExtendedSplat: BC,
  OutputPackedSplat: gC,
  OutputRgba8: lQ,
  PackHalf2x16: uD,
  PackSnorm2x16: lD,
  PackUnorm2x16: pD,
  PagedSplatTexCoord: zB,
  PcgHash: bA,
  PcgMix: PI,
  PcgNext: PA,
  Pow: HE,
  ProjectH: VD,
  Radians: qi,
  ReadCovSplat: fB,
  ReadExtSplat: xB,
  ReadPackedSplat: dB,
  ReadPackedSplatRange: qB,
  ReflectVec: zD,
  RefractVec: _D,
  Round: eE,
  Select: QD,
  Shl: DD,
  Shr: ED,
  Sign: NE,
  SimpleCast: EA,
  Sin: xi,
  Sinh: mi,
  Smoothstep: bE,
  SplatTexCoord: jB,
  Split: Bi,
  SplitCovSplat: VB,
  SplitGsplat: PB,
  Sqr: dE,
  Sqrt: qE,
  Step: PE,
  Sub: hE,
  Swizzle: Ei,
  TCovSplats: eB,
  TExtSplats: nQ,
  TPackedSplats: ug,
  Tan: fi,
  Tanh: Zi,
  TexelFetch: Ki,
  Texture: ni,
  TextureSize: Yi,
  TransformDir: Li,
  TransformGsplat: XB,
  TransformPosition: ei,
  TransformQuaternion: Hi,
  Transpose: Ii,
  TrinaryOp: YI,
  Trunc: UE,
  UVec2: ND,
  UVec3: JD,
  UVec4: MD,
  Uint: hD,
  UintBitsToFloat: qD,
  UintToRgba8: bD,
  UnaryOp: e,
  UnpackHalf2x16: PD,
  UnpackSnorm2x16: xD,
  UnpackUnorm2x16: fD,
  Vec2: UD,
  Vec3: eD,
  Vec4: LD,
  Xor: XE,
  abs: s0,
  acos: DG,
  acosh: hG,
  add: NA,
  all: m0,
  and: K0,
  any: T0,
  arrayIndex: ja,
  arrayLength: za,
  asin: EG,
  asinh: GG,
  atan: iG,
  atan2: oG,
  atanh: yG,
  bool: X0,
  bvec2: j0,
  bvec3: z0,
  bvec4: _0,
  ceil: h0,
  clamp: e0,
  combine: BI,
  combineCovSplat: dQ,
  combineGsplat: WA,
  comment: Wa,
  compMult: La,
  compXor: O0,
  cos: BG,
  cosh: sG,
  cross: ca,
  debugColorHue: Oa,
  defineCovSplat: hI,
  defineExtSplats: rQ,
  defineGsplat: gA,
  defineGsplatNormal: TB,
  definePackedSplats: Pg,
  degrees: QG,
  determinant: na,
  distance: Ra,
  div: Fg,
  dot: TD,
  dyno: HQ,
  dynoBlock: aA,
  dynoBool: uo,
  dynoBvec2: To,
  dynoBvec3: vo,
  dynoBvec4: Wo,
  dynoConst: b,
  dynoDeclare: YQ,
  dynoFloat: _A,
  dynoFor: Va,
  dynoIf: va,
  dynoInt: bo,
  dynoIsampler2D: aw,
  dynoIsampler2DArray: yw,
  dynoIsampler3D: kw,
  dynoIsamplerCube: Fw,
  dynoIvec2: Oo,
  dynoIvec3: Vo,
  dynoIvec4: zo,
  dynoLiteral: Mg,
  dynoMat2: $o,
  dynoMat2x2: Aw,
  dynoMat2x3: Iw,
  dynoMat2x4: gw,
  dynoMat3: Qw,
  dynoMat3x2: Bw,
  dynoMat3x3: Cw,
  dynoMat3x4: Ew,
  dynoMat4: Dw,
  dynoMat4x2: iw,
  dynoMat4x3: ow,
  dynoMat4x4: ww,
  dynoSampler2D: Gw,
  dynoSampler2DArray: tw,
  dynoSampler2DArrayShadow: Mw,
  dynoSampler2DShadow: Jw,
  dynoSampler3D: Rw,
  dynoSamplerCube: Nw,
  dynoSamplerCubeShadow: Uw,
  dynoSwitch: Xa,
  dynoUint: Po,
  dynoUsampler2D: sw,
  dynoUsampler2DArray: hw,
  dynoUsampler3D: Sw,
  dynoUsamplerCube: cw,
  dynoUvec2: mo,
  dynoUvec3: Xo,
  dynoUvec4: jo,
  dynoVec2: Zo,
  dynoVec3: oI,
  dynoVec4: _o,
  equal: P0,
  exp: k0,
  exp2: R0,
  extendVec: Ua,
  faceforward: Fa,
  float: iD,
  floatBitsToInt: sD,
  floatBitsToUint: ia,
  floor: G0,
  fract: Ng,
  greaterThan: u0,
  greaterThanEqual: OE,
  gsplatNormal: DQ,
  gsplatToCovSplat: Ug,
  gsplatXAxis: Yo,
  gsplatYAxis: no,
  gsplatZAxis: Ko,
  hash: Di,
  hash2: ii,
  hash3: oi,
  hash4: wi,
  hashFloat: Ta,
  hashVec2: ma,
  hashVec3: si,
  hashVec4: SQ,
  imod: tQ,
  int: V0,
  intBitsToFloat: oa,
  inverse: Ka,
  inversesqrt: M0,
  isAllFloatType: aI,
  isBoolType: LI,
  isFloatType: ig,
  isInf: n0,
  isIntType: RA,
  isMat2: tI,
  isMat3: SI,
  isMat4: kI,
  isMatFloatType: RB,
  isNan: Y0,
  isScalarType: HI,
  isUintType: cA,
  isVector2Type: pI,
  isVector3Type: fI,
  isVector4Type: og,
  isVectorType: co,
  ivec2: $0,
  ivec3: Aa,
  ivec4: Ia,
  length: ka,
  lessThan: p0,
  lessThanEqual: f0,
  literalNegOne: Mo,
  literalOne: Jo,
  literalZero: mI,
  log: c0,
  log2: F0,
  mat2: Ca,
  mat3: Ea,
  mat4: Da,
  max: sE,
  min: U0,
  mix: aE,
  mod: wE,
  modf: w0,
  mul: IA,
  neg: mQ,
  normalize: Ig,
  normalizedDepth: ai,
  not: q0,
  notEqual: b0,
  numCovSplats: Lo,
  numExtSplats: eo,
  numPackedSplats: Uo,
  numberAsFloat: P,
  numberAsInt: BA,
  numberAsUint: CA,
  or: r0,
  outer: Ha,
  outputCovSplat: _B,
  outputCovSplatDepth: IC,
  outputExtCovSplat: oQ,
  outputExtendedSplat: $B,
  outputPackedSplat: qQ,
  outputRgba8: lo,
  outputSplatDepth: AC,
  packHalf2x16: ya,
  packSnorm2x16: sa,
  packUnorm2x16: Ga,
  pagedSplatTexCoord: iQ,
  pcgHash: ba,
  pcgMix: ua,
  pcgNext: Pa,
  pow: S0,
  projectH: Ma,
  radians: gG,
  readCovSplat: Ho,
  readExtSplat: YB,
  readPackedSplat: LB,
  readPackedSplatRange: HB,
  reflectVec: Na,
  refractVec: Ja,
  remapIndex: fa,
  round: t0,
  sameSizeIvec: No,
  sameSizeUvec: NB,
  sameSizeVec: Fo,
  select: OQ,
  shl: x0,
  shr: l0,
  sign: a0,
  sin: kQ,
  sinh: wG,
  smoothstep: H0,
  splatTexCoord: KQ,
  split: xI,
  splitCovSplat: eg,
  splitGsplat: eA,
  sqr: N0,
  sqrt: J0,
  step: L0,
  sub: zA,
  swizzle: ea,
  tan: CG,
  tanh: aG,
  texelFetch: AG,
  texture: $a,
  textureSize: _a,
  transformDir: Ui,
  transformGsplat: nB,
  transformPos: Mi,
  transformQuat: Za,
  transpose: Ya,
  trunc: y0,
  typeLiteral: JB,
  uint: W0,
  uintBitsToFloat: wa,
  uintToRgba8: Sa,
  uniform: fo,
  unindent: _,
  unindentLines: u,
  unpackHalf2x16: ta,
  unpackSnorm2x16: aa,
  unpackUnorm2x16: ha,
  uvec2: ga,
  uvec3: Qa,
  uvec4: Ba,
  valType: O,
  vec2: oD,
  vec3: MI,
  vec4: wD,
  vectorDim: FB,
  vectorElementType: cB,
  xor: d0
}, Symbol.toStringTag, { value: "Module" }));
var tG = `precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp usampler2DArray;
precision highp isampler2DArray;
precision highp sampler3D;
precision highp usampler3D;
precision highp isampler3D;

#include <splatDefines>

uniform uint targetLayer;
uniform int targetBase;
uniform int targetCount;

out uvec4 target;

{{ GLOBALS }}

void produceSplat(int _index) {
    {{ STATEMENTS }}
}

void main() {
    int targetIndex = int(targetLayer << SPLAT_TEX_LAYER_BITS) + int(uint(gl_FragCoord.y) << SPLAT_TEX_WIDTH_BITS) + int(gl_FragCoord.x);
    int index = targetIndex - targetBase;

    target = uvec4(0u, 0u, 0u, 0u);
    if ((index >= 0) && (index < targetCount)) {
        produceSplat(index);
    }
}`, SG = `precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp usampler2DArray;
precision highp isampler2DArray;
precision highp sampler3D;
precision highp usampler3D;
precision highp isampler3D;

#include <splatDefines>

uniform uint targetLayer;
uniform int targetBase;
uniform int targetCount;

layout(location = 0) out uvec4 target;
layout(location = 1) out vec4 target3;

{{ GLOBALS }}

void produceSplat(int _index) {
    {{ STATEMENTS }}
}

void main() {
    int targetIndex = int(targetLayer << SPLAT_TEX_LAYER_BITS) + int(uint(gl_FragCoord.y) << SPLAT_TEX_WIDTH_BITS) + int(gl_FragCoord.x);
    int index = targetIndex - targetBase;

    
    target = uvec4(0u, 0u, 0u, 0u);

    
    target3 = floatToVec4(1.0 / 0.0);

    if ((index >= 0) && (index < targetCount)) {
        produceSplat(index);
    }
}`, kG = `precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp usampler2DArray;
precision highp isampler2DArray;
precision highp sampler3D;
precision highp usampler3D;
precision highp isampler3D;

#include <splatDefines>

uniform uint targetLayer;
uniform int targetBase;
uniform int targetCount;

layout(location = 0) out uvec4 target;
layout(location = 1) out uvec4 target2;
layout(location = 2) out vec4 target3;

{{ GLOBALS }}

void produceSplat(int _index) {
    {{ STATEMENTS }}
}

void main() {
    int targetIndex = int(targetLayer << SPLAT_TEX_LAYER_BITS) + int(uint(gl_FragCoord.y) << SPLAT_TEX_WIDTH_BITS) + int(gl_FragCoord.x);
    int index = targetIndex - targetBase;

    
    target = uvec4(0u, 0u, 0u, 0u);
    target2 = uvec4(0u, 0u, 0u, 0u);

    
    target3 = floatToVec4(1.0 / 0.0);

    if ((index >= 0) && (index < targetCount)) {
        produceSplat(index);
    }
}`, RG = `precision highp float;
precision highp int;
precision highp sampler2D;
precision highp usampler2D;
precision highp isampler2D;
precision highp sampler2DArray;
precision highp usampler2DArray;
precision highp isampler2DArray;
precision highp sampler3D;
precision highp usampler3D;
precision highp isampler3D;

#include <splatDefines>

uniform uint targetLayer;
uniform int targetBase;
uniform int targetCount;

out vec4 target;

{{ GLOBALS }}

void computeReadback(int _index) {
    {{ STATEMENTS }}
}

void main() {
    int targetIndex = int(targetLayer << SPLAT_TEX_LAYER_BITS) + int(uint(gl_FragCoord.y) << SPLAT_TEX_WIDTH_BITS) + int(gl_FragCoord.x);
    int index = targetIndex - targetBase;

    if ((index >= 0) && (index < targetCount)) {
        computeReadback(index);
    } else {
        target = vec4(0.0, 0.0, 0.0, 0.0);
    }
}`, cG = `const float LN_SCALE_MIN = -12.0;
const float LN_SCALE_MAX = 9.0;

const uint SPLAT_TEX_WIDTH_BITS = 11u;
const uint SPLAT_TEX_HEIGHT_BITS = 11u;
const uint SPLAT_TEX_DEPTH_BITS = 11u;
const uint SPLAT_TEX_LAYER_BITS = SPLAT_TEX_WIDTH_BITS + SPLAT_TEX_HEIGHT_BITS;

const uint SPLAT_TEX_WIDTH = 1u << SPLAT_TEX_WIDTH_BITS;
const uint SPLAT_TEX_HEIGHT = 1u << SPLAT_TEX_HEIGHT_BITS;
const uint SPLAT_TEX_DEPTH = 1u << SPLAT_TEX_DEPTH_BITS;

const uint SPLAT_TEX_WIDTH_MASK = SPLAT_TEX_WIDTH - 1u;
const uint SPLAT_TEX_HEIGHT_MASK = SPLAT_TEX_HEIGHT - 1u;
const uint SPLAT_TEX_DEPTH_MASK = SPLAT_TEX_DEPTH - 1u;

const uint F16_INF = 0x7c00u;
const float PI = 3.1415926535897932384626433832795;

const float INFINITY = 1.0 / 0.0;
const float NEG_INFINITY = -INFINITY;

float sqr(float x) {
    return x * x;
}

float pow4(float x) {
    float x2 = x * x;
    return x2 * x2;
}

float pow8(float x) {
    float x4 = pow4(x);
    return x4 * x4;
}

vec3 srgbToLinear(vec3 rgb) {
    return pow(rgb, vec3(2.2));
}

vec3 linearToSrgb(vec3 rgb) {
    return pow(rgb, vec3(1.0 / 2.2));
}

uint encodeQuatOctXy88R8(vec4 q) {
    
    if (q.w < 0.0) {
        q = -q;
    }
    
    float theta = 2.0 * acos(q.w);
    float halfTheta = theta * 0.5;
    float s = sin(halfTheta);
    
    vec3 axis = (abs(s) < 1e-6) ? vec3(1.0, 0.0, 0.0) : q.xyz / s;
    
    
    
    float sum = abs(axis.x) + abs(axis.y) + abs(axis.z);
    vec2 p = vec2(axis.x, axis.y) / sum;
    
    if (axis.z < 0.0) {
        float oldPx = p.x;
        p.x = (1.0 - abs(p.y)) * (p.x >= 0.0 ? 1.0 : -1.0);
        p.y = (1.0 - abs(oldPx)) * (p.y >= 0.0 ? 1.0 : -1.0);
    }
    
    float u_f = p.x * 0.5 + 0.5;
    float v_f = p.y * 0.5 + 0.5;
    
    uint quantU = uint(clamp(round(u_f * 255.0), 0.0, 255.0));
    uint quantV = uint(clamp(round(v_f * 255.0), 0.0, 255.0));
    
    
    
    uint angleInt = uint(clamp(round((theta / 3.14159265359) * 255.0), 0.0, 255.0));
    
    
    return (angleInt << 16u) | (quantV << 8u) | quantU;
}

vec4 decodeQuatOctXy88R8(uint encoded) {
    
    uint quantU = encoded & uint(0xFFu);               
    uint quantV = (encoded >> 8u) & uint(0xFFu);         
    uint angleInt = encoded >> 16u;                      

    
    float u_f = float(quantU) / 255.0;
    float v_f = float(quantV) / 255.0;
    vec2 f = vec2(u_f * 2.0 - 1.0, v_f * 2.0 - 1.0);

    vec3 axis = vec3(f.xy, 1.0 - abs(f.x) - abs(f.y));
    float t = max(-axis.z, 0.0);
    axis.x += (axis.x >= 0.0) ? -t : t;
    axis.y += (axis.y >= 0.0) ? -t : t;
    axis = normalize(axis);
    
    
    float theta = (float(angleInt) / 255.0) * 3.14159265359;
    float halfTheta = theta * 0.5;
    float s = sin(halfTheta);
    float w = cos(halfTheta);
    
    return vec4(axis * s, w);
}

uint encodeQuatOctXy1010R12(vec4 q) {
    
    if (q.w < 0.0) {
        q = -q;
    }
    
    float halfTheta = acos(q.w);
    float theta = 2.0 * halfTheta;
    float s = sin(halfTheta);
    
    vec3 axis = (abs(s) < 1e-6) ? vec3(1.0, 0.0, 0.0) : q.xyz / s;
    
    
    
    float sum = abs(axis.x) + abs(axis.y) + abs(axis.z);
    vec2 p = vec2(axis.x, axis.y) / sum;
    
    if (axis.z < 0.0) {
        float oldPx = p.x;
        p.x = (1.0 - abs(p.y)) * (p.x >= 0.0 ? 1.0 : -1.0);
        p.y = (1.0 - abs(oldPx)) * (p.y >= 0.0 ? 1.0 : -1.0);
    }
    
    float u_f = p.x * 0.5 + 0.5;
    float v_f = p.y * 0.5 + 0.5;
    
    uint quantU = uint(clamp(round(u_f * 1023.0), 0.0, 1023.0));
    uint quantV = uint(clamp(round(v_f * 1023.0), 0.0, 1023.0));
    
    
    
    uint angleInt = uint(clamp(round((theta / PI) * 4095.0), 0.0, 4095.0));
    
    
    return (angleInt << 20u) | (quantV << 10u) | quantU;
}

vec4 decodeQuatOctXy1010R12(uint encoded) {
    
    uint quantU = encoded & uint(0x3FFu);               
    uint quantV = (encoded >> 10u) & uint(0x3FFu);         
    uint angleInt = encoded >> 20u;                      

    
    float u_f = float(quantU) / 1023.0;
    float v_f = float(quantV) / 1023.0;
    vec2 f = vec2(u_f * 2.0 - 1.0, v_f * 2.0 - 1.0);

    vec3 axis = vec3(f.xy, 1.0 - abs(f.x) - abs(f.y));
    float t = max(-axis.z, 0.0);
    axis.x += (axis.x >= 0.0) ? -t : t;
    axis.y += (axis.y >= 0.0) ? -t : t;
    axis = normalize(axis);
    
    
    float theta = (float(angleInt) / 4095.0) * PI;
    float halfTheta = theta * 0.5;
    float s = sin(halfTheta);
    float w = cos(halfTheta);
    
    return vec4(axis * s, w);
}

uvec4 packSplatEncoding(
    vec3 center, vec3 scales, vec4 quaternion, vec4 rgba, vec4 rgbMinMaxLnScaleMinMax
) {
    float rgbMin = rgbMinMaxLnScaleMinMax.x;
    float rgbMax = rgbMinMaxLnScaleMinMax.y;
    vec3 encRgb = (rgba.rgb - vec3(rgbMin)) / (rgbMax - rgbMin);
    uvec4 uRgba = uvec4(round(clamp(vec4(encRgb, rgba.a) * 255.0, 0.0, 255.0)));

    uint uQuat = encodeQuatOctXy88R8(quaternion);
    
    
    uvec3 uQuat3 = uvec3(uQuat & 0xffu, (uQuat >> 8u) & 0xffu, (uQuat >> 16u) & 0xffu);

    
    float lnScaleMin = rgbMinMaxLnScaleMinMax.z;
    float lnScaleMax = rgbMinMaxLnScaleMinMax.w;
    float lnScaleScale = 254.0 / (lnScaleMax - lnScaleMin);
    uvec3 uScales = uvec3(
        (scales.x == 0.0) ? 0u : uint(round(clamp((log(scales.x) - lnScaleMin) * lnScaleScale, 0.0, 254.0))) + 1u,
        (scales.y == 0.0) ? 0u : uint(round(clamp((log(scales.y) - lnScaleMin) * lnScaleScale, 0.0, 254.0))) + 1u,
        (scales.z == 0.0) ? 0u : uint(round(clamp((log(scales.z) - lnScaleMin) * lnScaleScale, 0.0, 254.0))) + 1u
    );

    
    uint word0 = uRgba.r | (uRgba.g << 8u) | (uRgba.b << 16u) | (uRgba.a << 24u);
    uint word1 = packHalf2x16(center.xy);
    uint word2 = packHalf2x16(vec2(center.z, 0.0)) | (uQuat3.x << 16u) | (uQuat3.y << 24u);
    uint word3 = uScales.x | (uScales.y << 8u) | (uScales.z << 16u) | (uQuat3.z << 24u);
    return uvec4(word0, word1, word2, word3);
}

uvec4 packSplat(vec3 center, vec3 scales, vec4 quaternion, vec4 rgba) {
    return packSplatEncoding(center, scales, quaternion, rgba, vec4(0.0, 1.0, LN_SCALE_MIN, LN_SCALE_MAX));
}

void unpackSplatEncoding(uvec4 packedData, out vec3 center, out vec3 scales, out vec4 quaternion, out vec4 rgba, vec4 rgbMinMaxLnScaleMinMax) {
    uint word0 = packedData.x, word1 = packedData.y, word2 = packedData.z, word3 = packedData.w;

    uvec4 uRgba = uvec4(word0 & 0xffu, (word0 >> 8u) & 0xffu, (word0 >> 16u) & 0xffu, (word0 >> 24u) & 0xffu);
    float rgbMin = rgbMinMaxLnScaleMinMax.x;
    float rgbMax = rgbMinMaxLnScaleMinMax.y;
    rgba = (vec4(uRgba) / 255.0);
    rgba.rgb = rgba.rgb * (rgbMax - rgbMin) + rgbMin;

    center = vec4(
        unpackHalf2x16(word1),
        unpackHalf2x16(word2 & 0xffffu)
    ).xyz;

    uvec3 uScales = uvec3(word3 & 0xffu, (word3 >> 8u) & 0xffu, (word3 >> 16u) & 0xffu);
    float lnScaleMin = rgbMinMaxLnScaleMinMax.z;
    float lnScaleMax = rgbMinMaxLnScaleMinMax.w;
    float lnScaleScale = (lnScaleMax - lnScaleMin) / 254.0;
    scales = vec3(
        (uScales.x == 0u) ? 0.0 : exp(lnScaleMin + float(uScales.x - 1u) * lnScaleScale),
        (uScales.y == 0u) ? 0.0 : exp(lnScaleMin + float(uScales.y - 1u) * lnScaleScale),
        (uScales.z == 0u) ? 0.0 : exp(lnScaleMin + float(uScales.z - 1u) * lnScaleScale)
    );

    uint uQuat = ((word2 >> 16u) & 0xFFFFu) | ((word3 >> 8u) & 0xFF0000u);
    quaternion = decodeQuatOctXy88R8(uQuat);
    
    
}

void unpackSplat(uvec4 packedData, out vec3 center, out vec3 scales, out vec4 quaternion, out vec4 rgba) {
    unpackSplatEncoding(packedData, center, scales, quaternion, rgba, vec4(0.0, 1.0, LN_SCALE_MIN, LN_SCALE_MAX));
}

uvec4 packSplatCovEncoding(
    vec3 center, vec4 rgba, vec3 xxyyzz, vec3 xyxzyz, vec4 rgbMinMaxLnScaleMinMax
) {
    float rgbMin = rgbMinMaxLnScaleMinMax.x;
    float rgbMax = rgbMinMaxLnScaleMinMax.y;
    vec3 encRgb = (rgba.rgb - vec3(rgbMin)) / (rgbMax - rgbMin);
    uvec4 uRgba = uvec4(round(clamp(vec4(encRgb, rgba.a) * 255.0, 0.0, 255.0)));

    float lnScaleMin = rgbMinMaxLnScaleMinMax.z;
    float lnScaleMax = rgbMinMaxLnScaleMinMax.w;
    float diagScale = 255.0 / (2.0 * (lnScaleMax - lnScaleMin));
    uvec3 uXxyyzz = uvec3(round(clamp((log(xxyyzz) - 2.0 * lnScaleMin) * diagScale, 0.0, 255.0)));

    vec3 xyxzyzCor = vec3(
        clamp(xyxzyz.x / sqrt(xxyyzz.x * xxyyzz.y), -1.0, 1.0),
        clamp(xyxzyz.y / sqrt(xxyyzz.x * xxyyzz.z), -1.0, 1.0),
        clamp(xyxzyz.z / sqrt(xxyyzz.y * xxyyzz.z), -1.0, 1.0)
    );
    ivec3 iXyxzyzCor = ivec3(round(xyxzyzCor * 127.0));

    
    uint word0 = uRgba.r | (uRgba.g << 8u) | (uRgba.b << 16u) | (uRgba.a << 24u);
    uint word1 = packHalf2x16(center.xy);
    uint word2 = packHalf2x16(vec2(center.z, 0.0)) |
        ((uint(iXyxzyzCor.y) & 0xffu) << 16u) |
        ((uint(iXyxzyzCor.z) & 0xffu) << 24u);
    uint word3 =
        uXxyyzz.x | (uXxyyzz.y << 8u) | (uXxyyzz.z << 16u) |
        ((uint(iXyxzyzCor.x) & 0xffu) << 24u);
    return uvec4(word0, word1, word2, word3);
}

void unpackSplatCovEncoding(uvec4 packedData, out vec3 center, out vec4 rgba, out vec3 xxyyzz, out vec3 xyxzyz, vec4 rgbMinMaxLnScaleMinMax) {
    uint word0 = packedData.x, word1 = packedData.y, word2 = packedData.z, word3 = packedData.w;

    uvec4 uRgba = uvec4(word0 & 0xffu, (word0 >> 8u) & 0xffu, (word0 >> 16u) & 0xffu, (word0 >> 24u) & 0xffu);
    float rgbMin = rgbMinMaxLnScaleMinMax.x;
    float rgbMax = rgbMinMaxLnScaleMinMax.y;
    rgba = (vec4(uRgba) / 255.0);
    rgba.rgb = rgba.rgb * (rgbMax - rgbMin) + rgbMin;

    center = vec3(
        unpackHalf2x16(word1),
        unpackHalf2x16(word2 & 0xffffu).x
    );

    uvec3 uXxyyzz = uvec3(word3 & 0xffu, (word3 >> 8u) & 0xffu, (word3 >> 16u) & 0xffu);
    ivec3 iXyxzyzCor = ivec3(int(word3) >> 24, int(word2 << 8u) >> 24, int(word2) >> 24);

    float lnScaleMin = rgbMinMaxLnScaleMinMax.z;
    float lnScaleMax = rgbMinMaxLnScaleMinMax.w;
    float diagScale = 2.0 * (lnScaleMax - lnScaleMin) / 255.0;
    xxyyzz = exp(2.0 * lnScaleMin + vec3(uXxyyzz) * diagScale);

    vec3 xyxzyzCor = vec3(iXyxzyzCor) / 127.0;
    xyxzyz = xyxzyzCor * vec3(
        sqrt(xxyyzz.x * xxyyzz.y),
        sqrt(xxyyzz.x * xxyyzz.z),
        sqrt(xxyyzz.y * xxyyzz.z)
    );
}

void packSplatExtCov(
    out uvec4 packedData, out uvec4 packedData2,
    vec3 center, vec4 rgba, vec3 xxyyzz, vec3 xyxzyz
) {
    packedData.x = floatBitsToUint(center.x);
    packedData.y = floatBitsToUint(center.y);
    packedData.z = floatBitsToUint(center.z);
    packedData.w = packHalf2x16(vec2(rgba.a, rgba.b));
    packedData2.x = packHalf2x16(rgba.rg);

    vec3 xyxzyzCor = vec3(
        clamp(xyxzyz.x / sqrt(xxyyzz.x * xxyyzz.y), -1.0, 1.0),
        clamp(xyxzyz.y / sqrt(xxyyzz.x * xxyyzz.z), -1.0, 1.0),
        clamp(xyxzyz.z / sqrt(xxyyzz.y * xxyyzz.z), -1.0, 1.0)
    );
    xyxzyzCor = sign(xyxzyzCor) * clamp(log(abs(xyxzyzCor)), -100.0, -0.0000001);
    xxyyzz = log(xxyyzz);

    packedData2.y = packHalf2x16(vec2(xxyyzz.x, xxyyzz.y));
    packedData2.z = packHalf2x16(vec2(xxyyzz.z, xyxzyzCor.x));
    packedData2.w = packHalf2x16(vec2(xyxzyzCor.y, xyxzyzCor.z));
}

void unpackSplatExtCov(
    uvec4 packedData, uvec4 packedData2,
    out vec3 center, out vec4 rgba, out vec3 xxyyzz, out vec3 xyxzyz
) {
    center.x = uintBitsToFloat(packedData.x);
    center.y = uintBitsToFloat(packedData.y);
    center.z = uintBitsToFloat(packedData.z);

    vec2 ab = unpackHalf2x16(packedData.w);
    vec2 rg = unpackHalf2x16(packedData2.x);
    rgba = vec4(rg, ab.y, ab.x);

    vec2 xxyy = unpackHalf2x16(packedData2.y);
    vec2 zzxy = unpackHalf2x16(packedData2.z);
    vec2 xzyz = unpackHalf2x16(packedData2.w);
    xxyyzz = exp(vec3(xxyy.x, xxyy.y, zzxy.x));
    xyxzyz = vec3(zzxy.y, xzyz.x, xzyz.y);
    xyxzyz = -sign(xyxzyz) * exp(-abs(xyxzyz));
    xyxzyz *= vec3(
        sqrt(xxyyzz.x * xxyyzz.y),
        sqrt(xxyyzz.x * xxyyzz.z),
        sqrt(xxyyzz.y * xxyyzz.z)
    );
}

void packSplatExt(
    out uvec4 packedData, out uvec4 packedData2,
    vec3 center, vec3 scales, vec4 quaternion, vec4 rgba
) {
    packedData.x = floatBitsToUint(center.x);
    packedData.y = floatBitsToUint(center.y);
    packedData.z = floatBitsToUint(center.z);
    packedData.w = packHalf2x16(vec2(rgba.a, 0.0));

    packedData2.x = packHalf2x16(rgba.rg);
    packedData2.y = packHalf2x16(vec2(rgba.b, log(scales.x)));
    packedData2.z = packHalf2x16(log(scales.yz));
    packedData2.w = encodeQuatOctXy1010R12(quaternion);
}

vec4 unpackSplatExtCenterAlpha(uvec4 packedData) {
    return vec4(
        uintBitsToFloat(packedData.x),
        uintBitsToFloat(packedData.y),
        uintBitsToFloat(packedData.z),
        unpackHalf2x16(packedData.w).x
    );
}

float unpackSplatExtAlpha(uvec4 packedData) {
    return unpackHalf2x16(packedData.w).x;
}

void unpackSplatExt(
    uvec4 packedData, uvec4 packedData2,
    out vec3 center, out vec3 scales, out vec4 quaternion, out vec4 rgba
) {
    center.x = uintBitsToFloat(packedData.x);
    center.y = uintBitsToFloat(packedData.y);
    center.z = uintBitsToFloat(packedData.z);
    rgba.a = unpackHalf2x16(packedData.w).x;

    rgba.rg = unpackHalf2x16(packedData2.x);
    vec2 split = unpackHalf2x16(packedData2.y);
    rgba.b = split.x;
    scales.x = exp(split.y);
    scales.yz = exp(unpackHalf2x16(packedData2.z));
    quaternion = decodeQuatOctXy1010R12(packedData2.w);
}

uint encodeExtRgb(vec3 rgb) {
    vec3 absRgb = abs(rgb);
    float maxAbs = max(absRgb.r, max(absRgb.g, absRgb.b));

    int base = clamp(int(floor(log2(maxAbs))) + 15, 0, 31);
    float divisor = exp2(float(base - 15)) / 255.0;

    uvec3 uRgb = uvec3(round(clamp(absRgb / divisor, 0.0, 255.0)));
    uint expSigns = (uint(base) << 3u) | ((rgb.r < 0.0 ? 0x1u : 0u) | (rgb.g < 0.0 ? 0x2u : 0u) | (rgb.b < 0.0 ? 0x4u : 0u));
    return uRgb.r | (uRgb.g << 8u) | (uRgb.b << 16u) | (expSigns << 24u);
}

vec3 decodeExtRgb(uint encoded) {
    uint biasedBase = (encoded >> 27u) & 0x1fu;
    float divisor = exp2(float(int(biasedBase) - 15)) / 255.0;

    vec3 rgb = vec3(uvec3(encoded & 0xffu, (encoded >> 8u) & 0xffu, (encoded >> 16u) & 0xffu));
    rgb *= divisor;

    return vec3(
        ((encoded & 0x1000000u) != 0u) ? -rgb.r : rgb.r,
        ((encoded & 0x2000000u) != 0u) ? -rgb.g : rgb.g,
        ((encoded & 0x4000000u) != 0u) ? -rgb.b : rgb.b
    );
}

vec3 quatVec(vec4 q, vec3 v) {
    
    vec3 t = 2.0 * cross(q.xyz, v);
    return v + q.w * t + cross(q.xyz, t);
}

vec4 quatQuat(vec4 q1, vec4 q2) {
    return vec4(
        q1.w * q2.x + q1.x * q2.w + q1.y * q2.z - q1.z * q2.y,
        q1.w * q2.y - q1.x * q2.z + q1.y * q2.w + q1.z * q2.x,
        q1.w * q2.z + q1.x * q2.y - q1.y * q2.x + q1.z * q2.w,
        q1.w * q2.w - q1.x * q2.x - q1.y * q2.y - q1.z * q2.z
    );
}

mat3 quaternionToMatrix(vec4 q) {
    return mat3(
        (1.0 - 2.0 * (q.y * q.y + q.z * q.z)),
        (2.0 * (q.x * q.y + q.w * q.z)),
        (2.0 * (q.x * q.z - q.w * q.y)),
        (2.0 * (q.x * q.y - q.w * q.z)),
        (1.0 - 2.0 * (q.x * q.x + q.z * q.z)),
        (2.0 * (q.y * q.z + q.w * q.x)),
        (2.0 * (q.x * q.z + q.w * q.y)),
        (2.0 * (q.y * q.z - q.w * q.x)),
        (1.0 - 2.0 * (q.x * q.x + q.y * q.y))
    );
}

mat3 scaleQuaternionToMatrix(vec3 s, vec4 q) {
    
    return mat3(
        s.x * (1.0 - 2.0 * (q.y * q.y + q.z * q.z)),
        s.x * (2.0 * (q.x * q.y + q.w * q.z)),
        s.x * (2.0 * (q.x * q.z - q.w * q.y)),
        s.y * (2.0 * (q.x * q.y - q.w * q.z)),
        s.y * (1.0 - 2.0 * (q.x * q.x + q.z * q.z)),
        s.y * (2.0 * (q.y * q.z + q.w * q.x)),
        s.z * (2.0 * (q.x * q.z + q.w * q.y)),
        s.z * (2.0 * (q.y * q.z - q.w * q.x)),
        s.z * (1.0 - 2.0 * (q.x * q.x + q.y * q.y))
    );
}

vec4 slerp(vec4 q1, vec4 q2, float t) {
    
    float cosHalfTheta = dot(q1, q2);

    
    if (abs(cosHalfTheta) >= 0.999) {
        return q1;
    }
    
    
    
    if (cosHalfTheta < 0.0) {
        q2 = -q2;
        cosHalfTheta = -cosHalfTheta;
    }

    
    float halfTheta = acos(cosHalfTheta);
    float sinHalfTheta = sqrt(1.0 - cosHalfTheta * cosHalfTheta);

    
    float ratioA = sin((1.0 - t) * halfTheta) / sinHalfTheta;
    float ratioB = sin(t * halfTheta) / sinHalfTheta;

    
    return q1 * ratioA + q2 * ratioB;
}

ivec3 splatTexCoord(int index) {
    uint x = uint(index) & SPLAT_TEX_WIDTH_MASK;
    uint y = (uint(index) >> SPLAT_TEX_WIDTH_BITS) & SPLAT_TEX_HEIGHT_MASK;
    uint z = uint(index) >> SPLAT_TEX_LAYER_BITS;
    return ivec3(x, y, z);
}

ivec3 pagedSplatTexCoord(int index) {
    return ivec3(index & 255, (index >> 8) & 255, index >> 16);
}

vec4 uintToVec4(uint u32) {
    uvec4 bytes = uvec4(
        u32 & 0xFFu,
        (u32 >> 8u) & 0xFFu,
        (u32 >> 16u) & 0xFFu,
        (u32 >> 24u) & 0xFFu
    );
    return vec4(bytes) / 255.0;
}

vec4 floatToVec4(float f) {
    uint u32 = floatBitsToUint(f);
    return uintToVec4(u32);
}

vec3 debugColorHue(uint i) {
    
    float hue = fract(float(i) * 0.61803398875);
    
    vec3 rgb = clamp(abs(mod(hue*6.0 + vec3(0.0,4.0,2.0), 6.0) - 3.0) - 1.0, 0.0, 1.0);
    return mix(vec3(1.0), rgb, 0.85); 
}`, FG = `precision highp float;
precision highp int;

#include <splatDefines>

uniform float near;
uniform float far;
uniform bool encodeLinear;
uniform float time;
uniform bool debugFlag;
uniform float maxStdDev;
uniform float minAlpha;
uniform bool disableFalloff;
uniform float falloff;

out vec4 fragColor;

in vec4 vRgba;
in vec2 vSplatUv;
in vec3 vNdc;
flat in uint vSplatIndex;
flat in float adjustedStdDev;

#include <logdepthbuf_pars_fragment>

void main() {
    vec4 rgba = vRgba;

    float z2 = dot(vSplatUv, vSplatUv);
    if (z2 > (adjustedStdDev * adjustedStdDev)) {
        discard;
    }

    if (false) {
    
        float a = rgba.a;
        float shifted = sqrt(z2) - max(0.0, a - 1.0);
        float exponent = -0.5 * max(1.0, a) * sqr(max(0.0, shifted));
        float min1a = min(1.0, a);
        rgba.a = mix(min1a, min1a * exp(exponent), falloff);
    } else {
        
        if (rgba.a <= 1.0) {
            rgba.a = mix(rgba.a, rgba.a * exp(-0.5 * z2), falloff);
        } else {
            float a = exp((rgba.a*rgba.a - 1.0) / 2.718281828459045);
            float alpha = 1.0 - pow(1.0 - exp(-0.5 * z2), a);
            rgba.a = mix(1.0, alpha, falloff);
        }
    }

    if (rgba.a < minAlpha) {
        discard;
    }
    if (encodeLinear) {
        rgba.rgb = srgbToLinear(rgba.rgb);
    }

    #ifdef PREMULTIPLIED_ALPHA
        fragColor = vec4(rgba.rgb * rgba.a, rgba.a);
    #else
        fragColor = rgba;
    #endif

    #include <logdepthbuf_fragment>
}`, NG = `precision highp float;
precision highp int;
precision highp usampler2DArray;

#include <splatDefines>

out vec4 vRgba;
out vec2 vSplatUv;
out vec3 vNdc;
flat out uint vSplatIndex;
flat out float adjustedStdDev;

uniform vec2 renderSize;
uniform vec4 renderToViewQuat;
uniform vec3 renderToViewPos;
uniform mat3 renderToViewBasis;
uniform float maxStdDev;
uniform float minPixelRadius;
uniform float maxPixelRadius;
uniform bool enableExtSplats;
uniform bool enableCovSplats;
uniform float time;
uniform float deltaTime;
uniform bool debugFlag;
uniform float minAlpha;
uniform bool enable2DGS;
uniform bool lodInflate;
uniform float blurAmount;
uniform float preBlurAmount;
uniform float focalDistance;
uniform float apertureAngle;
uniform float clipXY;
uniform float focalAdjustment;

uniform usampler2D ordering;
uniform usampler2DArray extSplats;
uniform usampler2DArray extSplats2;

bool isPerspectiveMatrix( mat4 m ) {
    return m[ 2 ][ 3 ] == -1.0;
}

#include <logdepthbuf_pars_vertex>

void main() {
    
    gl_Position = vec4(0.0, 0.0, 2.0, 1.0);

    ivec2 orderingCoord = ivec2((gl_InstanceID >> 2) & 4095, gl_InstanceID >> 14);
    uint splatIndex = texelFetch(ordering, orderingCoord, 0)[gl_InstanceID & 3];
    if (splatIndex == 0xffffffffu) {
        
        return;
    }

    ivec3 texCoord = splatTexCoord(int(splatIndex));
    vec3 center, scales, xxyyzz, xyxzyz;
    vec4 quaternion, rgba;
    mat3 cov3D;
    bvec3 zeroScales = bvec3(false);

    if (enableExtSplats) {
        uvec4 ext1 = texelFetch(extSplats, texCoord, 0);
        float alpha = unpackSplatExtAlpha(ext1);
        if ((alpha == 0.0) || (alpha < minAlpha)) {
            return;
        }
        uvec4 ext2 = texelFetch(extSplats2, texCoord, 0);

        if (!enableCovSplats) {
            unpackSplatExt(ext1, ext2, center, scales, quaternion, rgba);
            zeroScales = equal(scales, vec3(0.0));
            if (all(zeroScales)) {
                return;
            }
        } else {
            unpackSplatExtCov(ext1, ext2, center, rgba, xxyyzz, xyxzyz);
            if (all(equal(xxyyzz, vec3(0.0))) && all(equal(xyxzyz, vec3(0.0)))) {
                return;
            }
        }
    } else {
        uvec4 packedData = texelFetch(extSplats, texCoord, 0);
        if (!enableCovSplats) {
            unpackSplatEncoding(packedData, center, scales, quaternion, rgba, vec4(0.0, 1.0, LN_SCALE_MIN, LN_SCALE_MAX));
            zeroScales = equal(scales, vec3(0.0));
            if (all(zeroScales)) {
                return;
            }
        } else {
            unpackSplatCovEncoding(packedData, center, rgba, xxyyzz, xyxzyz, vec4(0.0, 1.0, LN_SCALE_MIN, LN_SCALE_MAX));
            if (all(equal(xxyyzz, vec3(0.0))) && all(equal(xyxzyz, vec3(0.0)))) {
                return;
            }
        }

        rgba.a *= 2.0;
        if ((rgba.a == 0.0) || (rgba.a < minAlpha)) {
            return;
        }
    }

    
    
    rgba.rgb = max(rgba.rgb, vec3(0.0));

    adjustedStdDev = maxStdDev;
    if (rgba.a > 1.0) {
        
        rgba.a = min(rgba.a * 4.0 - 3.0, 5.0);

        if (lodInflate) {
            
            float opacity = exp((rgba.a * rgba.a - 1.0) / 2.718281828459045);
            float rescale = pow(opacity, 1.0 / 3.0);
            scales *= rescale;
            rgba.a = 1.0;
        }

        
        adjustedStdDev = maxStdDev + 0.7 * (rgba.a - 1.0);
    }

    
    vec3 viewCenter = (!enableCovSplats ? quatVec(renderToViewQuat, center) : (renderToViewBasis * center)) + renderToViewPos;

    
    if (viewCenter.z >= 0.0) {
        return;
    }

    
    vec4 clipCenter = projectionMatrix * vec4(viewCenter, 1.0);

    
    if (abs(clipCenter.z) >= clipCenter.w) {
        return;
    }

    
    float clip = clipXY * clipCenter.w;
    if (abs(clipCenter.x) > clip || abs(clipCenter.y) > clip) {
        return;
    }

    vRgba = rgba;
    vSplatUv = position.xy * adjustedStdDev;

    
    vSplatIndex = splatIndex;

    if (!enableCovSplats) {
        
        vec4 viewQuaternion = quatQuat(renderToViewQuat, quaternion);

        if (enable2DGS && any(zeroScales)) {
            vec3 offset;
            if (zeroScales.z) {
                offset = vec3(vSplatUv.xy * scales.xy, 0.0);
            } else if (zeroScales.y) {
                offset = vec3(vSplatUv.x * scales.x, 0.0, vSplatUv.y * scales.z);
            } else {
                offset = vec3(0.0, vSplatUv.xy * scales.yz);
            }

            vec3 viewPos = viewCenter + quatVec(viewQuaternion, offset);
            gl_Position = projectionMatrix * vec4(viewPos, 1.0);
            vNdc = gl_Position.xyz / gl_Position.w;

            #include <logdepthbuf_vertex>
            return;
        }

        
        mat3 RS = scaleQuaternionToMatrix(scales, viewQuaternion);
        cov3D = RS * transpose(RS);
    } else {
        cov3D = mat3(
            xxyyzz.x, xyxzyz.x, xyxzyz.y,
            xyxzyz.x, xxyyzz.y, xyxzyz.z,
            xyxzyz.y, xyxzyz.z, xxyyzz.z
        );
        cov3D = renderToViewBasis * cov3D * transpose(renderToViewBasis);
    }

    
    vec2 scaledRenderSize = renderSize * focalAdjustment;
    vec2 focal = 0.5 * scaledRenderSize * vec2(projectionMatrix[0][0], projectionMatrix[1][1]);

    mat3 J;
    if (isOrthographic) {
        J = mat3(
            focal.x, 0.0, 0.0,
            0.0, focal.y, 0.0,
            0.0, 0.0, 0.0
        );
    } else {
        float invZ = 1.0 / viewCenter.z;
        vec2 J1 = focal * invZ;
        vec2 J2 = -(J1 * viewCenter.xy) * invZ;
        J = mat3(
            J1.x, 0.0, J2.x,
            0.0, J1.y, J2.y,
            0.0, 0.0, 0.0
        );
    }

    
    
    mat3 cov2D = transpose(J) * cov3D * J;
    float a = cov2D[0][0];
    float d = cov2D[1][1];
    float b = cov2D[0][1];

    
    a += preBlurAmount;
    d += preBlurAmount;

    float fullBlurAmount = blurAmount;
    if ((focalDistance > 0.0) && (apertureAngle > 0.0)) {
        float focusRadius = maxPixelRadius;
        if (viewCenter.z < 0.0) {
            float focusBlur = abs((-viewCenter.z - focalDistance) / viewCenter.z);
            float apertureRadius = focal.x * tan(0.5 * apertureAngle);
            focusRadius = focusBlur * apertureRadius;
        }
        fullBlurAmount = clamp(sqr(focusRadius), blurAmount, sqr(maxPixelRadius));
    }

    
    float detOrig = a * d - b * b;
    a += fullBlurAmount;
    d += fullBlurAmount;
    float det = a * d - b * b;

    
    float blurAdjust = sqrt(max(0.0, detOrig / det));
    rgba.a *= blurAdjust;
    if (rgba.a < minAlpha) {
        return;
    }
    vRgba.a = rgba.a;

    
    float eigenAvg = 0.5 * (a + d);
    float eigenDelta = sqrt(max(0.0, eigenAvg * eigenAvg - det));
    float eigen1 = eigenAvg + eigenDelta;
    float eigen2 = eigenAvg - eigenDelta;

    vec2 eigenVec1 = (abs(b) > 0.001) ? normalize(vec2(b, eigen1 - a))
        : ((a >= d) ? vec2(1.0, 0.0) : vec2(0.0, 1.0));
    vec2 eigenVec2 = vec2(eigenVec1.y, -eigenVec1.x);

    float scale1 = min(maxPixelRadius, adjustedStdDev * sqrt(eigen1));
    float scale2 = min(maxPixelRadius, adjustedStdDev * sqrt(eigen2));
    if (scale1 < minPixelRadius && scale2 < minPixelRadius) {
        return;
    }

    
    vec2 pixelOffset = position.x * eigenVec1 * scale1 + position.y * eigenVec2 * scale2;
    vec2 ndcOffset = (2.0 / scaledRenderSize) * pixelOffset;

    
    vec3 ndcCenter = clipCenter.xyz / clipCenter.w;
    vec3 ndc = vec3(ndcCenter.xy + ndcOffset, ndcCenter.z);

    vNdc = ndc;
    gl_Position = vec4(ndc.xy * clipCenter.w, clipCenter.zw);

    #include <logdepthbuf_vertex>
}`;
let IQ = null;
function gg() {
  return IQ || (s.ShaderChunk.splatDefines = cG, IQ = {
    splatVertex: NG,
    splatFragment: FG,
    computeVec4Template: RG,
    computeUvec4Vec4Template: SG,
    computeUvec4x2Vec4Template: kG,
    computeUvec4Template: tG
  }), IQ;
}
const lA = class lA {
  constructor({ renderer: A } = {}) {
    this.renderer = A, this.capacity = 0, this.count = 0;
  }
  dispose() {
    this.target && (this.target.dispose(), this.target = void 0);
  }
  // Ensure we have a buffer large enough for the readback of count indices.
  // Pass in previous bufer of the desired type.
  static ensureBuffer(A, I) {
    const B = Math.ceil(Math.max(1, A) / r) * r * 4;
    if (I.byteLength >= B)
      return I;
    const C = new ArrayBuffer(B);
    if (I instanceof ArrayBuffer)
      return C;
    const E = I.constructor;
    return new E(C);
  }
  ensureBuffer(A, I) {
    return lA.ensureBuffer(A, I);
  }
  // Ensure our render target is large enough for the readback of capacity indices.
  ensureCapacity(A) {
    const { width: I, height: g, depth: B, maxSplats: C } = X(A);
    (!this.target || C > this.capacity) && (this.dispose(), this.capacity = C, this.target = new s.WebGLArrayRenderTarget(I, g, B, {
      depthBuffer: !1,
      stencilBuffer: !1,
      generateMipmaps: !1,
      magFilter: s.NearestFilter,
      minFilter: s.NearestFilter
    }), this.target.texture.format = s.RGBAFormat, this.target.texture.type = s.UnsignedByteType, this.target.texture.internalFormat = "RGBA8", this.target.scissorTest = !0);
  }
  // Get a program and THREE.RawShaderMaterial for a given Rgba8Readback,
  // generating it if necessary and caching the result.
  prepareProgramMaterial(A) {
    let I = lA.readbackProgram.get(A);
    if (!I) {
      const B = aA(
        { index: "int" },
        { rgba8: "vec4" },
        ({ index: C }) => (A.inputs.index = C, { rgba8: new lQ({ rgba8: A.outputs.rgba8 }) })
      );
      lA.programTemplate || (lA.programTemplate = new Ag(
        gg().computeVec4Template
      )), I = new mg({
        graph: B,
        inputs: { index: "_index" },
        outputs: { rgba8: "target" },
        template: lA.programTemplate
      }), Object.assign(I.uniforms, {
        targetLayer: { value: 0 },
        targetBase: { value: 0 },
        targetCount: { value: 0 }
      }), lA.readbackProgram.set(A, I);
    }
    const g = I.prepareMaterial();
    return lA.fullScreenQuad.material = g, { program: I, material: g };
  }
  saveRenderState(A) {
    return {
      target: A.getRenderTarget(),
      xrEnabled: A.xr.enabled,
      autoClear: A.autoClear
    };
  }
  resetRenderState(A, I) {
    A.setRenderTarget(I.target), A.xr.enabled = I.xrEnabled, A.autoClear = I.autoClear;
  }
  process({
    count: A,
    material: I
  }) {
    const g = this.renderer;
    if (!g)
      throw new Error("No renderer");
    if (!this.target)
      throw new Error("No target");
    const B = r * rA;
    I.uniforms.targetBase.value = 0, I.uniforms.targetCount.value = A;
    let C = 0;
    for (; C < A; ) {
      const E = Math.floor(C / B), D = E * B, o = Math.min(
        rA,
        Math.ceil((A - D) / r)
      );
      I.uniforms.targetLayer.value = E, this.target.scissor.set(0, 0, r, o), g.setRenderTarget(this.target, E), g.xr.enabled = !1, g.autoClear = !1, lA.fullScreenQuad.render(g), C += r * o;
    }
    this.count = A;
  }
  async read({
    readback: A
  }) {
    const I = this.renderer;
    if (!I)
      throw new Error("No renderer");
    if (!this.target)
      throw new Error("No target");
    const g = Math.ceil(this.count / r) * r;
    if (A.byteLength < g * 4)
      throw new Error(
        `Readback buffer too small: ${A.byteLength} < ${g * 4}`
      );
    const B = new Uint8Array(
      A instanceof ArrayBuffer ? A : A.buffer
    ), C = r * rA;
    let E = 0;
    const D = [];
    for (; E < this.count; ) {
      const o = Math.floor(E / C), i = o * C, a = Math.min(
        rA,
        Math.ceil((this.count - i) / r)
      );
      I.setRenderTarget(this.target, o);
      const w = r * a * 4, G = B.subarray(
        i * 4,
        i * 4 + w
      ), h = I == null ? void 0 : I.readRenderTargetPixelsAsync(
        this.target,
        0,
        0,
        r,
        a,
        G
      );
      D.push(h), E += r * a;
    }
    return Promise.all(D).then(() => A);
  }
  // Perform render operation to run the Rgba8Readback program
  // but don't perform the readback yet.
  render({
    reader: A,
    count: I,
    renderer: g
  }) {
    if (this.renderer = g || this.renderer, !this.renderer)
      throw new Error("No renderer");
    this.ensureCapacity(I);
    const { program: B, material: C } = this.prepareProgramMaterial(A);
    B.update();
    const E = this.saveRenderState(this.renderer);
    this.process({ count: I, material: C }), this.resetRenderState(this.renderer, E);
  }
  // Perform a readback of the render target, returning a buffer of the
  // given type.
  async readback({
    readback: A
  }) {
    if (!this.renderer)
      throw new Error("No renderer");
    const I = this.saveRenderState(this.renderer), g = this.read({ readback: A });
    return this.resetRenderState(this.renderer, I), g;
  }
  // Perform a render and readback operation for the given Rgba8Readback,
  // and readback buffer (call ensureBuffer first).
  async renderReadback({
    reader: A,
    count: I,
    renderer: g,
    readback: B
  }) {
    if (this.renderer = g || this.renderer, !this.renderer)
      throw new Error("No renderer");
    this.ensureCapacity(I);
    const { program: C, material: E } = this.prepareProgramMaterial(A);
    C.update();
    const D = this.saveRenderState(this.renderer);
    this.process({ count: I, material: E });
    const o = this.read({ readback: B });
    return this.resetRenderState(this.renderer, D), o;
  }
  getTexture() {
    var A;
    return (A = this.target) == null ? void 0 : A.texture;
  }
};
lA.programTemplate = null, lA.readbackProgram = /* @__PURE__ */ new WeakMap(), lA.fullScreenQuad = new MQ(
  new s.RawShaderMaterial({ visible: !1 })
);
let Qg = lA;
var JG = /* @__PURE__ */ ((Q) => (Q.ALL = "all", Q.PLANE = "plane", Q.SPHERE = "sphere", Q.BOX = "box", Q.ELLIPSOID = "ellipsoid", Q.CYLINDER = "cylinder", Q.CAPSULE = "capsule", Q.INFINITE_CONE = "infinite_cone", Q))(JG || {});
function MG(Q) {
  switch (Q) {
    case "all":
      return 0;
    case "plane":
      return 1;
    case "sphere":
      return 2;
    case "box":
      return 3;
    case "ellipsoid":
      return 4;
    case "cylinder":
      return 5;
    case "capsule":
      return 6;
    case "infinite_cone":
      return 7;
    default:
      throw new Error(`Unknown SDF type: ${Q}`);
  }
}
var UG = /* @__PURE__ */ ((Q) => (Q.MULTIPLY = "multiply", Q.SET_RGB = "set_rgb", Q.ADD_RGBA = "add_rgba", Q))(UG || {});
function eG(Q) {
  switch (Q) {
    case "multiply":
      return 0;
    case "set_rgb":
      return 1;
    case "add_rgba":
      return 2;
    default:
      throw new Error(`Unknown blend mode: ${Q}`);
  }
}
class LG extends s.Object3D {
  constructor(A = {}) {
    super();
    const { type: I, invert: g, opacity: B, color: C, displace: E, radius: D } = A;
    this.type = I ?? "sphere", this.invert = g ?? !1, this.opacity = B ?? 1, this.color = C ?? new s.Color(1, 1, 1), this.displace = E ?? new s.Vector3(0, 0, 0), this.radius = D ?? 0;
  }
}
const xg = class xg extends s.Object3D {
  constructor(A = {}) {
    const {
      name: I,
      rgbaBlendMode: g = "multiply",
      sdfSmooth: B = 0,
      softEdge: C = 0,
      invert: E = !1,
      sdfs: D = null
    } = A;
    super(), this.rgbaBlendMode = g, this.sdfSmooth = B, this.softEdge = C, this.invert = E, this.sdfs = D, this.ordering = xg.nextOrdering++, this.name = I ?? `Edit ${this.ordering}`;
  }
  addSdf(A) {
    this.sdfs == null && (this.sdfs = []), this.sdfs.includes(A) || this.sdfs.push(A);
  }
  removeSdf(A) {
    this.sdfs != null && (this.sdfs = this.sdfs.filter((I) => I !== A));
  }
};
xg.nextOrdering = 1;
let Kg = xg;
class HG {
  constructor({ maxSdfs: A, maxEdits: I }) {
    this.maxSdfs = Math.max(16, A ?? 0), this.numSdfs = 0, this.sdfData = new Uint32Array(this.maxSdfs * 8 * 4), this.sdfFloatData = new Float32Array(this.sdfData.buffer), this.sdfTexture = this.newSdfTexture(this.sdfData, this.maxSdfs), this.dynoSdfArray = new Y({
      key: "sdfArray",
      type: ZQ,
      globals: () => [vQ],
      value: {
        numSdfs: 0,
        sdfTexture: this.sdfTexture
      },
      update: (g) => (g.numSdfs = this.numSdfs, g.sdfTexture = this.sdfTexture, g)
    }), this.maxEdits = Math.max(16, I ?? 0), this.numEdits = 0, this.editData = new Uint32Array(this.maxEdits * 4), this.editFloatData = new Float32Array(this.editData.buffer), this.dynoNumEdits = new jA({ value: 0 }), this.dynoEdits = this.newEdits(this.editData, this.maxEdits);
  }
  newSdfTexture(A, I) {
    const g = new s.DataTexture(
      A,
      8,
      I,
      s.RGBAIntegerFormat,
      s.UnsignedIntType
    );
    return g.internalFormat = "RGBA32UI", g.needsUpdate = !0, g;
  }
  newEdits(A, I) {
    return new Y({
      key: "edits",
      type: "uvec4",
      count: I,
      globals: () => [XQ],
      value: A
    });
  }
  // Ensure our SDF texture and edits uniform array have enough capacity.
  // Reallocate if not.
  ensureCapacity({
    maxSdfs: A,
    maxEdits: I
  }) {
    let g = !1;
    return A > this.sdfTexture.image.height && (this.sdfTexture.dispose(), this.maxSdfs = Math.max(this.maxSdfs * 2, A), this.sdfData = new Uint32Array(this.maxSdfs * 8 * 4), this.sdfFloatData = new Float32Array(this.sdfData.buffer), this.sdfTexture = this.newSdfTexture(this.sdfData, this.maxSdfs)), I > (this.dynoEdits.count ?? 0) && (this.maxEdits = Math.max(this.maxEdits * 2, I), this.editData = new Uint32Array(this.maxEdits * 4), this.editFloatData = new Float32Array(this.editData.buffer), this.dynoEdits = this.newEdits(this.editData, this.maxEdits), g = !0), g;
  }
  updateEditData(A, I) {
    const g = this.editData[A] !== I;
    return this.editData[A] = I, g;
  }
  updateEditFloatData(A, I) {
    nI[0] = I;
    const g = this.editFloatData[A] !== nI[0];
    return g && (this.editFloatData[A] = nI[0]), g;
  }
  encodeEdit(A, {
    sdfFirst: I,
    sdfCount: g,
    invert: B,
    rgbaBlendMode: C,
    softEdge: E,
    sdfSmooth: D
  }) {
    const o = A * 4;
    let i = !1;
    return i = this.updateEditData(o + 0, C | (B ? 256 : 0)) || i, i = this.updateEditData(o + 1, I | g << 16) || i, i = this.updateEditFloatData(o + 2, E) || i, i = this.updateEditFloatData(o + 3, D) || i, i;
  }
  updateSdfData(A, I) {
    const g = this.sdfData[A] !== I;
    return this.sdfData[A] = I, g;
  }
  updateSdfFloatData(A, I) {
    nI[0] = I;
    const g = this.sdfFloatData[A] !== nI[0];
    return g && (this.sdfFloatData[A] = nI[0]), g;
  }
  encodeSdf(A, {
    sdfType: I,
    invert: g,
    center: B,
    quaternion: C,
    scale: E,
    sizes: D
  }, o) {
    const i = A * 32, a = I | (g ? 256 : 0);
    let w = !1;
    w = this.updateSdfFloatData(i + 0, (B == null ? void 0 : B.x) ?? 0) || w, w = this.updateSdfFloatData(i + 1, (B == null ? void 0 : B.y) ?? 0) || w, w = this.updateSdfFloatData(i + 2, (B == null ? void 0 : B.z) ?? 0) || w, w = this.updateSdfData(i + 3, a) || w, w = this.updateSdfFloatData(i + 4, (C == null ? void 0 : C.x) ?? 0) || w, w = this.updateSdfFloatData(i + 5, (C == null ? void 0 : C.y) ?? 0) || w, w = this.updateSdfFloatData(i + 6, (C == null ? void 0 : C.z) ?? 0) || w, w = this.updateSdfFloatData(i + 7, (C == null ? void 0 : C.w) ?? 0) || w, w = this.updateSdfFloatData(i + 8, (E == null ? void 0 : E.x) ?? 0) || w, w = this.updateSdfFloatData(i + 9, (E == null ? void 0 : E.y) ?? 0) || w, w = this.updateSdfFloatData(i + 10, (E == null ? void 0 : E.z) ?? 0) || w, w = this.updateSdfData(i + 11, 0) || w, w = this.updateSdfFloatData(i + 12, (D == null ? void 0 : D.x) ?? 0) || w, w = this.updateSdfFloatData(i + 13, (D == null ? void 0 : D.y) ?? 0) || w, w = this.updateSdfFloatData(i + 14, (D == null ? void 0 : D.z) ?? 0) || w, w = this.updateSdfFloatData(i + 15, (D == null ? void 0 : D.w) ?? 0) || w;
    const G = Math.min(4, o.length);
    for (let h = 0; h < G; ++h) {
      const k = i + 16 + h * 4;
      w = this.updateSdfFloatData(k + 0, o[h].x) || w, w = this.updateSdfFloatData(k + 1, o[h].y) || w, w = this.updateSdfFloatData(k + 2, o[h].z) || w, w = this.updateSdfFloatData(k + 3, o[h].w) || w;
    }
    return w;
  }
  // Update the SDFs and edits from an array of SplatEdits and their
  // associated SplatEditSdfs, updating it for the dyno shader program.
  update(A) {
    const I = A.reduce((w, { sdfs: G }) => w + G.length, 0), g = this.ensureCapacity({
      maxEdits: A.length,
      maxSdfs: I
    }), B = [new s.Vector4(), new s.Vector4()], C = new s.Vector3(), E = new s.Quaternion(), D = new s.Vector3(), o = new s.Vector4();
    let i = 0, a = g;
    A.length !== this.dynoNumEdits.value && (this.dynoNumEdits.value = A.length, this.numEdits = A.length, a = !0);
    for (const [w, { edit: G, sdfs: h }] of A.entries()) {
      a = this.encodeEdit(w, {
        sdfFirst: i,
        sdfCount: h.length,
        invert: G.invert,
        rgbaBlendMode: eG(G.rgbaBlendMode),
        softEdge: G.softEdge,
        sdfSmooth: G.sdfSmooth
      }) || a;
      let k = !1;
      for (const t of h)
        o.set(t.scale.x, t.scale.y, t.scale.z, t.radius), t.scale.setScalar(1), t.updateMatrixWorld(), t.matrixWorld.clone().invert().decompose(C, E, D), t.scale.set(o.x, o.y, o.z), t.updateMatrixWorld(), B[0].set(t.color.r, t.color.g, t.color.b, t.opacity), B[1].set(t.displace.x, t.displace.y, t.displace.z, 1), k = this.encodeSdf(
          i,
          {
            sdfType: MG(t.type),
            invert: t.invert,
            center: C,
            quaternion: E,
            scale: D,
            sizes: o
          },
          B
        ) || k, i += 1;
      this.numSdfs = i, k && (this.sdfTexture.needsUpdate = !0), a || (a = k);
    }
    return { updated: a, dynoUpdated: g };
  }
  // Modify a Gsplat in a dyno shader program using the current edits and SDFs.
  modify(A) {
    return YG(
      A,
      this.dynoSdfArray,
      this.dynoNumEdits,
      this.dynoEdits
    );
  }
  modifyCov(A) {
    return nG(
      A,
      this.dynoSdfArray,
      this.dynoNumEdits,
      this.dynoEdits
    );
  }
}
const ZQ = { type: "SdfArray" }, vQ = _(
  /* glsl */
  `
  struct SdfArray {
    int numSdfs;
    usampler2D sdfTexture;
  };

  void unpackSdfArray(
    usampler2D sdfTexture, int sdfIndex, out uint flags,
    out vec3 center, out vec4 quaternion, out vec3 scale, out vec4 sizes,
    int numValues, out vec4 values[4]
  ) {
    uvec4 temp = texelFetch(sdfTexture, ivec2(0, sdfIndex), 0);
    flags = temp.w;
    center = vec3(uintBitsToFloat(temp.x), uintBitsToFloat(temp.y), uintBitsToFloat(temp.z));

    temp = texelFetch(sdfTexture, ivec2(1, sdfIndex), 0);
    quaternion = vec4(uintBitsToFloat(temp.x), uintBitsToFloat(temp.y), uintBitsToFloat(temp.z), uintBitsToFloat(temp.w));

    temp = texelFetch(sdfTexture, ivec2(2, sdfIndex), 0);
    scale = vec3(uintBitsToFloat(temp.x), uintBitsToFloat(temp.y), uintBitsToFloat(temp.z));

    temp = texelFetch(sdfTexture, ivec2(3, sdfIndex), 0);
    sizes = vec4(uintBitsToFloat(temp.x), uintBitsToFloat(temp.y), uintBitsToFloat(temp.z), uintBitsToFloat(temp.w));

    for (int i = 0; i < numValues; ++i) {
      temp = texelFetch(sdfTexture, ivec2(4 + i, sdfIndex), 0);
      values[i] = vec4(uintBitsToFloat(temp.x), uintBitsToFloat(temp.y), uintBitsToFloat(temp.z), uintBitsToFloat(temp.w));
    }
  }

  const uint SDF_FLAG_TYPE = 0xFFu;
  const uint SDF_FLAG_INVERT = 1u << 8u;

  const uint SDF_TYPE_ALL = 0u;
  const uint SDF_TYPE_PLANE = 1u;
  const uint SDF_TYPE_SPHERE = 2u;
  const uint SDF_TYPE_BOX = 3u;
  const uint SDF_TYPE_ELLIPSOID = 4u;
  const uint SDF_TYPE_CYLINDER = 5u;
  const uint SDF_TYPE_CAPSULE = 6u;
  const uint SDF_TYPE_INFINITE_CONE = 7u;

  float evaluateSdfArray(
    usampler2D sdfTexture, int numSdfs, int sdfFirst, int sdfCount, vec3 pos,
    float smoothK, int numValues, out vec4 outValues[4]
  ) {
    float distanceAccum = (smoothK == 0.0) ? 1.0 / 0.0 : 0.0;
    float maxExp = -1.0 / 0.0;
    for (int i = 0; i < numValues; ++i) {
        outValues[i] = vec4(0.0);
    }

    uint flags;
    vec3 center, scale;
    vec4 quaternion, sizes;
    vec4 values[4];

    int sdfLast = min(sdfFirst + sdfCount, numSdfs);
    for (int index = sdfFirst; index < sdfLast; ++index) {
      unpackSdfArray(sdfTexture, index, flags, center, quaternion, scale, sizes, numValues, values);
      uint sdfType = flags & SDF_FLAG_TYPE;
      vec3 sdfPos = quatVec(quaternion, pos * scale) + center;

      float distance;
      switch (sdfType) {
        case SDF_TYPE_ALL:
          distance = -1.0 / 0.0;
          break;
        case SDF_TYPE_PLANE: {
          distance = sdfPos.z;
          break;
        }
        case SDF_TYPE_SPHERE: {
          distance = length(sdfPos) - sizes.w;
          break;
        }
        case SDF_TYPE_BOX: {
          vec3 q = abs(sdfPos) - sizes.xyz + sizes.w;
          distance = length(max(q, 0.0)) + min(max(q.x, max(q.y, q.z)), 0.0) - sizes.w;
          break;
        }
        case SDF_TYPE_ELLIPSOID: {
          vec3 sizes = sizes.xyz;
          float k0 = length(sdfPos / sizes);
          float k1 = length(sdfPos / dot(sizes, sizes));
          distance = k0 * (k0 - 1.0) / k1;
          break;
        }
        case SDF_TYPE_CYLINDER: {
          vec2 d = abs(vec2(length(sdfPos.xz), sdfPos.y)) - sizes.wy;
          distance = min(max(d.x, d.y), 0.0) + length(max(d, 0.0));
          break;
        }
        case SDF_TYPE_CAPSULE: {
          sdfPos.y -= clamp(sdfPos.y, -0.5 * sizes.y, 0.5 * sizes.y);
          distance = length(sdfPos) - sizes.w;
          break;
        }
        case SDF_TYPE_INFINITE_CONE: {
          float angle = 0.25 * PI * sizes.w;
          vec2 c = vec2(sin(angle), cos(angle));
          vec2 q = vec2(length(sdfPos.xy), -sdfPos.z);
          float d = length(q - c * max(dot(q, c), 0.0));
          distance = d * (((q.x * c.y - q.y * c.x) < 0.0) ? -1.0 : 1.0);
          break;
        }
      }

      if ((flags & SDF_FLAG_INVERT) != 0u) {
        distance = -distance;
      }

      if (smoothK == 0.0) {
        if (distance < distanceAccum) {
          distanceAccum = distance;
          for (int i = 0; i < numValues; ++i) {
            outValues[i] = values[i];
          }
        }
      } else {
        float scaledDistance = -distance / smoothK;
        if (scaledDistance > maxExp) {
          float scale = exp(maxExp - scaledDistance);
          distanceAccum *= scale;
          for (int i = 0; i < numValues; ++i) {
            outValues[i] *= scale;
          }
          maxExp = scaledDistance;
        }

        float weight = exp(scaledDistance - maxExp);
        distanceAccum += weight;
        for (int i = 0; i < numValues; ++i) {
          outValues[i] += weight * values[i];
        }
      }
    }

    if (smoothK == 0.0) {
      return distanceAccum;
    } else {
      // Very distant SDFs may result in 0 accumulation
      if (distanceAccum == 0.0) {
        return 1.0 / 0.0;
      }
      for (int i = 0; i < numValues; ++i) {
        outValues[i] /= distanceAccum;
      }
      return (-log(distanceAccum) - maxExp) * smoothK;
    }
  }

  float modulateSdfArray(
    usampler2D sdfTexture, int numSdfs, int sdfFirst, int sdfCount, vec3 pos,
    float smoothK, int numValues, out vec4 values[4],
    float softEdge, bool invert
  ) {
    float distance = evaluateSdfArray(sdfTexture, numSdfs, sdfFirst, sdfCount, pos, smoothK, numValues, values);
    if (invert) {
      distance = -distance;
    }

    return (softEdge == 0.0) ? ((distance < 0.0) ? 1.0 : 0.0)
      : clamp(-distance / softEdge + 0.5, 0.0, 1.0);
  }
`
), XQ = _(
  /* glsl */
  `
  const uint EDIT_FLAG_BLEND = 0xFFu;
  const uint EDIT_BLEND_MULTIPLY = 0u;
  const uint EDIT_BLEND_SET_RGB = 1u;
  const uint EDIT_BLEND_ADD_RGBA = 2u;
  const uint EDIT_FLAG_INVERT = 0x100u;

  void decodeEdit(
    uvec4 packedEdit, out int sdfFirst, out int sdfCount,
    out bool invert, out uint rgbaBlendMode, out float softEdge, out float sdfSmooth
  ) {
    rgbaBlendMode = packedEdit.x & EDIT_FLAG_BLEND;
    invert = (packedEdit.x & EDIT_FLAG_INVERT) != 0u;

    sdfFirst = int(packedEdit.y & 0xFFFFu);
    sdfCount = int(packedEdit.y >> 16u);

    softEdge = uintBitsToFloat(packedEdit.z);
    sdfSmooth = uintBitsToFloat(packedEdit.w);
  }

  void applyRgbaDisplaceEdit(
    usampler2D sdfTexture, int numSdfs, int sdfFirst, int sdfCount, inout vec3 pos,
    float smoothK, float softEdge, bool invert, uint rgbaBlendMode, inout vec4 rgba
  ) {
    vec4 values[4];
    float modulate = modulateSdfArray(sdfTexture, numSdfs, sdfFirst, sdfCount, pos, smoothK, 2, values, softEdge, invert);
    // On Android, moving values[0] is necessary to work around a compiler bug.
    vec4 sdfRgba = values[0];
    vec4 sdfDisplaceScale = values[1];

    vec4 target;
    switch (rgbaBlendMode) {
      case EDIT_BLEND_MULTIPLY:
        target = rgba * sdfRgba;
        break;
      case EDIT_BLEND_SET_RGB:
        target = vec4(sdfRgba.rgb, rgba.a * sdfRgba.a);
        break;
      case EDIT_BLEND_ADD_RGBA:
        target = rgba + sdfRgba;
        break;
      default:
        // Debug output if blend mode not set
        target = vec4(fract(pos), 1.0);
    }
    rgba = mix(rgba, target, modulate);
    pos += sdfDisplaceScale.xyz * modulate;
  }

  void applyPackedRgbaDisplaceEdit(uvec4 packedEdit, usampler2D sdfTexture, int numSdfs, inout vec3 pos, inout vec4 rgba) {
    int sdfFirst, sdfCount;
    bool invert;
    uint rgbaBlendMode;
    float softEdge, sdfSmooth;
    decodeEdit(packedEdit, sdfFirst, sdfCount, invert, rgbaBlendMode, softEdge, sdfSmooth);
    applyRgbaDisplaceEdit(sdfTexture, numSdfs, sdfFirst, sdfCount, pos, sdfSmooth, softEdge, invert, rgbaBlendMode, rgba);
  }
`
);
function YG(Q, A, I, g) {
  return new H({
    inTypes: {
      gsplat: f,
      sdfArray: ZQ,
      numEdits: "int",
      rgbaDisplaceEdits: "uvec4"
    },
    outTypes: { gsplat: f },
    globals: () => [vQ, XQ],
    inputs: { gsplat: Q, sdfArray: A, numEdits: I, rgbaDisplaceEdits: g },
    statements: ({ inputs: C, outputs: E }) => {
      const { sdfArray: D, numEdits: o, rgbaDisplaceEdits: i } = C, { gsplat: a } = E;
      return u(
        /* glsl */
        `
        ${a} = ${C.gsplat};
        if (isGsplatActive(${a}.flags)) {
          for (int editIndex = 0; editIndex < ${o}; ++editIndex) {
            applyPackedRgbaDisplaceEdit(
              ${i}[editIndex], ${D}.sdfTexture, ${D}.numSdfs,
              ${a}.center, ${a}.rgba
            );
          }
        }
      `
      );
    }
  }).outputs.gsplat;
}
function nG(Q, A, I, g) {
  return new H({
    inTypes: {
      covsplat: hA,
      sdfArray: ZQ,
      numEdits: "int",
      rgbaDisplaceEdits: "uvec4"
    },
    outTypes: { covsplat: hA },
    globals: () => [vQ, XQ],
    inputs: { covsplat: Q, sdfArray: A, numEdits: I, rgbaDisplaceEdits: g },
    statements: ({ inputs: C, outputs: E }) => {
      const { sdfArray: D, numEdits: o, rgbaDisplaceEdits: i } = C, { covsplat: a } = E;
      return u(
        /* glsl */
        `
        ${a} = ${C.covsplat};
        if (isCovSplatActive(${a}.flags)) {
          for (int editIndex = 0; editIndex < ${o}; ++editIndex) {
            applyPackedRgbaDisplaceEdit(
              ${i}[editIndex], ${D}.sdfTexture, ${D}.numSdfs,
              ${a}.center, ${a}.rgba
            );
          }
        }
      `
      );
    }
  }).outputs.covsplat;
}
const nI = new Float32Array(1);
class ly {
  constructor(A) {
    this.modifier = A, this.cache = /* @__PURE__ */ new Map();
  }
  apply(A) {
    let I = this.cache.get(A);
    return I || (I = aA(
      { index: "int" },
      { gsplat: f },
      ({ index: g }) => {
        const { gsplat: B } = A.apply({ index: g });
        return this.modifier.apply({ gsplat: B });
      }
    ), this.cache.set(A, I)), I;
  }
}
class rI {
  // Create the dyno uniforms that parameterize the transform, setting them
  // to initial values that are different from any valid transform.
  constructor() {
    this.scale = new qI({ value: Number.NEGATIVE_INFINITY }), this.rotate = new uI({
      value: new s.Quaternion(
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY
      )
    }), this.translate = new GI({
      value: new s.Vector3(
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY,
        Number.POSITIVE_INFINITY
      )
    });
  }
  // Apply the transform to a Vec3 position in a dyno program.
  apply(A) {
    return Mi(A, {
      scale: this.scale,
      rotate: this.rotate,
      translate: this.translate
    });
  }
  applyDir(A) {
    return Ui(A, {
      rotate: this.rotate
    });
  }
  // Apply the transform to a Gsplat in a dyno program.
  applyGsplat(A) {
    return nB(A, {
      scale: this.scale,
      rotate: this.rotate,
      translate: this.translate
    });
  }
  // Update the uniforms to match the given transform matrix.
  updateFromMatrix(A) {
    const I = new s.Vector3(), g = new s.Quaternion(), B = new s.Vector3();
    A.decompose(B, g, I);
    const C = (I.x + I.y + I.z) / 3;
    let E = !1;
    return C !== this.scale.value && (this.scale.value = C, E = !0), B.equals(this.translate.value) || (this.translate.value.copy(B), E = !0), g.equals(this.rotate.value) || (this.rotate.value.copy(g), E = !0), E;
  }
  // Update this transform to match the object's to-world transform.
  update(A) {
    return A.updateMatrixWorld(), this.updateFromMatrix(A.matrixWorld);
  }
}
class hg {
  constructor() {
    this.basis = new xQ({ value: new s.Matrix3() }), this.offset = new GI({ value: new s.Vector3() });
  }
  // Apply the transform to a Vec3 position in a dyno program.
  apply(A) {
    const I = IA(this.basis, A);
    return NA(I, this.offset);
  }
  applyDir(A) {
    return IA(this.basis, A);
  }
  // Apply the transform to a Gsplat in a dyno program.
  applyCovSplat(A) {
    return new H({
      inTypes: { covsplat: hA, basis: "mat3", offset: "vec3" },
      outTypes: { covsplat: hA },
      inputs: { covsplat: A, basis: this.basis, offset: this.offset },
      statements: ({ inputs: I, outputs: g }) => {
        const { covsplat: B, basis: C, offset: E } = I;
        return !B || !C || !E ? [`${g.covsplat}.flags = 0u;`] : u(
          /* glsl */
          `
          ${g.covsplat}.flags = 0u;
          if (isCovSplatActive(${B}.flags)) {
            ${g.covsplat}.flags = ${B}.flags;
            ${g.covsplat}.index = ${B}.index;
            ${g.covsplat}.rgba = ${B}.rgba;

            ${g.covsplat}.center = ${C} * ${B}.center + ${E};
            
            mat3 cov = mat3(
              ${B}.xxyyzz.x, ${B}.xyxzyz.x, ${B}.xyxzyz.y,
              ${B}.xyxzyz.x, ${B}.xxyyzz.y, ${B}.xyxzyz.z,
              ${B}.xyxzyz.y, ${B}.xyxzyz.z, ${B}.xxyyzz.z
            );
            cov = ${C} * cov * transpose(${C});
            ${g.covsplat}.xxyyzz = vec3(cov[0][0], cov[1][1], cov[2][2]);
            ${g.covsplat}.xyxzyz = vec3(cov[0][1], cov[0][2], cov[1][2]);
          }
        `
        );
      }
    }).outputs.covsplat;
  }
  // Update the uniforms to match the given transform matrix.
  updateFromMatrix(A) {
    const I = new s.Matrix3().setFromMatrix4(A), g = new s.Vector3().setFromMatrixColumn(A, 3), B = !I.equals(this.basis.value) || !g.equals(this.offset.value);
    return B && (this.basis.value.copy(I), this.offset.value.copy(g)), B;
  }
  // Update this transform to match the object's to-world transform.
  update(A) {
    return A.updateMatrixWorld(), this.updateFromMatrix(A.matrixWorld);
  }
}
class Bg extends s.Object3D {
  constructor({
    numSplats: A,
    generator: I,
    covGenerator: g,
    construct: B,
    update: C
  }) {
    if (super(), this.numSplats = A ?? 0, this.generator = I, this.covGenerator = g, this.frameUpdate = C, this.version = 0, this.mappingVersion = 0, B) {
      const E = B(this);
      Object.assign(this, E);
    }
  }
  updateVersion() {
    this.version += 1;
  }
  updateMappingVersion() {
    this.mappingVersion += 1, this.version += 1;
  }
  set needsUpdate(A) {
    A && this.updateVersion();
  }
}
class Cg {
  static __wrap(A) {
    A = A >>> 0;
    const I = Object.create(Cg.prototype);
    return I.__wbg_ptr = A, gB.register(I, I.__wbg_ptr, I), I;
  }
  __destroy_into_raw() {
    const A = this.__wbg_ptr;
    return this.__wbg_ptr = 0, gB.unregister(this), A;
  }
  free() {
    const A = this.__destroy_into_raw();
    U.__wbg_chunkdecoder_free(A, 0);
  }
  /**
   * @returns {any}
   */
  finish() {
    const A = this.__destroy_into_raw(), I = U.chunkdecoder_finish(A);
    if (I[2])
      throw W(I[1]);
    return W(I[0]);
  }
  /**
   * @param {Uint8Array} bytes
   */
  push(A) {
    const I = U.chunkdecoder_push(this.__wbg_ptr, A);
    if (I[1])
      throw W(I[0]);
  }
}
Symbol.dispose && (Cg.prototype[Symbol.dispose] = Cg.prototype.free);
class Eg {
  static __wrap(A) {
    A = A >>> 0;
    const I = Object.create(Eg.prototype);
    return I.__wbg_ptr = A, QB.register(I, I.__wbg_ptr, I), I;
  }
  __destroy_into_raw() {
    const A = this.__wbg_ptr;
    return this.__wbg_ptr = 0, QB.unregister(this), A;
  }
  free() {
    const A = this.__destroy_into_raw();
    U.__wbg_csplatarray_free(A, 0);
  }
  /**
   * @param {number} lod_base
   */
  bhatt_lod(A) {
    U.csplatarray_bhatt_lod(this.__wbg_ptr, A);
  }
  /**
   * @returns {boolean}
   */
  has_lod() {
    return U.csplatarray_has_lod(this.__wbg_ptr) !== 0;
  }
  /**
   * @param {Uint8Array} rgba
   */
  inject_rgba8(A) {
    U.csplatarray_inject_rgba8(this.__wbg_ptr, A);
  }
  /**
   * @returns {number}
   */
  len() {
    return U.csplatarray_len(this.__wbg_ptr) >>> 0;
  }
  /**
   * @param {number} lod_base
   * @param {boolean} merge_filter
   */
  tiny_lod(A, I) {
    U.csplatarray_tiny_lod(this.__wbg_ptr, A, I);
  }
  /**
   * @returns {object}
   */
  to_extsplats() {
    const A = U.csplatarray_to_extsplats(this.__wbg_ptr);
    if (A[2])
      throw W(A[1]);
    return W(A[0]);
  }
  /**
   * @returns {object}
   */
  to_extsplats_lod() {
    const A = U.csplatarray_to_extsplats_lod(this.__wbg_ptr);
    if (A[2])
      throw W(A[1]);
    return W(A[0]);
  }
  /**
   * @returns {object}
   */
  to_packedsplats() {
    const A = U.csplatarray_to_packedsplats(this.__wbg_ptr);
    if (A[2])
      throw W(A[1]);
    return W(A[0]);
  }
  /**
   * @returns {object}
   */
  to_packedsplats_lod() {
    const A = U.csplatarray_to_packedsplats_lod(this.__wbg_ptr);
    if (A[2])
      throw W(A[1]);
    return W(A[0]);
  }
  /**
   * @returns {number}
   */
  get maxShDegree() {
    return U.__wbg_get_csplatarray_maxShDegree(this.__wbg_ptr) >>> 0;
  }
  /**
   * @returns {number}
   */
  get numSplats() {
    return U.__wbg_get_csplatarray_numSplats(this.__wbg_ptr) >>> 0;
  }
  /**
   * @param {number} arg0
   */
  set maxShDegree(A) {
    U.__wbg_set_csplatarray_maxShDegree(this.__wbg_ptr, A);
  }
  /**
   * @param {number} arg0
   */
  set numSplats(A) {
    U.__wbg_set_csplatarray_numSplats(this.__wbg_ptr, A);
  }
}
Symbol.dispose && (Eg.prototype[Symbol.dispose] = Eg.prototype.free);
class eI {
  static __wrap(A) {
    A = A >>> 0;
    const I = Object.create(eI.prototype);
    return I.__wbg_ptr = A, BB.register(I, I.__wbg_ptr, I), I;
  }
  __destroy_into_raw() {
    const A = this.__wbg_ptr;
    return this.__wbg_ptr = 0, BB.unregister(this), A;
  }
  free() {
    const A = this.__destroy_into_raw();
    U.__wbg_gsplatarray_free(A, 0);
  }
  /**
   * @returns {number}
   */
  get maxShDegree() {
    return U.__wbg_get_gsplatarray_maxShDegree(this.__wbg_ptr) >>> 0;
  }
  /**
   * @returns {number}
   */
  get numSplats() {
    return U.__wbg_get_gsplatarray_numSplats(this.__wbg_ptr) >>> 0;
  }
  /**
   * @param {number} lod_base
   */
  bhatt_lod(A) {
    U.gsplatarray_bhatt_lod(this.__wbg_ptr, A);
  }
  /**
   * @param {GsplatArray} other
   */
  concat(A) {
    fG(A, eI);
    const I = U.gsplatarray_concat(this.__wbg_ptr, A.__wbg_ptr);
    if (I[1])
      throw W(I[0]);
  }
  /**
   * @param {number} max_sh
   * @param {number} fractional_bits
   * @returns {Uint8Array}
   */
  encode_to_spz(A, I) {
    const g = this.__destroy_into_raw(), B = U.gsplatarray_encode_to_spz(g, A, I);
    if (B[2])
      throw W(B[1]);
    return W(B[0]);
  }
  /**
   * @returns {boolean}
   */
  has_lod() {
    return U.gsplatarray_has_lod(this.__wbg_ptr) !== 0;
  }
  /**
   * @param {Uint8Array} rgba
   */
  inject_rgba8(A) {
    U.gsplatarray_inject_rgba8(this.__wbg_ptr, A);
  }
  /**
   * @returns {number}
   */
  len() {
    return U.gsplatarray_len(this.__wbg_ptr) >>> 0;
  }
  /**
   * @param {number} lod_base
   * @param {boolean} merge_filter
   */
  tiny_lod(A, I) {
    U.gsplatarray_tiny_lod(this.__wbg_ptr, A, I);
  }
  /**
   * @returns {object}
   */
  to_extsplats() {
    const A = U.gsplatarray_to_extsplats(this.__wbg_ptr);
    if (A[2])
      throw W(A[1]);
    return W(A[0]);
  }
  /**
   * @returns {object}
   */
  to_extsplats_lod() {
    const A = U.gsplatarray_to_extsplats_lod(this.__wbg_ptr);
    if (A[2])
      throw W(A[1]);
    return W(A[0]);
  }
  /**
   * @param {any} encoding
   * @returns {object}
   */
  to_packedsplats(A) {
    const I = U.gsplatarray_to_packedsplats(this.__wbg_ptr, A);
    if (I[2])
      throw W(I[1]);
    return W(I[0]);
  }
  /**
   * @param {any} encoding
   * @returns {object}
   */
  to_packedsplats_lod(A) {
    const I = U.gsplatarray_to_packedsplats_lod(this.__wbg_ptr, A);
    if (I[2])
      throw W(I[1]);
    return W(I[0]);
  }
  /**
   * @param {any} transform
   */
  transform(A) {
    const I = U.gsplatarray_transform(this.__wbg_ptr, A);
    if (I[1])
      throw W(I[0]);
  }
  /**
   * @param {number} arg0
   */
  set maxShDegree(A) {
    U.__wbg_set_gsplatarray_maxShDegree(this.__wbg_ptr, A);
  }
  /**
   * @param {number} arg0
   */
  set numSplats(A) {
    U.__wbg_set_gsplatarray_numSplats(this.__wbg_ptr, A);
  }
}
Symbol.dispose && (eI.prototype[Symbol.dispose] = eI.prototype.free);
function IB(Q) {
  const A = U.decode_rad_header(Q);
  if (A[2])
    throw W(A[1]);
  return W(A[0]);
}
function KG(Q, A) {
  var I = FI(Q) ? 0 : zI(Q, U.__wbindgen_malloc, U.__wbindgen_realloc), g = UI, B = FI(A) ? 0 : zI(A, U.__wbindgen_malloc, U.__wbindgen_realloc), C = UI;
  const E = U.decode_to_gsplatarray(I, g, B, C);
  if (E[2])
    throw W(E[1]);
  return Cg.__wrap(E[0]);
}
function rG() {
  return U.get_raycast_buffer();
}
function dG() {
  return U.get_raycast_buffer2();
}
function qG(Q, A, I, g) {
  const B = U.packedsplats_to_gsplatarray(Q, A, FI(I) ? 0 : Wi(I), g);
  if (B[2])
    throw W(B[1]);
  return eI.__wrap(B[0]);
}
function lG(Q, A, I, g, B, C, E, D, o, i) {
  return U.raycast_ext_buffers(Q, A, I, g, B, C, E, D, o, i);
}
function xG(Q, A, I, g, B, C, E, D, o, i, a, w, G) {
  return U.raycast_packed_buffer(Q, A, I, g, B, C, E, D, o, i, a, w, G);
}
function pG() {
  return {
    __proto__: null,
    "./spark_rs_bg.js": {
      __proto__: null,
      __wbg_Error_2e59b1b37a9a34c3: function(A, I) {
        return Error(yg(A, I));
      },
      __wbg___wbindgen_boolean_get_a86c216575a75c30: function(A) {
        const I = A, g = typeof I == "boolean" ? I : void 0;
        return FI(g) ? 16777215 : g ? 1 : 0;
      },
      __wbg___wbindgen_debug_string_dd5d2d07ce9e6c57: function(A, I) {
        const g = RQ(I), B = zI(g, U.__wbindgen_malloc, U.__wbindgen_realloc), C = UI;
        iI().setInt32(A + 4, C, !0), iI().setInt32(A + 0, B, !0);
      },
      __wbg___wbindgen_in_4bd7a57e54337366: function(A, I) {
        return A in I;
      },
      __wbg___wbindgen_is_falsy_c6ddfae1bb56d5ef: function(A) {
        return !A;
      },
      __wbg___wbindgen_is_function_49868bde5eb1e745: function(A) {
        return typeof A == "function";
      },
      __wbg___wbindgen_is_object_40c5a80572e8f9d3: function(A) {
        const I = A;
        return typeof I == "object" && I !== null;
      },
      __wbg___wbindgen_is_undefined_c0cca72b82b86f4d: function(A) {
        return A === void 0;
      },
      __wbg___wbindgen_jsval_loose_eq_3a72ae764d46d944: function(A, I) {
        return A == I;
      },
      __wbg___wbindgen_number_get_7579aab02a8a620c: function(A, I) {
        const g = I, B = typeof g == "number" ? g : void 0;
        iI().setFloat64(A + 8, FI(B) ? 0 : B, !0), iI().setInt32(A + 0, !FI(B), !0);
      },
      __wbg___wbindgen_string_get_914df97fcfa788f2: function(A, I) {
        const g = I, B = typeof g == "string" ? g : void 0;
        var C = FI(B) ? 0 : zI(B, U.__wbindgen_malloc, U.__wbindgen_realloc), E = UI;
        iI().setInt32(A + 4, E, !0), iI().setInt32(A + 0, C, !0);
      },
      __wbg___wbindgen_throw_81fc77679af83bc6: function(A, I) {
        throw new Error(yg(A, I));
      },
      __wbg_call_7f2987183bb62793: function() {
        return bI(function(A, I) {
          return A.call(I);
        }, arguments);
      },
      __wbg_csplatarray_new: function(A) {
        return Eg.__wrap(A);
      },
      __wbg_done_547d467e97529006: function(A) {
        return A.done;
      },
      __wbg_error_a6fa202b58aa1cd3: function(A, I) {
        let g, B;
        try {
          g = A, B = I, console.error(yg(A, I));
        } finally {
          U.__wbindgen_free(g, B, 1);
        }
      },
      __wbg_get_4848e350b40afc16: function(A, I) {
        return A[I >>> 0];
      },
      __wbg_get_ed0642c4b9d31ddf: function() {
        return bI(function(A, I) {
          return Reflect.get(A, I);
        }, arguments);
      },
      __wbg_get_f96702c6245e4ef9: function() {
        return bI(function(A, I) {
          return Reflect.get(A, I);
        }, arguments);
      },
      __wbg_get_unchecked_7d7babe32e9e6a54: function(A, I) {
        return A[I >>> 0];
      },
      __wbg_get_with_ref_key_6412cf3094599694: function(A, I) {
        return A[I];
      },
      __wbg_gsplatarray_new: function(A) {
        return eI.__wrap(A);
      },
      __wbg_instanceof_ArrayBuffer_ff7c1337a5e3b33a: function(A) {
        let I;
        try {
          I = A instanceof ArrayBuffer;
        } catch {
          I = !1;
        }
        return I;
      },
      __wbg_instanceof_Uint8Array_4b8da683deb25d72: function(A) {
        let I;
        try {
          I = A instanceof Uint8Array;
        } catch {
          I = !1;
        }
        return I;
      },
      __wbg_isArray_db61795ad004c139: function(A) {
        return Array.isArray(A);
      },
      __wbg_iterator_de403ef31815a3e6: function() {
        return Symbol.iterator;
      },
      __wbg_length_0c32cb8543c8e4c8: function(A) {
        return A.length;
      },
      __wbg_length_1e701798fdcaa3b4: function(A) {
        return A.length;
      },
      __wbg_length_6e821edde497a532: function(A) {
        return A.length;
      },
      __wbg_length_a4ca9e78359b5f1f: function(A) {
        return A.length;
      },
      __wbg_length_fd4646b401926788: function(A) {
        return A.length;
      },
      __wbg_new_227d7c05414eb861: function() {
        return new Error();
      },
      __wbg_new_4f9fafbb3909af72: function() {
        return new Object();
      },
      __wbg_new_a560378ea1240b14: function(A) {
        return new Uint8Array(A);
      },
      __wbg_new_f3c9df4f38f3f798: function() {
        return new Array();
      },
      __wbg_new_from_slice_2580ff33d0d10520: function(A, I) {
        return new Uint8Array(EB(A, I));
      },
      __wbg_new_with_length_26bffbe236bf73f9: function(A) {
        return new Float32Array(A >>> 0);
      },
      __wbg_new_with_length_41a22191b9bdfd66: function(A) {
        return new Uint32Array(A >>> 0);
      },
      __wbg_next_01132ed6134b8ef5: function(A) {
        return A.next;
      },
      __wbg_next_b3713ec761a9dbfd: function() {
        return bI(function(A) {
          return A.next();
        }, arguments);
      },
      __wbg_prototypesetcall_3e05eb9545565046: function(A, I, g) {
        Uint8Array.prototype.set.call(EB(A, I), g);
      },
      __wbg_prototypesetcall_64c287a27cc24d27: function(A, I, g) {
        Uint16Array.prototype.set.call(uG(A, I), g);
      },
      __wbg_prototypesetcall_e42275e601e14eeb: function(A, I, g) {
        Uint32Array.prototype.set.call(gQ(A, I), g);
      },
      __wbg_push_6bdbc990be5ac37b: function(A, I) {
        return A.push(I);
      },
      __wbg_set_448126769bf7c181: function(A, I, g) {
        A.set(gQ(I, g));
      },
      __wbg_set_6be42768c690e380: function(A, I, g) {
        A[I] = g;
      },
      __wbg_set_6c60b2e8ad0e9383: function(A, I, g) {
        A[I >>> 0] = g;
      },
      __wbg_set_81b4174352e6a095: function(A, I, g) {
        A.set(I, g >>> 0);
      },
      __wbg_set_8ee2d34facb8466e: function() {
        return bI(function(A, I, g) {
          return Reflect.set(A, I, g);
        }, arguments);
      },
      __wbg_set_a98c8da6557e63de: function(A, I, g) {
        A.set(CB(I, g));
      },
      __wbg_set_index_338a66e40fc45dee: function(A, I, g) {
        A[I >>> 0] = g >>> 0;
      },
      __wbg_stack_3b0d974bbf31e44f: function(A, I) {
        const g = I.stack, B = zI(g, U.__wbindgen_malloc, U.__wbindgen_realloc), C = UI;
        iI().setInt32(A + 4, C, !0), iI().setInt32(A + 0, B, !0);
      },
      __wbg_subarray_0f98d3fb634508ad: function(A, I, g) {
        return A.subarray(I >>> 0, g >>> 0);
      },
      __wbg_subarray_517cd0f1811ab872: function(A, I, g) {
        return A.subarray(I >>> 0, g >>> 0);
      },
      __wbg_subarray_d51e89458b3fdbf6: function(A, I, g) {
        return A.subarray(I >>> 0, g >>> 0);
      },
      __wbg_value_7f6052747ccf940f: function(A) {
        return A.value;
      },
      __wbindgen_cast_0000000000000001: function(A) {
        return A;
      },
      __wbindgen_cast_0000000000000002: function(A, I) {
        return CB(A, I);
      },
      __wbindgen_cast_0000000000000003: function(A, I) {
        return gQ(A, I);
      },
      __wbindgen_cast_0000000000000004: function(A, I) {
        return yg(A, I);
      },
      __wbindgen_cast_0000000000000005: function(A) {
        return BigInt.asUintN(64, A);
      },
      __wbindgen_init_externref_table: function() {
        const A = U.__wbindgen_externrefs, I = A.grow(4);
        A.set(0, void 0), A.set(I + 0, void 0), A.set(I + 1, null), A.set(I + 2, !0), A.set(I + 3, !1);
      }
    }
  };
}
const gB = typeof FinalizationRegistry > "u" ? { register: () => {
}, unregister: () => {
} } : new FinalizationRegistry((Q) => U.__wbg_chunkdecoder_free(Q >>> 0, 1)), QB = typeof FinalizationRegistry > "u" ? { register: () => {
}, unregister: () => {
} } : new FinalizationRegistry((Q) => U.__wbg_csplatarray_free(Q >>> 0, 1)), BB = typeof FinalizationRegistry > "u" ? { register: () => {
}, unregister: () => {
} } : new FinalizationRegistry((Q) => U.__wbg_gsplatarray_free(Q >>> 0, 1));
function Wi(Q) {
  const A = U.__externref_table_alloc();
  return U.__wbindgen_externrefs.set(A, Q), A;
}
function fG(Q, A) {
  if (!(Q instanceof A))
    throw new Error(`expected instance of ${A.name}`);
}
function RQ(Q) {
  const A = typeof Q;
  if (A == "number" || A == "boolean" || Q == null)
    return `${Q}`;
  if (A == "string")
    return `"${Q}"`;
  if (A == "symbol") {
    const B = Q.description;
    return B == null ? "Symbol" : `Symbol(${B})`;
  }
  if (A == "function") {
    const B = Q.name;
    return typeof B == "string" && B.length > 0 ? `Function(${B})` : "Function";
  }
  if (Array.isArray(Q)) {
    const B = Q.length;
    let C = "[";
    B > 0 && (C += RQ(Q[0]));
    for (let E = 1; E < B; E++)
      C += ", " + RQ(Q[E]);
    return C += "]", C;
  }
  const I = /\[object ([^\]]+)\]/.exec(toString.call(Q));
  let g;
  if (I && I.length > 1)
    g = I[1];
  else
    return toString.call(Q);
  if (g == "Object")
    try {
      return "Object(" + JSON.stringify(Q) + ")";
    } catch {
      return "Object";
    }
  return Q instanceof Error ? `${Q.name}: ${Q.message}
${Q.stack}` : g;
}
function CB(Q, A) {
  return Q = Q >>> 0, PG().subarray(Q / 4, Q / 4 + A);
}
function uG(Q, A) {
  return Q = Q >>> 0, bG().subarray(Q / 2, Q / 2 + A);
}
function gQ(Q, A) {
  return Q = Q >>> 0, TG().subarray(Q / 4, Q / 4 + A);
}
function EB(Q, A) {
  return Q = Q >>> 0, jI().subarray(Q / 1, Q / 1 + A);
}
let RI = null;
function iI() {
  return (RI === null || RI.buffer.detached === !0 || RI.buffer.detached === void 0 && RI.buffer !== U.memory.buffer) && (RI = new DataView(U.memory.buffer)), RI;
}
let OI = null;
function PG() {
  return (OI === null || OI.byteLength === 0) && (OI = new Float32Array(U.memory.buffer)), OI;
}
function yg(Q, A) {
  return Q = Q >>> 0, OG(Q, A);
}
let ZI = null;
function bG() {
  return (ZI === null || ZI.byteLength === 0) && (ZI = new Uint16Array(U.memory.buffer)), ZI;
}
let vI = null;
function TG() {
  return (vI === null || vI.byteLength === 0) && (vI = new Uint32Array(U.memory.buffer)), vI;
}
let XI = null;
function jI() {
  return (XI === null || XI.byteLength === 0) && (XI = new Uint8Array(U.memory.buffer)), XI;
}
function bI(Q, A) {
  try {
    return Q.apply(this, A);
  } catch (I) {
    const g = Wi(I);
    U.__wbindgen_exn_store(g);
  }
}
function FI(Q) {
  return Q == null;
}
function zI(Q, A, I) {
  if (I === void 0) {
    const D = _I.encode(Q), o = A(D.length, 1) >>> 0;
    return jI().subarray(o, o + D.length).set(D), UI = D.length, o;
  }
  let g = Q.length, B = A(g, 1) >>> 0;
  const C = jI();
  let E = 0;
  for (; E < g; E++) {
    const D = Q.charCodeAt(E);
    if (D > 127) break;
    C[B + E] = D;
  }
  if (E !== g) {
    E !== 0 && (Q = Q.slice(E)), B = I(B, g, g = E + Q.length * 3, 1) >>> 0;
    const D = jI().subarray(B + E, B + g), o = _I.encodeInto(Q, D);
    E += o.written, B = I(B, g, E, 1) >>> 0;
  }
  return UI = E, B;
}
function W(Q) {
  const A = U.__wbindgen_externrefs.get(Q);
  return U.__externref_table_dealloc(Q), A;
}
let Jg = new TextDecoder("utf-8", { ignoreBOM: !0, fatal: !0 });
Jg.decode();
const mG = 2146435072;
let QQ = 0;
function OG(Q, A) {
  return QQ += A, QQ >= mG && (Jg = new TextDecoder("utf-8", { ignoreBOM: !0, fatal: !0 }), Jg.decode(), QQ = A), Jg.decode(jI().subarray(Q, Q + A));
}
const _I = new TextEncoder();
"encodeInto" in _I || (_I.encodeInto = function(Q, A) {
  const I = _I.encode(Q);
  return A.set(I), {
    read: Q.length,
    written: I.length
  };
});
let UI = 0, U;
function ZG(Q, A) {
  return U = Q.exports, RI = null, OI = null, ZI = null, vI = null, XI = null, U.__wbindgen_start(), U;
}
async function vG(Q, A) {
  if (typeof Response == "function" && Q instanceof Response) {
    if (typeof WebAssembly.instantiateStreaming == "function")
      try {
        return await WebAssembly.instantiateStreaming(Q, A);
      } catch (B) {
        if (Q.ok && I(Q.type) && Q.headers.get("Content-Type") !== "application/wasm")
          console.warn("`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm with `application/wasm` MIME type. Falling back to `WebAssembly.instantiate` which is slower. Original error:\n", B);
        else
          throw B;
      }
    const g = await Q.arrayBuffer();
    return await WebAssembly.instantiate(g, A);
  } else {
    const g = await WebAssembly.instantiate(Q, A);
    return g instanceof WebAssembly.Instance ? { instance: g, module: Q } : g;
  }
  function I(g) {
    switch (g) {
      case "basic":
      case "cors":
      case "default":
        return !0;
    }
    return !1;
  }
}
async function XG(Q) {
  if (U !== void 0) return U;
  Q !== void 0 && (Object.getPrototypeOf(Q) === Object.prototype ? { module_or_path: Q } = Q : console.warn("using deprecated parameters for the initialization function; pass a single object instead"));
  const A = pG();
  (typeof Q == "string" || typeof Request == "function" && Q instanceof Request || typeof URL == "function" && Q instanceof URL) && (Q = fetch(Q));
  const { instance: I, module: g } = await vG(await Q, A);
  return ZG(I);
}
function VG(Q) {
  return Q > 64 && Q < 91 ? Q - 65 : Q > 96 && Q < 123 ? Q - 71 : Q > 47 && Q < 58 ? Q + 4 : Q === 43 ? 62 : Q === 47 ? 63 : 0;
}
function WG(Q, A) {
  const I = Q.replace(/[^A-Za-z0-9+/]/g, ""), g = I.length, B = A ? Math.ceil((g * 3 + 1 >> 2) / A) * A : g * 3 + 1 >> 2, C = new Uint8Array(B);
  let E, D, o = 0, i = 0;
  for (let a = 0; a < g; a++)
    if (D = a & 3, o |= VG(I.charCodeAt(a)) << 6 * (3 - D), D === 3 || g - a === 1) {
      for (E = 0; E < 3 && i < B; )
        C[i] = o >>> (16 >>> E & 24) & 255, E++, i++;
      o = 0;
    }
  return C;
}
function jG(Q) {
  if (typeof Uint8Array.fromBase64 == "function") return Uint8Array.fromBase64(Q);
  let A = atob(Q), I = A.length, g = new Uint8Array(I);
  for (let B = 0; B < I; B++)
    g[B] = A.charCodeAt(B);
  return g;
}
const ji = fetch(new URL("./spark.wasm", import.meta.url)).then((answer) => answer.ok ? answer.arrayBuffer() : Promise.reject(new Error("spark.wasm: " + answer.status))).then((bytes) => WebAssembly.compile(bytes));
let zi = !1;
const $G = XG({ module_or_path: ji }).then(
  (Q) => {
    zi = !0;
  }
);
function Ah() {
  return zi;
}
const _i = '(function(){"use strict";class I{static __wrap(t){t=t>>>0;const e=Object.create(I.prototype);return e.__wbg_ptr=t,rt.register(e,e.__wbg_ptr,e),e}__destroy_into_raw(){const t=this.__wbg_ptr;return this.__wbg_ptr=0,rt.unregister(this),t}free(){const t=this.__destroy_into_raw();s.__wbg_chunkdecoder_free(t,0)}finish(){const t=this.__destroy_into_raw(),e=s.chunkdecoder_finish(t);if(e[2])throw i(e[1]);return i(e[0])}push(t){const e=s.chunkdecoder_push(this.__wbg_ptr,t);if(e[1])throw i(e[0])}}Symbol.dispose&&(I.prototype[Symbol.dispose]=I.prototype.free);class B{static __wrap(t){t=t>>>0;const e=Object.create(B.prototype);return e.__wbg_ptr=t,ot.register(e,e.__wbg_ptr,e),e}__destroy_into_raw(){const t=this.__wbg_ptr;return this.__wbg_ptr=0,ot.unregister(this),t}free(){const t=this.__destroy_into_raw();s.__wbg_csplatarray_free(t,0)}bhatt_lod(t){s.csplatarray_bhatt_lod(this.__wbg_ptr,t)}has_lod(){return s.csplatarray_has_lod(this.__wbg_ptr)!==0}inject_rgba8(t){s.csplatarray_inject_rgba8(this.__wbg_ptr,t)}len(){return s.csplatarray_len(this.__wbg_ptr)>>>0}tiny_lod(t,e){s.csplatarray_tiny_lod(this.__wbg_ptr,t,e)}to_extsplats(){const t=s.csplatarray_to_extsplats(this.__wbg_ptr);if(t[2])throw i(t[1]);return i(t[0])}to_extsplats_lod(){const t=s.csplatarray_to_extsplats_lod(this.__wbg_ptr);if(t[2])throw i(t[1]);return i(t[0])}to_packedsplats(){const t=s.csplatarray_to_packedsplats(this.__wbg_ptr);if(t[2])throw i(t[1]);return i(t[0])}to_packedsplats_lod(){const t=s.csplatarray_to_packedsplats_lod(this.__wbg_ptr);if(t[2])throw i(t[1]);return i(t[0])}get maxShDegree(){return s.__wbg_get_csplatarray_maxShDegree(this.__wbg_ptr)>>>0}get numSplats(){return s.__wbg_get_csplatarray_numSplats(this.__wbg_ptr)>>>0}set maxShDegree(t){s.__wbg_set_csplatarray_maxShDegree(this.__wbg_ptr,t)}set numSplats(t){s.__wbg_set_csplatarray_numSplats(this.__wbg_ptr,t)}}Symbol.dispose&&(B.prototype[Symbol.dispose]=B.prototype.free);class P{static __wrap(t){t=t>>>0;const e=Object.create(P.prototype);return e.__wbg_ptr=t,st.register(e,e.__wbg_ptr,e),e}__destroy_into_raw(){const t=this.__wbg_ptr;return this.__wbg_ptr=0,st.unregister(this),t}free(){const t=this.__destroy_into_raw();s.__wbg_gsplatarray_free(t,0)}get maxShDegree(){return s.__wbg_get_gsplatarray_maxShDegree(this.__wbg_ptr)>>>0}get numSplats(){return s.__wbg_get_gsplatarray_numSplats(this.__wbg_ptr)>>>0}bhatt_lod(t){s.gsplatarray_bhatt_lod(this.__wbg_ptr,t)}concat(t){Dt(t,P);const e=s.gsplatarray_concat(this.__wbg_ptr,t.__wbg_ptr);if(e[1])throw i(e[0])}encode_to_spz(t,e){const r=this.__destroy_into_raw(),o=s.gsplatarray_encode_to_spz(r,t,e);if(o[2])throw i(o[1]);return i(o[0])}has_lod(){return s.gsplatarray_has_lod(this.__wbg_ptr)!==0}inject_rgba8(t){s.gsplatarray_inject_rgba8(this.__wbg_ptr,t)}len(){return s.gsplatarray_len(this.__wbg_ptr)>>>0}tiny_lod(t,e){s.gsplatarray_tiny_lod(this.__wbg_ptr,t,e)}to_extsplats(){const t=s.gsplatarray_to_extsplats(this.__wbg_ptr);if(t[2])throw i(t[1]);return i(t[0])}to_extsplats_lod(){const t=s.gsplatarray_to_extsplats_lod(this.__wbg_ptr);if(t[2])throw i(t[1]);return i(t[0])}to_packedsplats(t){const e=s.gsplatarray_to_packedsplats(this.__wbg_ptr,t);if(e[2])throw i(e[1]);return i(e[0])}to_packedsplats_lod(t){const e=s.gsplatarray_to_packedsplats_lod(this.__wbg_ptr,t);if(e[2])throw i(e[1]);return i(e[0])}transform(t){const e=s.gsplatarray_transform(this.__wbg_ptr,t);if(e[1])throw i(e[0])}set maxShDegree(t){s.__wbg_set_gsplatarray_maxShDegree(this.__wbg_ptr,t)}set numSplats(t){s.__wbg_set_gsplatarray_numSplats(this.__wbg_ptr,t)}}Symbol.dispose&&(P.prototype[Symbol.dispose]=P.prototype.free);function dt(n,t,e,r,o,a){const _=s.bhatt_lod_extsplats(n,t,e,b(r)?0:A(r),o,b(a)?0:A(a));if(_[2])throw i(_[1]);return i(_[0])}function ft(n,t,e,r,o,a){const _=s.bhatt_lod_packedsplats(n,t,b(e)?0:A(e),r,b(o)?0:A(o),a);if(_[2])throw i(_[1]);return i(_[0])}function bt(n,t,e){var r=b(n)?0:T(n,s.__wbindgen_malloc,s.__wbindgen_realloc),o=l,a=b(t)?0:T(t,s.__wbindgen_malloc,s.__wbindgen_realloc),_=l;const c=s.decode_to_csplatarray(r,o,a,_,e);if(c[2])throw i(c[1]);return I.__wrap(c[0])}function wt(n,t,e,r,o){var a=b(n)?0:T(n,s.__wbindgen_malloc,s.__wbindgen_realloc),_=l,c=b(t)?0:T(t,s.__wbindgen_malloc,s.__wbindgen_realloc),u=l;const d=s.decode_to_extsplats(a,_,c,u,b(e)?0:A(e),b(r)?0:A(r),b(o)?0:A(o));if(d[2])throw i(d[1]);return I.__wrap(d[0])}function gt(n,t){var e=b(n)?0:T(n,s.__wbindgen_malloc,s.__wbindgen_realloc),r=l,o=b(t)?0:T(t,s.__wbindgen_malloc,s.__wbindgen_realloc),a=l;const _=s.decode_to_gsplatarray(e,r,o,a);if(_[2])throw i(_[1]);return I.__wrap(_[0])}function pt(n,t,e,r,o,a){var _=b(n)?0:T(n,s.__wbindgen_malloc,s.__wbindgen_realloc),c=l,u=b(t)?0:T(t,s.__wbindgen_malloc,s.__wbindgen_realloc),d=l;const f=s.decode_to_packedsplats(_,c,u,d,e,b(r)?0:A(r),b(o)?0:A(o),b(a)?0:A(a));if(f[2])throw i(f[1]);return I.__wrap(f[0])}function yt(n){s.dispose_lod_tree(n)}function ht(n,t,e,r,o,a,_,c,u,d,f){const y=R(r,s.__wbindgen_malloc),v=l,g=R(o,s.__wbindgen_malloc),m=l,x=F(a,s.__wbindgen_malloc),M=l,h=F(_,s.__wbindgen_malloc),p=l,L=F(c,s.__wbindgen_malloc),S=l,w=F(u,s.__wbindgen_malloc),O=l,E=F(d,s.__wbindgen_malloc),$=l,k=F(f,s.__wbindgen_malloc),U=l,D=s.dynamic_traverse_lod_trees(n,t,b(e)?4294967297:Math.fround(e),y,v,g,m,x,M,h,p,L,S,w,O,E,$,k,U);if(D[2])throw i(D[1]);return i(D[0])}function mt(n,t){const e=s.get_lod_tree_level(n,t);if(e[2])throw i(e[1]);return i(e[0])}function St(n,t){const e=s.init_lod_tree(n,t);if(e[2])throw i(e[1]);return i(e[0])}function xt(n){const t=s.new_lod_tree(n);if(t[2])throw i(t[1]);return i(t[0])}function At(n){const t=s.new_shared_lod_tree(n);if(t[2])throw i(t[1]);return i(t[0])}function Ft(n,t,e){return s.sort32_splats(n,t,e)>>>0}function vt(n,t,e){return s.sort_splats(n,t,e)>>>0}function Mt(n,t,e,r,o,a,_){const c=s.tiny_lod_extsplats(n,t,e,b(r)?0:A(r),o,a,b(_)?0:A(_));if(c[2])throw i(c[1]);return i(c[0])}function kt(n,t,e,r,o,a,_){const c=s.tiny_lod_packedsplats(n,t,b(e)?0:A(e),r,o,b(a)?0:A(a),_);if(c[2])throw i(c[1]);return i(c[0])}function Tt(n,t,e,r,o,a,_,c,u,d,f){const y=R(r,s.__wbindgen_malloc),v=l,g=R(o,s.__wbindgen_malloc),m=l,x=F(a,s.__wbindgen_malloc),M=l,h=F(_,s.__wbindgen_malloc),p=l,L=F(c,s.__wbindgen_malloc),S=l,w=F(u,s.__wbindgen_malloc),O=l,E=F(d,s.__wbindgen_malloc),$=l,k=F(f,s.__wbindgen_malloc),U=l,D=s.traverse_lod_trees(n,t,b(e)?4294967297:Math.fround(e),y,v,g,m,x,M,h,p,L,S,w,O,E,$,k,U);if(D[2])throw i(D[1]);return i(D[0])}function Lt(n,t,e,r,o){const a=R(n,s.__wbindgen_malloc),_=l,c=R(t,s.__wbindgen_malloc),u=l,d=R(e,s.__wbindgen_malloc),f=l,y=R(r,s.__wbindgen_malloc),v=l,g=s.update_lod_trees(a,_,c,u,d,f,y,v,o);if(g[2])throw i(g[1]);return i(g[0])}function $t(){return{__proto__:null,"./spark_rs_bg.js":{__proto__:null,__wbg_Error_2e59b1b37a9a34c3:function(t,e){return Error(K(t,e))},__wbg___wbindgen_boolean_get_a86c216575a75c30:function(t){const e=t,r=typeof e=="boolean"?e:void 0;return b(r)?16777215:r?1:0},__wbg___wbindgen_debug_string_dd5d2d07ce9e6c57:function(t,e){const r=H(e),o=T(r,s.__wbindgen_malloc,s.__wbindgen_realloc),a=l;C().setInt32(t+4,a,!0),C().setInt32(t+0,o,!0)},__wbg___wbindgen_in_4bd7a57e54337366:function(t,e){return t in e},__wbg___wbindgen_is_falsy_c6ddfae1bb56d5ef:function(t){return!t},__wbg___wbindgen_is_function_49868bde5eb1e745:function(t){return typeof t=="function"},__wbg___wbindgen_is_object_40c5a80572e8f9d3:function(t){const e=t;return typeof e=="object"&&e!==null},__wbg___wbindgen_is_undefined_c0cca72b82b86f4d:function(t){return t===void 0},__wbg___wbindgen_jsval_loose_eq_3a72ae764d46d944:function(t,e){return t==e},__wbg___wbindgen_number_get_7579aab02a8a620c:function(t,e){const r=e,o=typeof r=="number"?r:void 0;C().setFloat64(t+8,b(o)?0:o,!0),C().setInt32(t+0,!b(o),!0)},__wbg___wbindgen_string_get_914df97fcfa788f2:function(t,e){const r=e,o=typeof r=="string"?r:void 0;var a=b(o)?0:T(o,s.__wbindgen_malloc,s.__wbindgen_realloc),_=l;C().setInt32(t+4,_,!0),C().setInt32(t+0,a,!0)},__wbg___wbindgen_throw_81fc77679af83bc6:function(t,e){throw new Error(K(t,e))},__wbg_call_7f2987183bb62793:function(){return Y(function(t,e){return t.call(e)},arguments)},__wbg_csplatarray_new:function(t){return B.__wrap(t)},__wbg_done_547d467e97529006:function(t){return t.done},__wbg_error_a6fa202b58aa1cd3:function(t,e){let r,o;try{r=t,o=e,console.error(K(t,e))}finally{s.__wbindgen_free(r,o,1)}},__wbg_get_4848e350b40afc16:function(t,e){return t[e>>>0]},__wbg_get_ed0642c4b9d31ddf:function(){return Y(function(t,e){return Reflect.get(t,e)},arguments)},__wbg_get_f96702c6245e4ef9:function(){return Y(function(t,e){return Reflect.get(t,e)},arguments)},__wbg_get_unchecked_7d7babe32e9e6a54:function(t,e){return t[e>>>0]},__wbg_get_with_ref_key_6412cf3094599694:function(t,e){return t[e]},__wbg_gsplatarray_new:function(t){return P.__wrap(t)},__wbg_instanceof_ArrayBuffer_ff7c1337a5e3b33a:function(t){let e;try{e=t instanceof ArrayBuffer}catch{e=!1}return e},__wbg_instanceof_Uint8Array_4b8da683deb25d72:function(t){let e;try{e=t instanceof Uint8Array}catch{e=!1}return e},__wbg_isArray_db61795ad004c139:function(t){return Array.isArray(t)},__wbg_iterator_de403ef31815a3e6:function(){return Symbol.iterator},__wbg_length_0c32cb8543c8e4c8:function(t){return t.length},__wbg_length_1e701798fdcaa3b4:function(t){return t.length},__wbg_length_6e821edde497a532:function(t){return t.length},__wbg_length_a4ca9e78359b5f1f:function(t){return t.length},__wbg_length_fd4646b401926788:function(t){return t.length},__wbg_new_227d7c05414eb861:function(){return new Error},__wbg_new_4f9fafbb3909af72:function(){return new Object},__wbg_new_a560378ea1240b14:function(t){return new Uint8Array(t)},__wbg_new_f3c9df4f38f3f798:function(){return new Array},__wbg_new_from_slice_2580ff33d0d10520:function(t,e){return new Uint8Array(at(t,e))},__wbg_new_with_length_26bffbe236bf73f9:function(t){return new Float32Array(t>>>0)},__wbg_new_with_length_41a22191b9bdfd66:function(t){return new Uint32Array(t>>>0)},__wbg_next_01132ed6134b8ef5:function(t){return t.next},__wbg_next_b3713ec761a9dbfd:function(){return Y(function(t){return t.next()},arguments)},__wbg_prototypesetcall_3e05eb9545565046:function(t,e,r){Uint8Array.prototype.set.call(at(t,e),r)},__wbg_prototypesetcall_64c287a27cc24d27:function(t,e,r){Uint16Array.prototype.set.call(Et(t,e),r)},__wbg_prototypesetcall_e42275e601e14eeb:function(t,e,r){Uint32Array.prototype.set.call(tt(t,e),r)},__wbg_push_6bdbc990be5ac37b:function(t,e){return t.push(e)},__wbg_set_448126769bf7c181:function(t,e,r){t.set(tt(e,r))},__wbg_set_6be42768c690e380:function(t,e,r){t[e]=r},__wbg_set_6c60b2e8ad0e9383:function(t,e,r){t[e>>>0]=r},__wbg_set_81b4174352e6a095:function(t,e,r){t.set(e,r>>>0)},__wbg_set_8ee2d34facb8466e:function(){return Y(function(t,e,r){return Reflect.set(t,e,r)},arguments)},__wbg_set_a98c8da6557e63de:function(t,e,r){t.set(_t(e,r))},__wbg_set_index_338a66e40fc45dee:function(t,e,r){t[e>>>0]=r>>>0},__wbg_stack_3b0d974bbf31e44f:function(t,e){const r=e.stack,o=T(r,s.__wbindgen_malloc,s.__wbindgen_realloc),a=l;C().setInt32(t+4,a,!0),C().setInt32(t+0,o,!0)},__wbg_subarray_0f98d3fb634508ad:function(t,e,r){return t.subarray(e>>>0,r>>>0)},__wbg_subarray_517cd0f1811ab872:function(t,e,r){return t.subarray(e>>>0,r>>>0)},__wbg_subarray_d51e89458b3fdbf6:function(t,e,r){return t.subarray(e>>>0,r>>>0)},__wbg_value_7f6052747ccf940f:function(t){return t.value},__wbindgen_cast_0000000000000001:function(t){return t},__wbindgen_cast_0000000000000002:function(t,e){return _t(t,e)},__wbindgen_cast_0000000000000003:function(t,e){return tt(t,e)},__wbindgen_cast_0000000000000004:function(t,e){return K(t,e)},__wbindgen_cast_0000000000000005:function(t){return BigInt.asUintN(64,t)},__wbindgen_init_externref_table:function(){const t=s.__wbindgen_externrefs,e=t.grow(4);t.set(0,void 0),t.set(e+0,void 0),t.set(e+1,null),t.set(e+2,!0),t.set(e+3,!1)}}}}const rt=typeof FinalizationRegistry>"u"?{register:()=>{},unregister:()=>{}}:new FinalizationRegistry(n=>s.__wbg_chunkdecoder_free(n>>>0,1)),ot=typeof FinalizationRegistry>"u"?{register:()=>{},unregister:()=>{}}:new FinalizationRegistry(n=>s.__wbg_csplatarray_free(n>>>0,1)),st=typeof FinalizationRegistry>"u"?{register:()=>{},unregister:()=>{}}:new FinalizationRegistry(n=>s.__wbg_gsplatarray_free(n>>>0,1));function A(n){const t=s.__externref_table_alloc();return s.__wbindgen_externrefs.set(t,n),t}function Dt(n,t){if(!(n instanceof t))throw new Error(`expected instance of ${t.name}`)}function H(n){const t=typeof n;if(t=="number"||t=="boolean"||n==null)return`${n}`;if(t=="string")return`"${n}"`;if(t=="symbol"){const o=n.description;return o==null?"Symbol":`Symbol(${o})`}if(t=="function"){const o=n.name;return typeof o=="string"&&o.length>0?`Function(${o})`:"Function"}if(Array.isArray(n)){const o=n.length;let a="[";o>0&&(a+=H(n[0]));for(let _=1;_<o;_++)a+=", "+H(n[_]);return a+="]",a}const e=/\\[object ([^\\]]+)\\]/.exec(toString.call(n));let r;if(e&&e.length>1)r=e[1];else return toString.call(n);if(r=="Object")try{return"Object("+JSON.stringify(n)+")"}catch{return"Object"}return n instanceof Error?`${n.name}: ${n.message}\n${n.stack}`:r}function _t(n,t){return n=n>>>0,ct().subarray(n/4,n/4+t)}function Et(n,t){return n=n>>>0,Ut().subarray(n/2,n/2+t)}function tt(n,t){return n=n>>>0,it().subarray(n/4,n/4+t)}function at(n,t){return n=n>>>0,X().subarray(n/1,n/1+t)}let j=null;function C(){return(j===null||j.buffer.detached===!0||j.buffer.detached===void 0&&j.buffer!==s.memory.buffer)&&(j=new DataView(s.memory.buffer)),j}let N=null;function ct(){return(N===null||N.byteLength===0)&&(N=new Float32Array(s.memory.buffer)),N}function K(n,t){return n=n>>>0,Ct(n,t)}let q=null;function Ut(){return(q===null||q.byteLength===0)&&(q=new Uint16Array(s.memory.buffer)),q}let V=null;function it(){return(V===null||V.byteLength===0)&&(V=new Uint32Array(s.memory.buffer)),V}let J=null;function X(){return(J===null||J.byteLength===0)&&(J=new Uint8Array(s.memory.buffer)),J}function Y(n,t){try{return n.apply(this,t)}catch(e){const r=A(e);s.__wbindgen_exn_store(r)}}function b(n){return n==null}function R(n,t){const e=t(n.length*4,4)>>>0;return it().set(n,e/4),l=n.length,e}function F(n,t){const e=t(n.length*4,4)>>>0;return ct().set(n,e/4),l=n.length,e}function T(n,t,e){if(e===void 0){const c=G.encode(n),u=t(c.length,1)>>>0;return X().subarray(u,u+c.length).set(c),l=c.length,u}let r=n.length,o=t(r,1)>>>0;const a=X();let _=0;for(;_<r;_++){const c=n.charCodeAt(_);if(c>127)break;a[o+_]=c}if(_!==r){_!==0&&(n=n.slice(_)),o=e(o,r,r=_+n.length*3,1)>>>0;const c=X().subarray(o+_,o+r),u=G.encodeInto(n,c);_+=u.written,o=e(o,r,_,1)>>>0}return l=_,o}function i(n){const t=s.__wbindgen_externrefs.get(n);return s.__externref_table_dealloc(n),t}let Q=new TextDecoder("utf-8",{ignoreBOM:!0,fatal:!0});Q.decode();const It=2146435072;let et=0;function Ct(n,t){return et+=t,et>=It&&(Q=new TextDecoder("utf-8",{ignoreBOM:!0,fatal:!0}),Q.decode(),et=t),Q.decode(X().subarray(n,n+t))}const G=new TextEncoder;"encodeInto"in G||(G.encodeInto=function(n,t){const e=G.encode(n);return t.set(e),{read:n.length,written:e.length}});let l=0,s;function Rt(n,t){return s=n.exports,j=null,N=null,q=null,V=null,J=null,s.__wbindgen_start(),s}async function Ot(n,t){if(typeof Response=="function"&&n instanceof Response){if(typeof WebAssembly.instantiateStreaming=="function")try{return await WebAssembly.instantiateStreaming(n,t)}catch(o){if(n.ok&&e(n.type)&&n.headers.get("Content-Type")!=="application/wasm")console.warn("`WebAssembly.instantiateStreaming` failed because your server does not serve Wasm with `application/wasm` MIME type. Falling back to `WebAssembly.instantiate` which is slower. Original error:\\n",o);else throw o}const r=await n.arrayBuffer();return await WebAssembly.instantiate(r,t)}else{const r=await WebAssembly.instantiate(n,t);return r instanceof WebAssembly.Instance?{instance:r,module:n}:r}function e(r){switch(r){case"basic":case"cors":case"default":return!0}return!1}}async function jt(n){if(s!==void 0)return s;n!==void 0&&(Object.getPrototypeOf(n)===Object.prototype?{module_or_path:n}=n:console.warn("using deprecated parameters for the initialization function; pass a single object instead"));const t=$t();(typeof n=="string"||typeof Request=="function"&&n instanceof Request||typeof URL=="function"&&n instanceof URL)&&(n=fetch(n));const{instance:e}=await Ot(await n,t);return Rt(e)}const Wt={sortSplats16:zt,sortSplats32:Pt,loadPackedSplats:Bt,loadExtSplats:Nt,tinyLodPackedSplats:qt,qualityLodPackedSplats:Vt,tinyLodExtSplats:Jt,qualityLodExtSplats:Xt,newLodTree:Yt,newSharedLodTree:Gt,initLodTree:Kt,disposeLodTree:Qt,updateLodTrees:Zt,traverseLodTrees:Ht,getLodTreeLevel:te,nextChunk:ee};async function lt(n){const{id:t,name:e,args:r}=n.data;try{const o=Wt[e];if(!o)throw new Error(`Unknown worker RPC: ${e}`);const _=await o(r,{sendStatus:c=>{self.postMessage({id:t,status:c},{transfer:nt(c)})}});self.postMessage({id:t,result:_},{transfer:nt(_)})}catch(o){console.warn(`Worker error: ${o}`),self.postMessage({id:t,error:o},{transfer:nt(o)})}}function zt({numSplats:n,readback:t,ordering:e}){return{activeSplats:vt(n,t,e),readback:t,ordering:e}}function Pt({numSplats:n,readback:t,ordering:e}){return{activeSplats:Ft(n,t,e),readback:t,ordering:e}}async function Z({decoder:n,fileBytes:t,url:e,requestHeader:r,withCredentials:o,chunked:a,chunkedLength:_,sendStatus:c}){let u,d=0;if(t)u=new ReadableStream({start(g){g.enqueue(t),g.close()}}),d=t.length;else if(e){const g=new Request(e,{headers:r?new Headers(r):void 0,credentials:o?"include":"same-origin"}),m=await fetch(g);if(!m.ok||!m.body)throw new Error(`Failed to fetch "${e}": ${m.status} ${m.statusText}`);u=m.body;const x=Number.parseInt(m.headers.get("Content-Length")||"0");d=Number.isNaN(x)?0:x}else if(a)u=new ReadableStream({async start(g){async function m(){const M=new Promise(p=>{ut=p});c({nextChunk:!0});const h=await M;return h.length===0?(g.close(),!0):(g.enqueue(h),!1)}let x;do x=await m();while(!x)}}),d=_??0;else throw new Error("No url or fileBytes provided");const f=u.getReader();let y=0;for(;;){const{done:g,value:m}=await f.read();if(g){f.releaseLock();break}y+=m.length,c({loaded:y,total:d}),n.push(m)}return n.finish()}function W(n){return{numSplats:n.numSplats,packedArray:n.packed,extra:{sh1:n.sh1,sh2:n.sh2,sh3:n.sh3,sh1Codes:n.sh1Codes,sh2Codes:n.sh2Codes,sh3Codes:n.sh3Codes,lodTree:n.lodTree},splatEncoding:n.splatEncoding}}async function Bt({url:n,requestHeader:t,withCredentials:e,fileBytes:r,fileType:o,pathName:a,chunked:_,chunkedLength:c,encoding:u,lod:d,lodBase:f,lodAbove:y,nonLod:v,sh1Codes:g,sh2Codes:m,sh3Codes:x},{sendStatus:M}){if(!d){const k=pt(o,a??n,u,g,m,x),U=await Z({decoder:k,fileBytes:r,url:n,requestHeader:t,withCredentials:e,chunked:_,chunkedLength:c,sendStatus:M}),D=W(U);return D.splatEncoding.lodOpacity?{lodSplats:D}:D}const h=bt(o,a??n,u),p=await Z({decoder:h,fileBytes:r,url:n,requestHeader:t,withCredentials:e,chunked:_,chunkedLength:c,sendStatus:M});if(p.has_lod())return{lodSplats:W(p.to_packedsplats_lod())};if(y!==void 0&&p.len()<y)return W(p.to_packedsplats());let L={};v&&(L=W(p.to_packedsplats()));const S=p.len(),w=d==="quality"?"Bhatt":"Tiny";console.log(`Loaded ${S} splats. Starting ${w} LoD build...`);const O=performance.now();if(d==="quality"){const k=Math.max(1.1,Math.min(2,f??1.25));p.bhatt_lod(k)}else{const k=Math.max(1.1,Math.min(2,f??1.5));p.tiny_lod(k,!1)}const E=performance.now()-O;console.log(`${w} LoD: ${S} -> ${p.len()} (${E} ms)`);const $=p.to_packedsplats_lod();return L.lodSplats=W($),L}function z(n){return{numSplats:n.numSplats,extArrays:[n.ext0,n.ext1],extra:{sh1:n.sh1,sh2:n.sh2,sh3a:n.sh3a,sh3b:n.sh3b,sh1Codes:n.sh1Codes,sh2Codes:n.sh2Codes,sh3Codes:n.sh3Codes,lodTree:n.lodTree}}}async function Nt({url:n,requestHeader:t,withCredentials:e,fileBytes:r,fileType:o,pathName:a,chunked:_,chunkedLength:c,lod:u,lodBase:d,lodAbove:f,nonLod:y,sh1Codes:v,sh2Codes:g,sh3Codes:m},{sendStatus:x}){if(!u){const $=wt(o,a??n,v,g,m),k=await Z({decoder:$,fileBytes:r,url:n,requestHeader:t,withCredentials:e,chunked:_,chunkedLength:c,sendStatus:x}),U=z(k);return U.extra.lodTree?{lodSplats:U}:U}const M=gt(o,a??n),h=await Z({decoder:M,fileBytes:r,url:n,requestHeader:t,withCredentials:e,chunked:_,chunkedLength:c,sendStatus:x});if(h.has_lod())return{lodSplats:z(h.to_extsplats_lod())};if(f!==void 0&&h.len()<f)return z(h.to_extsplats());let p={};y&&(p=z(h.to_extsplats()));const L=h.len(),S=u==="quality"?"Bhatt":"Tiny";console.log(`Loaded ${L} splats. Starting ${S} LoD build...`);const w=performance.now();if(u==="quality"){const $=Math.max(1.1,Math.min(2,d??1.75));h.bhatt_lod($)}else{const $=Math.max(1.1,Math.min(2,d??1.5));h.tiny_lod($,!1)}const O=performance.now()-w;console.log(`${S} LoD: ${L} -> ${h.len()} (${O} ms)`);const E=h.to_extsplats_lod();return p.lodSplats=z(E),p}async function qt({numSplats:n,packedArray:t,extra:e,lodBase:r,rgba:o,encoding:a}){const _=Math.max(1.1,Math.min(2,r??1.5)),c=performance.now(),d=kt(n,t,e,_,!1,o,a),f=performance.now()-c,y=W(d);return console.log(`Tiny LoD: ${n} -> ${y.numSplats} (${f} ms)`),y}async function Vt({numSplats:n,packedArray:t,extra:e,lodBase:r,rgba:o,encoding:a}){const _=Math.max(1.1,Math.min(2,r??1.75)),c=performance.now(),u=ft(n,t,e,_,o,a),d=performance.now()-c,f=W(u);return console.log(`Bhatt LoD: ${n} -> ${f.numSplats} (${d} ms)`),f}async function Jt({numSplats:n,extArrays:t,extra:e,lodBase:r,rgba:o,encoding:a}){const _=Math.max(1.1,Math.min(2,r??1.5)),c=performance.now(),d=Mt(n,t[0],t[1],e,_,!1,o),f=performance.now()-c,y=z(d);return console.log(`Tiny LoD: ${n} -> ${y.numSplats} (${f} ms)`),y}async function Xt({numSplats:n,extArrays:t,extra:e,lodBase:r,rgba:o,encoding:a}){const _=Math.max(1.1,Math.min(2,r??1.75)),c=performance.now(),u=dt(n,t[0],t[1],e,_,o),d=performance.now()-c,f=z(u);return console.log(`Bhatt LoD: ${n} -> ${f.numSplats} (${d} ms)`),f}function Yt({capacity:n}){const{lodId:t}=xt(n);return{lodId:t}}function Gt({lodId:n}){const{lodId:t}=At(n);return{lodId:t}}function Kt({numSplats:n,lodTree:t}){const{lodId:e,chunkToPage:r}=St(n,t);return{lodId:e,chunkToPage:r}}function Qt({lodId:n}){yt(n)}function Zt({ranges:n}){const t=new Uint32Array(n.map(({lodId:_})=>_)),e=new Uint32Array(n.map(({pageBase:_})=>_)),r=new Uint32Array(n.map(({chunkBase:_})=>_)),o=new Uint32Array(n.map(({count:_})=>_)),a=n.map(({lodTreeData:_})=>_);Lt(t,e,r,o,a)}function Ht({maxSplats:n,pixelScaleLimit:t,lastPixelLimit:e,instances:r,traverseMode:o}){const a=Object.entries(r),_=new Uint32Array(a.map(([S,w])=>w.lodId)),c=new Uint32Array(a.map(([S,w])=>w.rootPage??4294967295)),u=new Float32Array(a.flatMap(([S,w])=>{if(w.viewToObjectCols.length!==16)throw new Error("Incorrect array size for viewToObjectCols");return w.viewToObjectCols})),d=new Float32Array(a.map(([S,w])=>w.lodScale)),f=new Float32Array(a.map(([S,w])=>w.behindFoveate)),y=new Float32Array(a.map(([S,w])=>w.coneFov0)),v=new Float32Array(a.map(([S,w])=>w.coneFov)),g=new Float32Array(a.map(([S,w])=>w.coneFoveate)),x=(o==="dynamic"?ht:Tt)(n,t,e,_,c,u,d,f,g,y,v),{instanceIndices:M,chunks:h,pixelLimit:p}=x;return{keyIndices:a.reduce((S,[w,O],E)=>(S[w]=M[E],S),{}),chunks:h,pixelLimit:p}}function te({lodId:n,level:t}){return mt(n,t)}let ut=n=>{};async function ee({chunk:n}){ut(n)}function nt(n){const t=[],e=new Set;function r(o){o&&typeof o=="object"&&!e.has(o)&&(e.add(o),o instanceof ArrayBuffer?t.push(o):ArrayBuffer.isView(o)?t.push(o.buffer):Array.isArray(o)?o.forEach(r):Object.values(o).forEach(r))}return r(n),t}async function ne(){let n;const t=new Promise(o=>{n=o}),e=[],r=o=>{if(o.data.name==="init-wasm"){n(o.data.module);return}e.push(o)};self.addEventListener("message",r),await jt({module_or_path:await t}),self.removeEventListener("message",r),self.addEventListener("message",lt);for(const o of e)lt(o);e.length=0}ne().catch(console.error)})();\n//# sourceMappingURL=worker-D5xrpgfn.js.map\n', DB = typeof self < "u" && self.Blob && new Blob([_i], { type: "text/javascript;charset=utf-8" });
function Ih(Q) {
  let A;
  try {
    if (A = DB && (self.URL || self.webkitURL).createObjectURL(DB), !A) throw "";
    const I = new Worker(A, {
      name: Q == null ? void 0 : Q.name
    });
    return I.addEventListener("error", () => {
      (self.URL || self.webkitURL).revokeObjectURL(A);
    }), I;
  } catch {
    return new Worker(
      "data:text/javascript;charset=utf-8," + encodeURIComponent(_i),
      {
        name: Q == null ? void 0 : Q.name
      }
    );
  } finally {
    A && (self.URL || self.webkitURL).revokeObjectURL(A);
  }
}
const pg = class pg {
  constructor() {
    this.queue = null, this.messages = {}, this.worker = new Ih(), this.worker.onmessage = (A) => this.onMessage(A), ji.then((A) => {
      this.worker.postMessage({ name: "init-wasm", module: A });
    });
  }
  onMessage(A) {
    var D;
    const { id: I, result: g, error: B, status: C } = A.data, E = this.messages[I];
    E && (B !== void 0 ? (delete this.messages[I], E.reject(B)) : C !== void 0 ? (D = E.onStatus) == null || D.call(E, C) : (delete this.messages[I], E.resolve(g)));
  }
  tryExclusive(A) {
    return this.queue == null ? this.exclusive(A) : null;
  }
  async exclusive(A) {
    const I = this.queue;
    I != null ? await new Promise((g) => {
      I.push(() => g(void 0));
    }) : this.queue = [];
    try {
      return await A(this);
    } finally {
      this.queue != null && (this.queue.length === 0 ? this.queue = null : this.queue.shift()());
    }
  }
  async call(A, I, g = {}) {
    const B = ++pg.currentId, C = new Promise((E, D) => {
      this.messages[B] = {
        resolve: E,
        reject: D,
        onStatus: g.onStatus
      };
    });
    return this.worker.postMessage(
      { id: B, name: A, args: I },
      { transfer: _C(I) }
    ), await C;
  }
  dispose() {
    this.worker.terminate();
    const A = Object.values(this.messages);
    this.messages = {};
    for (const I of A)
      I.reject(new Error("Worker terminate"));
  }
};
pg.currentId = 0;
let Dg = pg;
class gh {
  constructor(A = 4) {
    this.numWorkers = 0, this.freelist = [], this.queue = [], this.maxWorkers = A;
  }
  async withWorker(A) {
    const I = await this.allocWorker();
    try {
      return await A(I);
    } finally {
      this.freeWorker(I);
    }
  }
  async allocWorker() {
    const A = this.freelist.pop();
    if (A)
      return A;
    if (this.numWorkers < this.maxWorkers) {
      const I = new Dg();
      return this.numWorkers += 1, I;
    }
    return new Promise((I) => {
      this.queue.push(I);
    });
  }
  freeWorker(A) {
    if (this.numWorkers > this.maxWorkers) {
      this.numWorkers -= 1;
      return;
    }
    const I = this.queue.shift();
    if (I) {
      I(A);
      return;
    }
    this.freelist.push(A);
  }
}
const Zg = new gh(), sA = class sA {
  constructor(A = {}) {
    this.maxSplats = 0, this.numSplats = 0, this.packedArray = null, this.maxSh = 3, this.isInitialized = !1, this.target = null, this.source = null, this.needsUpdate = !0, this.extra = {}, this.dyno = new $i({ packedSplats: this }), this.dynoRgbMinMaxLnScaleMinMax = new uI({
      key: "rgbMinMaxLnScaleMinMax",
      value: new s.Vector4(0, 1, LA, HA),
      update: (I) => {
        var g, B, C, E;
        return I.set(
          ((g = this.splatEncoding) == null ? void 0 : g.rgbMin) ?? 0,
          ((B = this.splatEncoding) == null ? void 0 : B.rgbMax) ?? 1,
          ((C = this.splatEncoding) == null ? void 0 : C.lnScaleMin) ?? LA,
          ((E = this.splatEncoding) == null ? void 0 : E.lnScaleMax) ?? HA
        ), I;
      }
    }), this.dynoNumSh = new jA({
      key: "numSh",
      value: 0,
      update: () => Math.min(this.getNumSh(), this.maxSh)
    }), this.dynoShMax = new GI({
      key: "shMax",
      value: new s.Vector3(),
      update: (I) => {
        var g, B, C;
        return I.set(
          ((g = this.splatEncoding) == null ? void 0 : g.sh1Max) ?? 1,
          ((B = this.splatEncoding) == null ? void 0 : B.sh2Max) ?? 1,
          ((C = this.splatEncoding) == null ? void 0 : C.sh3Max) ?? 1
        ), I;
      }
    }), this.initialized = Promise.resolve(this), this.reinitialize(A);
  }
  reinitialize(A) {
    this.isInitialized = !1, this.extra = {}, this.maxSplats = A.maxSplats ?? 0, this.splatEncoding = A.splatEncoding, this.lod = A.lod, this.nonLod = A.nonLod, A.url || A.fileBytes || A.stream || A.construct ? this.initialized = this.asyncInitialize(A).then(() => (this.isInitialized = !0, this)) : (this.initialize(A), this.isInitialized = !0, this.initialized = Promise.resolve(this));
  }
  initialize(A) {
    this.extra = A.extra ?? {}, this.splatEncoding = A.splatEncoding ?? this.splatEncoding, this.lodSplats = A.lodSplats, A.packedArray ? (this.packedArray = A.packedArray, this.numSplats = A.numSplats ?? this.packedArray.length / 4, this.maxSplats = Math.floor(this.packedArray.length / 4), this.maxSplats = Math.floor(this.maxSplats / r) * r, this.numSplats = Math.min(
      this.maxSplats,
      A.numSplats ?? Number.POSITIVE_INFINITY
    )) : (this.maxSplats = A.maxSplats ?? 0, this.numSplats = 0);
  }
  async asyncInitialize(A) {
    const {
      url: I,
      fileBytes: g,
      fileType: B,
      fileName: C,
      stream: E,
      streamLength: D,
      construct: o,
      lod: i,
      nonLod: a,
      lodAbove: w
    } = A;
    this.lod = i, this.nonLod = a;
    const G = new Io();
    if ((g || I || E) && await G.loadInternalAsync({
      packedSplats: this,
      url: I,
      fileBytes: g,
      fileType: B,
      fileName: C,
      stream: E,
      streamLength: D,
      onProgress: A.onProgress,
      lodAbove: w
    }), o) {
      const h = o(this);
      h instanceof Promise && await h;
    }
  }
  // Call this when you are finished with the PackedSplats and want to free
  // any buffers it holds.
  dispose() {
    this.target && (this.target.dispose(), this.target.texture.source.data = null, this.target = null), this.source && (this.source.dispose(), this.source.source.data = null, this.source = null), this.packedArray = null;
    for (const A in this.extra) {
      const I = this.extra[A];
      if (I instanceof Y) {
        const g = I.value;
        g != null && g.isTexture && (g.dispose(), g.source.data = null);
      }
    }
    this.extra = {}, this.disposeLodSplats();
  }
  prepareFetchSplat() {
  }
  getNumSplats() {
    return this.numSplats;
  }
  hasRgbDir() {
    return Math.min(this.getNumSh(), this.maxSh) > 0;
  }
  getNumSh() {
    return this.extra.sh1 ? this.extra.sh2 ? this.extra.sh3 ? 3 : 2 : 1 : 0;
  }
  setMaxSh(A) {
    this.maxSh = A;
  }
  fetchSplat({
    index: A,
    viewOrigin: I
  }) {
    let g = LB(this.dyno, A);
    if (this.hasRgbDir() && I) {
      const B = eA(g).outputs.center, C = Ig(zA(B, I)), { sh1Texture: E, sh2Texture: D, sh3Texture: o } = this.ensureShTextures();
      let { rgb: i } = Ao({
        coord: KQ(A),
        viewDir: C,
        numSh: this.dynoNumSh,
        sh1Texture: E,
        sh2Texture: D,
        sh3Texture: o,
        shMax: this.dynoShMax
      });
      i = NA(i, eA(g).outputs.rgb), g = WA({ gsplat: g, rgb: i });
    }
    return g;
  }
  ensureShTextures() {
    if (!this.extra.sh1)
      return {};
    let A = this.extra.sh1Texture;
    if (!A) {
      let B = this.extra.sh1;
      const { width: C, height: E, depth: D, maxSplats: o } = X(
        B.length / 2
      );
      if (B.length < o * 2) {
        const a = new Uint32Array(o * 2);
        a.set(B), this.extra.sh1 = a, B = a;
      }
      const i = new s.DataArrayTexture(B, C, E, D);
      i.format = s.RGIntegerFormat, i.type = s.UnsignedIntType, i.internalFormat = "RG32UI", i.needsUpdate = !0, A = new dA({
        value: i,
        key: "sh1"
      }), this.extra.sh1Texture = A;
    }
    if (!this.extra.sh2)
      return { sh1Texture: A };
    let I = this.extra.sh2Texture;
    if (!I) {
      let B = this.extra.sh2;
      const { width: C, height: E, depth: D, maxSplats: o } = X(
        B.length / 4
      );
      if (B.length < o * 4) {
        const a = new Uint32Array(o * 4);
        a.set(B), this.extra.sh2 = a, B = a;
      }
      const i = new s.DataArrayTexture(B, C, E, D);
      i.format = s.RGBAIntegerFormat, i.type = s.UnsignedIntType, i.internalFormat = "RGBA32UI", i.needsUpdate = !0, I = new dA({
        value: i,
        key: "sh2"
      }), this.extra.sh2Texture = I;
    }
    if (!this.extra.sh3)
      return { sh1Texture: A, sh2Texture: I };
    let g = this.extra.sh3Texture;
    if (!g) {
      let B = this.extra.sh3;
      const { width: C, height: E, depth: D, maxSplats: o } = X(
        B.length / 4
      );
      if (B.length < o * 4) {
        const a = new Uint32Array(o * 4);
        a.set(B), this.extra.sh3 = a, B = a;
      }
      const i = new s.DataArrayTexture(B, C, E, D);
      i.format = s.RGBAIntegerFormat, i.type = s.UnsignedIntType, i.internalFormat = "RGBA32UI", i.needsUpdate = !0, g = new dA({
        value: i,
        key: "sh3"
      }), this.extra.sh3Texture = g;
    }
    return { sh1Texture: A, sh2Texture: I, sh3Texture: g };
  }
  // Ensures that this.packedArray can fit numSplats Gsplats. If it's too small,
  // resize exponentially and copy over the original data.
  //
  // Typically you don't need to call this, because calling this.setSplat(index, ...)
  // and this.pushSplat(...) will automatically call ensureSplats() so we have
  // enough splats.
  ensureSplats(A) {
    const I = A <= this.maxSplats ? this.maxSplats : (
      // Grow exponentially to avoid frequent reallocations
      Math.max(A, 2 * this.maxSplats)
    ), g = this.packedArray ? this.packedArray.length / 4 : 0;
    if (!this.packedArray || I > g) {
      this.maxSplats = X(I).maxSplats;
      const B = new Uint32Array(this.maxSplats * 4);
      this.packedArray && B.set(this.packedArray), this.packedArray = B;
    }
    return this.packedArray;
  }
  // Ensure the extra array for the given level is large enough to hold numSplats
  ensureSplatsSh(A, I) {
    let g, B;
    if (A === 0)
      return this.ensureSplats(I);
    if (A === 1)
      g = 2, B = "sh1";
    else if (A === 2)
      g = 4, B = "sh2";
    else if (A === 3)
      g = 4, B = "sh3";
    else
      throw new Error(`Invalid level: ${A}`);
    let C = this.extra[B] ? this.extra[B].length / g : 0;
    const E = I <= C ? C : Math.max(I, 2 * C);
    if (!this.extra[B] || E > C) {
      C = X(E).maxSplats;
      const D = new Uint32Array(C * g);
      this.extra[B] && D.set(this.extra[B]), this.extra[B] = D;
    }
    return this.extra[B];
  }
  // Unpack the 16-byte Gsplat data at index into the Three.js components
  // center: THREE.Vector3, scales: THREE.Vector3, quaternion: THREE.Quaternion,
  // opacity: number 0..1, color: THREE.Color 0..1.
  getSplat(A) {
    if (!this.packedArray || A >= this.numSplats)
      throw new Error("Invalid index");
    return Hg(this.packedArray, A, this.splatEncoding);
  }
  // Set all PackedSplat components at index with the provided Gsplat attributes
  // (can be the same objects returned by getSplat). Ensures there is capacity
  // for at least index+1 Gsplats.
  setSplat(A, I, g, B, C, E) {
    const D = this.ensureSplats(A + 1);
    hQ(
      D,
      A,
      I.x,
      I.y,
      I.z,
      g.x,
      g.y,
      g.z,
      B.x,
      B.y,
      B.z,
      B.w,
      C,
      E.r,
      E.g,
      E.b
    ), this.numSplats = Math.max(this.numSplats, A + 1);
  }
  // Effectively calls this.setSplat(this.numSplats++, center, ...), useful on
  // construction where you just want to iterate and create a collection of Gsplats.
  pushSplat(A, I, g, B, C) {
    const E = this.ensureSplats(this.numSplats + 1);
    hQ(
      E,
      this.numSplats,
      A.x,
      A.y,
      A.z,
      I.x,
      I.y,
      I.z,
      g.x,
      g.y,
      g.z,
      g.w,
      B,
      C.r,
      C.g,
      C.b
    ), ++this.numSplats;
  }
  // Iterate over Gsplats index 0..=(this.numSplats-1), unpack each Gsplat
  // and invoke the callback function with the Gsplat attributes.
  forEachSplat(A) {
    if (!(!this.packedArray || !this.numSplats))
      for (let I = 0; I < this.numSplats; ++I) {
        const g = Hg(this.packedArray, I, this.splatEncoding);
        A(
          I,
          g.center,
          g.scales,
          g.quaternion,
          g.opacity,
          g.color
        );
      }
  }
  // Ensures our PackedSplats.target render target has enough space to generate
  // maxSplats total Gsplats, and reallocate if not large enough.
  ensureGenerate(A) {
    if (this.target && (A ?? 1) <= this.maxSplats)
      return !1;
    this.target && this.target.dispose();
    const I = X(A ?? 1), { width: g, height: B, depth: C } = I;
    return this.maxSplats = I.maxSplats, this.target = new s.WebGLArrayRenderTarget(g, B, C, {
      depthBuffer: !1,
      stencilBuffer: !1,
      generateMipmaps: !1,
      magFilter: s.NearestFilter,
      minFilter: s.NearestFilter
    }), this.target.texture.format = s.RGBAIntegerFormat, this.target.texture.type = s.UnsignedIntType, this.target.texture.internalFormat = "RGBA32UI", this.target.scissorTest = !0, !0;
  }
  // Given an array of splatCounts (.numSplats for each
  // SplatGenerator/SplatMesh in the scene), compute a
  // "mapping layout" in the composite array of generated outputs.
  generateMapping(A) {
    let I = 0;
    const g = A.map((B) => {
      const C = I, E = Math.ceil(B / r) * r;
      return I += E, { base: C, count: B };
    });
    return { maxSplats: I, mapping: g };
  }
  // Returns a THREE.DataArrayTexture representing the PackedSplats content as
  // a Uint32x4 data array texture (2048 x 2048 x depth in size)
  getTexture() {
    return this.target ? this.target.texture : this.source || this.packedArray ? this.maybeUpdateSource() : sA.getEmptyArray;
  }
  // Check if source texture needs to be created/updated
  maybeUpdateSource() {
    if (!this.packedArray)
      throw new Error("No packed splats");
    if (this.needsUpdate || !this.source) {
      if (this.needsUpdate = !1, this.source) {
        const { width: A, height: I, depth: g } = this.source.image;
        this.maxSplats !== A * I * g && (this.source.dispose(), this.source = null);
      }
      if (this.source)
        this.packedArray.buffer !== this.source.image.data.buffer && (this.source.image.data = new Uint8Array(this.packedArray.buffer));
      else {
        const { width: A, height: I, depth: g } = X(this.maxSplats);
        this.source = new s.DataArrayTexture(
          this.packedArray,
          A,
          I,
          g
        ), this.source.format = s.RGBAIntegerFormat, this.source.type = s.UnsignedIntType, this.source.internalFormat = "RGBA32UI", this.source.needsUpdate = !0;
      }
      this.source.needsUpdate = !0;
    }
    return this.source;
  }
  // Get a program and THREE.RawShaderMaterial for a given GsplatGenerator,
  // generating it if necessary and caching the result.
  prepareProgramMaterial(A) {
    let I = sA.generatorProgram.get(A);
    if (!I) {
      const B = aA(
        { index: "int" },
        {},
        ({ index: C }, E, { roots: D }) => {
          A.inputs.index = C;
          const o = A.outputs.gsplat, i = qQ(
            o,
            this.dynoRgbMinMaxLnScaleMinMax
          );
          D.push(i);
        }
      );
      sA.programTemplate || (sA.programTemplate = new Ag(
        gg().computeUvec4Template
      )), I = new mg({
        graph: B,
        inputs: { index: "_index" },
        outputs: { output: "target" },
        template: sA.programTemplate
      }), Object.assign(I.uniforms, {
        targetLayer: { value: 0 },
        targetBase: { value: 0 },
        targetCount: { value: 0 }
      }), sA.generatorProgram.set(A, I);
    }
    const g = I.prepareMaterial();
    return sA.fullScreenQuad.material = g, { program: I, material: g };
  }
  saveRenderState(A) {
    return {
      target: A.getRenderTarget(),
      xrEnabled: A.xr.enabled,
      autoClear: A.autoClear
    };
  }
  resetRenderState(A, I) {
    A.setRenderTarget(I.target), A.xr.enabled = I.xrEnabled, A.autoClear = I.autoClear;
  }
  // Executes a dyno program specified by generator which is any DynoBlock that
  // maps { index: "int" } to { gsplat: Gsplat }. This is called in
  // SparkRenderer.updateInternal() to re-generate Gsplats in the scene for
  // SplatGenerator instances whose version is newer than what was generated
  // for it last time.
  generate({
    generator: A,
    base: I,
    count: g,
    renderer: B
  }) {
    if (!this.target)
      throw new Error("Target must be initialized with ensureSplats");
    if (I + g > this.maxSplats)
      throw new Error("Base + count exceeds maxSplats");
    const { program: C, material: E } = this.prepareProgramMaterial(A);
    C.update();
    const D = this.saveRenderState(B), o = Math.ceil((I + g) / r) * r, i = r * rA;
    for (E.uniforms.targetBase.value = I, E.uniforms.targetCount.value = g; I < o; ) {
      const a = Math.floor(I / i);
      E.uniforms.targetLayer.value = a;
      const w = a * i, G = Math.floor((I - w) / r), h = Math.min(
        rA,
        Math.ceil((o - w) / r)
      );
      this.target.scissor.set(
        0,
        G,
        r,
        h - G
      ), B.setRenderTarget(this.target, a), B.xr.enabled = !1, B.autoClear = !1, sA.fullScreenQuad.render(B), I += r * (h - G);
    }
    return this.resetRenderState(B, D), { nextBase: o };
  }
  disposeLodSplats() {
    this.lodSplats && (this.lodSplats.dispose(), this.lodSplats = void 0);
  }
  async createLodSplats({
    rgbaArray: A,
    quality: I
  } = {}) {
    const g = typeof this.lod == "number" ? Math.max(1.1, Math.min(2, this.lod)) : I ? 1.75 : 1.5, B = this.packedArray.slice(), C = A ? (await A.getArray()).slice() : void 0, E = {
      sh1: this.extra.sh1 ? this.extra.sh1.slice() : void 0,
      sh2: this.extra.sh2 ? this.extra.sh2.slice() : void 0,
      sh3: this.extra.sh3 ? this.extra.sh3.slice() : void 0
    }, D = await Zg.withWorker(async (i) => await i.call(
      I ? "qualityLodPackedSplats" : "tinyLodPackedSplats",
      {
        numSplats: this.numSplats,
        packedArray: B,
        extra: E,
        lodBase: g,
        rgba: C,
        encoding: this.splatEncoding ?? fg
      }
    )), o = new sA(D);
    this.lodSplats && this.lodSplats.dispose(), this.lodSplats = o, this.nonLod = !0, this.lod = I ? "quality" : !0;
  }
  extractSplats(A, I) {
    const g = X(A.length).maxSplats, B = new sA({ maxSplats: g });
    for (let C = 0; C < A.length; C++) {
      const E = this.getSplat(A[C]);
      if (I) {
        let D = (A[C] >>> 16) * 0.61803398875;
        D = D - Math.floor(D);
        const o = Math.max(0, Math.min(1, Math.abs(D * 6 - 3) - 1)), i = Math.max(0, Math.min(1, Math.abs(D * 6 + 1) - 1)), a = Math.max(0, Math.min(1, Math.abs(D * 6 - 1) - 1));
        E.color.r *= o, E.color.g *= i, E.color.b *= a;
      }
      B.pushSplat(
        E.center,
        E.scales,
        E.quaternion,
        E.opacity,
        E.color
      );
    }
    return B;
  }
};
sA.getEmptyArray = (() => {
  const { width: A, height: I, depth: g, maxSplats: B } = X(1), C = new Uint32Array(B * 4), E = new s.DataArrayTexture(
    C,
    A,
    I,
    g
  );
  return E.format = s.RGBAIntegerFormat, E.type = s.UnsignedIntType, E.internalFormat = "RGBA32UI", E.needsUpdate = !0, E;
})(), sA.programTemplate = null, sA.generatorProgram = /* @__PURE__ */ new WeakMap(), sA.fullScreenQuad = new MQ(
  new s.RawShaderMaterial({ visible: !1 })
), sA.emptyUint32x4 = (() => {
  const { width: A, height: I, depth: g, maxSplats: B } = X(1), C = new Uint32Array(B * 4), E = new s.DataArrayTexture(
    C,
    A,
    I,
    g
  );
  return E.format = s.RGBAIntegerFormat, E.type = s.UnsignedIntType, E.internalFormat = "RGBA32UI", E.needsUpdate = !0, E;
})(), sA.emptyUint32x2 = (() => {
  const { width: A, height: I, depth: g, maxSplats: B } = X(1), C = new Uint32Array(B * 2), E = new s.DataArrayTexture(
    C,
    A,
    I,
    g
  );
  return E.format = s.RGIntegerFormat, E.type = s.UnsignedIntType, E.internalFormat = "RG32UI", E.needsUpdate = !0, E;
})();
let EI = sA;
class $i extends Y {
  constructor({ packedSplats: A } = {}) {
    super({
      key: "packedSplats",
      type: ug,
      globals: () => [Pg],
      value: {
        textureArray: EI.getEmptyArray,
        numSplats: 0,
        rgbMinMaxLnScaleMinMax: new s.Vector4(
          0,
          1,
          LA,
          HA
        ),
        lodOpacity: !1
      },
      update: (I) => {
        var g, B, C, E, D, o, i, a, w, G, h, k;
        return I.textureArray = ((g = this.packedSplats) == null ? void 0 : g.getTexture()) ?? EI.getEmptyArray, I.numSplats = ((B = this.packedSplats) == null ? void 0 : B.numSplats) ?? 0, I.rgbMinMaxLnScaleMinMax.set(
          ((E = (C = this.packedSplats) == null ? void 0 : C.splatEncoding) == null ? void 0 : E.rgbMin) ?? 0,
          ((o = (D = this.packedSplats) == null ? void 0 : D.splatEncoding) == null ? void 0 : o.rgbMax) ?? 1,
          ((a = (i = this.packedSplats) == null ? void 0 : i.splatEncoding) == null ? void 0 : a.lnScaleMin) ?? LA,
          ((G = (w = this.packedSplats) == null ? void 0 : w.splatEncoding) == null ? void 0 : G.lnScaleMax) ?? HA
        ), I.lodOpacity = ((k = (h = this.packedSplats) == null ? void 0 : h.splatEncoding) == null ? void 0 : k.lodOpacity) ?? !1, I;
      }
    }), this.packedSplats = A;
  }
}
const Qh = _(
  /* glsl */
  `
  vec3 evaluatePackedSH1(uvec2 packedData, vec3 viewDir, float sh1Max) {
    // Extract sint7 values packed into 2 x uint32
    vec3 sh1_0 = vec3(ivec3(
      int(packedData.x << 25u) >> 25,
      int(packedData.x << 18u) >> 25,
      int(packedData.x << 11u) >> 25
    ));
    vec3 sh1_1 = vec3(ivec3(
      int(packedData.x << 4u) >> 25,
      int((packedData.x >> 3u) | (packedData.y << 29u)) >> 25,
      int(packedData.y << 22u) >> 25
    ));
    vec3 sh1_2 = vec3(ivec3(
      int(packedData.y << 15u) >> 25,
      int(packedData.y << 8u) >> 25,
      int(packedData.y << 1u) >> 25
    ));

    vec3 rgb = sh1_0 * (-0.4886025 * viewDir.y)
      + sh1_1 * (0.4886025 * viewDir.z)
      + sh1_2 * (-0.4886025 * viewDir.x);
    return rgb * (sh1Max / 63.0);
  }
`
), Bh = _(
  /* glsl */
  `
  vec3 evaluatePackedSH2(uvec4 packedData, vec3 viewDir, float sh2Max) {
    // Extract sint8 values packed into 4 x uint32
    vec3 sh2_0 = vec3(ivec3(
      int(packedData.x << 24u) >> 24,
      int(packedData.x << 16u) >> 24,
      int(packedData.x << 8u) >> 24
    ));
    vec3 sh2_1 = vec3(ivec3(
      int(packedData.x) >> 24,
      int(packedData.y << 24u) >> 24,
      int(packedData.y << 16u) >> 24
    ));
    vec3 sh2_2 = vec3(ivec3(
      int(packedData.y << 8u) >> 24,
      int(packedData.y) >> 24,
      int(packedData.z << 24u) >> 24
    ));
    vec3 sh2_3 = vec3(ivec3(
      int(packedData.z << 16u) >> 24,
      int(packedData.z << 8u) >> 24,
      int(packedData.z) >> 24
    ));
    vec3 sh2_4 = vec3(ivec3(
      int(packedData.w << 24u) >> 24,
      int(packedData.w << 16u) >> 24,
      int(packedData.w << 8u) >> 24
    ));

    vec3 rgb = sh2_0 * (1.0925484 * viewDir.x * viewDir.y)
      + sh2_1 * (-1.0925484 * viewDir.y * viewDir.z)
      + sh2_2 * (0.3153915 * (2.0 * viewDir.z * viewDir.z - viewDir.x * viewDir.x - viewDir.y * viewDir.y))
      + sh2_3 * (-1.0925484 * viewDir.x * viewDir.z)
      + sh2_4 * (0.5462742 * (viewDir.x * viewDir.x - viewDir.y * viewDir.y));
    return rgb * (sh2Max / 127.0);
  }
`
), Ch = _(
  /* glsl */
  `
  vec3 evaluatePackedSH3(uvec4 packedData, vec3 viewDir, float sh3Max) {
    // Extract sint6 values packed into 4 x uint32
    vec3 sh3_0 = vec3(ivec3(
      int(packedData.x << 26u) >> 26,
      int(packedData.x << 20u) >> 26,
      int(packedData.x << 14u) >> 26
    ));
    vec3 sh3_1 = vec3(ivec3(
      int(packedData.x << 8u) >> 26,
      int(packedData.x << 2u) >> 26,
      int((packedData.x >> 4u) | (packedData.y << 28u)) >> 26
    ));
    vec3 sh3_2 = vec3(ivec3(
      int(packedData.y << 22u) >> 26,
      int(packedData.y << 16u) >> 26,
      int(packedData.y << 10u) >> 26
    ));
    vec3 sh3_3 = vec3(ivec3(
      int(packedData.y << 4u) >> 26,
      int((packedData.y >> 2u) | (packedData.z << 30u)) >> 26,
      int(packedData.z << 24u) >> 26
    ));
    vec3 sh3_4 = vec3(ivec3(
      int(packedData.z << 18u) >> 26,
      int(packedData.z << 12u) >> 26,
      int(packedData.z << 6u) >> 26
    ));
    vec3 sh3_5 = vec3(ivec3(
      int(packedData.z) >> 26,
      int(packedData.w << 26u) >> 26,
      int(packedData.w << 20u) >> 26
    ));
    vec3 sh3_6 = vec3(ivec3(
      int(packedData.w << 14u) >> 26,
      int(packedData.w << 8u) >> 26,
      int(packedData.w << 2u) >> 26
    ));

    float xx = viewDir.x * viewDir.x;
    float yy = viewDir.y * viewDir.y;
    float zz = viewDir.z * viewDir.z;
    float xy = viewDir.x * viewDir.y;
    float yz = viewDir.y * viewDir.z;
    float zx = viewDir.z * viewDir.x;

    vec3 rgb = sh3_0 * (-0.5900436 * viewDir.y * (3.0 * xx - yy))
      + sh3_1 * (2.8906114 * xy * viewDir.z) +
      + sh3_2 * (-0.4570458 * viewDir.y * (4.0 * zz - xx - yy))
      + sh3_3 * (0.3731763 * viewDir.z * (2.0 * zz - 3.0 * xx - 3.0 * yy))
      + sh3_4 * (-0.4570458 * viewDir.x * (4.0 * zz - xx - yy))
      + sh3_5 * (1.4453057 * viewDir.z * (xx - yy))
      + sh3_6 * (-0.5900436 * viewDir.x * (xx - 3.0 * yy));
    return rgb * (sh3Max / 31.0);
  }
`
);
function Ao({
  coord: Q,
  viewDir: A,
  numSh: I,
  sh1Texture: g,
  sh2Texture: B,
  sh3Texture: C,
  shMax: E
}) {
  return new H({
    inTypes: {
      coord: "ivec3",
      viewDir: "vec3",
      numSh: "int",
      sh1Texture: "usampler2DArray",
      sh2Texture: "usampler2DArray",
      sh3Texture: "usampler2DArray",
      shMax: "vec3"
    },
    outTypes: { rgb: "vec3" },
    inputs: {
      coord: Q,
      viewDir: A,
      numSh: I,
      sh1Texture: g,
      sh2Texture: B,
      sh3Texture: C,
      shMax: E
    },
    globals: () => [
      Qh,
      Bh,
      Ch
    ],
    statements: ({ inputs: D, outputs: o }) => {
      const i = ["vec3 rgb = vec3(0.0);"];
      return D.sh1Texture && (i.push(
        ...u(
          /* glsl */
          `
          if (${D.numSh} >= 1) {
            vec3 sh1Rgb = evaluatePackedSH1(texelFetch(${D.sh1Texture}, ${D.coord}, 0).rg, ${D.viewDir}, ${D.shMax}.x);
            rgb += sh1Rgb;
          `
        )
      ), D.sh2Texture && (i.push(
        ...u(
          /* glsl */
          `
            if (${D.numSh} >= 2) {
              vec3 sh2Rgb = evaluatePackedSH2(texelFetch(${D.sh2Texture}, ${D.coord}, 0), ${D.viewDir}, ${D.shMax}.y);
              rgb += sh2Rgb;
            `
        )
      ), D.sh3Texture && i.push(
        ...u(
          /* glsl */
          `
              if (${D.numSh} >= 3) {
                vec3 sh3Rgb = evaluatePackedSH3(texelFetch(${D.sh3Texture}, ${D.coord}, 0), ${D.viewDir}, ${D.shMax}.z);
                rgb += sh3Rgb;
              }
            `
        )
      ), i.push("}")), i.push("}")), i.push(`${o.rgb} = rgb;`), i;
    }
  }).outputs;
}
class Io extends wo {
  constructor(A) {
    super(A), this.fileLoader = new so(A);
  }
  load(A, I, g, B) {
    return this.loadInternal({
      url: A,
      onLoad: I,
      onProgress: g,
      onError: B
    });
  }
  async loadAsync(A, I) {
    return new Promise((g, B) => {
      this.load(
        A,
        (C) => {
          g(C);
        },
        I,
        B
      );
    });
  }
  parse(A) {
    return new TA({ packedSplats: A });
  }
  loadInternal({
    packedSplats: A,
    extSplats: I,
    url: g,
    fileBytes: B,
    fileType: C,
    fileName: E,
    stream: D,
    streamLength: o,
    onLoad: i,
    onProgress: a,
    onError: w,
    lod: G,
    nonLod: h,
    lodAbove: k,
    lodBase: t
  }) {
    B instanceof ArrayBuffer && (B = new Uint8Array(B));
    const y = B ? void 0 : this.manager.resolveURL((this.path ?? "") + (g ?? ""));
    let S = D == null ? void 0 : D.getReader();
    this.manager.itemStart(y ?? ""), Zg.withWorker(async (R) => {
      const F = (A == null ? void 0 : A.lod) ?? (I == null ? void 0 : I.lod);
      F && (G = F);
      const N = (A == null ? void 0 : A.nonLod) ?? (I == null ? void 0 : I.nonLod);
      N !== void 0 && (h = N);
      const c = async (q) => {
        const { loaded: L, total: d } = q;
        if (L !== void 0 && a && a(
          new ProgressEvent("progress", {
            lengthComputable: d !== 0,
            loaded: L,
            total: d
          })
        ), q.nextChunk) {
          let j;
          if (!S)
            j = new Uint8Array(0);
          else {
            const { done: p, value: T } = await S.read();
            p ? (S.releaseLock(), S = void 0, j = new Uint8Array(0)) : j = T;
          }
          R.call("nextChunk", { chunk: j });
        }
      }, J = y ? new URL(y, window.location.href).toString() : void 0, M = await R.call(
        I ? "loadExtSplats" : "loadPackedSplats",
        {
          url: J,
          requestHeader: this.requestHeader,
          withCredentials: this.withCredentials,
          fileBytes: B == null ? void 0 : B.slice(),
          fileType: C,
          pathName: y || E,
          chunked: D !== void 0,
          chunkedLength: o,
          encoding: A == null ? void 0 : A.splatEncoding,
          lod: G,
          lodBase: t,
          nonLod: h,
          lodAbove: k
        },
        { onStatus: c }
      ), K = M;
      "lodSplats" in M && (I ? K.lodSplats = new gI({
        ...M.lodSplats
      }) : K.lodSplats = new EI({
        ...M.lodSplats,
        maxSplats: A == null ? void 0 : A.maxSplats
      }));
      let n;
      I ? (n = I, I.initialize(K)) : (n = A ?? new EI(), n.initialize(K)), i == null || i(n);
    }).catch((R) => {
      this.manager.itemError(y ?? ""), w == null || w(R);
    }).finally(() => {
      this.manager.itemEnd(y ?? "");
    });
  }
  async loadInternalAsync({
    packedSplats: A,
    extSplats: I,
    url: g,
    fileBytes: B,
    fileType: C,
    fileName: E,
    stream: D,
    streamLength: o,
    onProgress: i,
    lod: a,
    nonLod: w,
    lodAbove: G,
    lodBase: h
  }) {
    return new Promise((k, t) => {
      this.loadInternal({
        packedSplats: A,
        extSplats: I,
        url: g,
        fileBytes: B,
        fileType: C,
        fileName: E,
        stream: D,
        streamLength: o,
        onLoad: k,
        onProgress: i,
        onError: t,
        lod: a,
        nonLod: w,
        lodAbove: G,
        lodBase: h
      });
    });
  }
}
function go(Q) {
  const I = new DataView(Q.buffer).getUint32(0, !0);
  if ((I & 16777215) === 7957616)
    return KA.PLY;
  if ((I & 16777215) === 559903) {
    const g = DE(Q, 4);
    return new DataView(g.buffer).getUint32(0, !0) === 1347635022 ? KA.SPZ : void 0;
  }
  if (I === 67324752)
    return ih(Q) ? KA.PCSOGSZIP : void 0;
  if (I === 809779538)
    return KA.RAD;
}
function Eh(Q) {
  const A = Q.split(/[?#]/, 1)[0], I = Math.max(
    A.lastIndexOf("/"),
    A.lastIndexOf("\\")
  ), g = A.slice(I + 1), B = g.lastIndexOf(".");
  return B <= 0 || B === g.length - 1 ? "" : g.slice(B + 1).toLowerCase();
}
function Qo(Q) {
  const A = Eh(Q);
  if (A === "ply")
    return KA.PLY;
  if (A === "spz")
    return KA.SPZ;
  if (A === "splat")
    return KA.SPLAT;
  if (A === "ksplat")
    return KA.KSPLAT;
  if (A === "sog")
    return KA.PCSOGSZIP;
  if (A === "rad")
    return KA.RAD;
}
function Dh(Q) {
  try {
    let A;
    if (typeof Q == "string")
      A = Q;
    else {
      const B = Q instanceof ArrayBuffer ? new Uint8Array(Q) : Q;
      if (B.length > 65536)
        return;
      A = new TextDecoder().decode(B);
    }
    const I = JSON.parse(A);
    if (!I || typeof I != "object" || Array.isArray(I))
      return;
    const g = I.version === 2;
    for (const B of ["means", "scales", "quats", "sh0"]) {
      if (!I[B] || typeof I[B] != "object" || Array.isArray(I[B]))
        return;
      if (g) {
        if (!I[B].files || (B === "scales" || B === "sh0") && !I[B].codebook || B === "means" && (!I[B].mins || !I[B].maxs))
          return;
      } else if (!I[B].shape || !I[B].files || B !== "quats" && (!I[B].mins || !I[B].maxs))
        return;
    }
    return I;
  } catch {
    return;
  }
}
function ih(Q) {
  try {
    const A = Q instanceof ArrayBuffer ? new Uint8Array(Q) : Q;
    let I = null;
    const g = Ow(A, {
      filter: ({ name: C }) => C.split(/[\\/]/).pop() === "meta.json" ? (I = C, !0) : !1
    });
    if (!I)
      return;
    const B = Dh(g[I]);
    return B ? { name: I, json: B } : void 0;
  } catch {
    return;
  }
}
const SA = class SA {
  constructor(A = {}) {
    this.maxSplats = 0, this.numSplats = 0, this.extra = {}, this.maxSh = 3, this.isInitialized = !1, this.extArrays = [new Uint32Array(0), new Uint32Array(0)], this.textures = [SA.emptyTexture, SA.emptyTexture], this.extra = {}, this.dyno = new oh({ extSplats: this }), this.dynoNumSh = new jA({
      key: "numSh",
      value: 0,
      update: () => Math.min(this.getNumSh(), this.maxSh)
    }), this.initialized = Promise.resolve(this), this.reinitialize(A);
  }
  reinitialize(A) {
    this.isInitialized = !1, this.extra = {}, this.maxSplats = A.maxSplats ?? 0, this.lod = A.lod, this.nonLod = A.nonLod, A.url || A.fileBytes || A.stream || A.construct ? this.initialized = this.asyncInitialize(A).then(() => (this.isInitialized = !0, this)) : (this.initialize(A), this.isInitialized = !0, this.initialized = Promise.resolve(this));
  }
  initialize(A) {
    this.extra = A.extra ?? {}, this.lodSplats = A.lodSplats, A.extArrays ? (this.extArrays = A.extArrays, this.maxSplats = Math.floor(
      Math.min(this.extArrays[0].length / 4, this.extArrays[1].length / 4)
    ), this.numSplats = A.numSplats ?? this.maxSplats, this.maxSplats = Math.floor(this.maxSplats / r) * r, this.numSplats = Math.min(
      this.maxSplats,
      A.numSplats ?? Number.POSITIVE_INFINITY
    ), this.updateTextures()) : (this.maxSplats = A.maxSplats ?? 0, this.numSplats = 0, this.extArrays = [new Uint32Array(0), new Uint32Array(0)]);
  }
  async asyncInitialize(A) {
    const {
      url: I,
      fileBytes: g,
      fileType: B,
      fileName: C,
      stream: E,
      streamLength: D,
      construct: o,
      lod: i,
      nonLod: a,
      lodAbove: w
    } = A;
    this.lod = i, this.nonLod = a;
    const G = new Io();
    if ((g || I || E) && await G.loadInternalAsync({
      extSplats: this,
      url: I,
      fileBytes: g,
      fileType: B,
      fileName: C,
      stream: E,
      streamLength: D,
      onProgress: A.onProgress,
      lodAbove: w
    }), o) {
      const h = o(this);
      h instanceof Promise && await h;
    }
  }
  // Call this when you are finished with the PackedSplats and want to free
  // any buffers it holds.
  dispose() {
    this.textures[0] !== SA.emptyTexture && (this.textures[0].dispose(), this.textures[0].source.data = null, this.textures[0] = SA.emptyTexture), this.textures[1] !== SA.emptyTexture && (this.textures[1].dispose(), this.textures[1].source.data = null, this.textures[1] = SA.emptyTexture), this.extArrays = [new Uint32Array(0), new Uint32Array(0)];
    for (const A in this.extra) {
      const I = this.extra[A];
      if (I instanceof Y) {
        const g = I.value;
        g != null && g.isTexture && (g.dispose(), g.source.data = null);
      }
    }
    this.extra = {}, this.disposeLodSplats();
  }
  prepareFetchSplat() {
  }
  getNumSplats() {
    return this.numSplats;
  }
  hasRgbDir() {
    return Math.min(this.getNumSh(), this.maxSh) > 0;
  }
  getNumSh() {
    return this.extra.sh1 ? this.extra.sh2 ? !this.extra.sh3a || !this.extra.sh3b ? 2 : 3 : 1 : 0;
  }
  setMaxSh(A) {
    this.maxSh = A;
  }
  fetchSplat({
    index: A,
    viewOrigin: I
  }) {
    let g = YB(this.dyno, A);
    if (this.hasRgbDir() && I) {
      const B = eA(g).outputs.center, C = Ig(zA(B, I)), { sh1Texture: E, sh2Texture: D, sh3TextureA: o, sh3TextureB: i } = this.ensureShTextures();
      let { rgb: a } = Bo({
        coord: KQ(A),
        viewDir: C,
        numSh: this.dynoNumSh,
        sh1Texture: E,
        sh2Texture: D,
        sh3TextureA: o,
        sh3TextureB: i
      });
      a = NA(a, eA(g).outputs.rgb), g = WA({ gsplat: g, rgb: a });
    }
    return g;
  }
  ensureShTextures() {
    if (!this.extra.sh1)
      return {};
    let A = this.extra.sh1Texture;
    if (!A) {
      let C = this.extra.sh1;
      const { width: E, height: D, depth: o, maxSplats: i } = X(
        C.length / 4
      );
      if (C.length < i * 4) {
        const w = new Uint32Array(i * 4);
        w.set(C), this.extra.sh1 = w, C = w;
      }
      const a = yI(
        C,
        E,
        D,
        o,
        s.RGBAIntegerFormat,
        s.UnsignedIntType,
        "RGBA32UI"
      );
      A = new dA({
        value: a,
        key: "sh1"
      }), this.extra.sh1Texture = A;
    }
    if (!this.extra.sh2)
      return { sh1Texture: A };
    let I = this.extra.sh2Texture;
    if (!I) {
      let C = this.extra.sh2;
      const { width: E, height: D, depth: o, maxSplats: i } = X(
        C.length / 4
      );
      if (C.length < i * 4) {
        const w = new Uint32Array(i * 4);
        w.set(C), this.extra.sh2 = w, C = w;
      }
      const a = yI(
        C,
        E,
        D,
        o,
        s.RGBAIntegerFormat,
        s.UnsignedIntType,
        "RGBA32UI"
      );
      I = new dA({
        value: a,
        key: "sh2"
      }), this.extra.sh2Texture = I;
    }
    if (!this.extra.sh3a || !this.extra.sh3b)
      return { sh1Texture: A, sh2Texture: I };
    let g = this.extra.sh3TextureA;
    if (!g) {
      let C = this.extra.sh3a;
      const { width: E, height: D, depth: o, maxSplats: i } = X(
        C.length / 4
      );
      if (C.length < i * 4) {
        const w = new Uint32Array(i * 4);
        w.set(C), this.extra.sh3a = w, C = w;
      }
      const a = yI(
        C,
        E,
        D,
        o,
        s.RGBAIntegerFormat,
        s.UnsignedIntType,
        "RGBA32UI"
      );
      g = new dA({
        value: a,
        key: "sh3"
      }), this.extra.sh3TextureA = g;
    }
    let B = this.extra.sh3TextureB;
    if (!B) {
      let C = this.extra.sh3b;
      const { width: E, height: D, depth: o, maxSplats: i } = X(
        C.length / 4
      );
      if (C.length < i * 4) {
        const w = new Uint32Array(i * 4);
        w.set(C), this.extra.sh3b = w, C = w;
      }
      const a = yI(
        C,
        E,
        D,
        o,
        s.RGBAIntegerFormat,
        s.UnsignedIntType,
        "RGBA32UI"
      );
      B = new dA({
        value: a,
        key: "sh3b"
      }), this.extra.sh3TextureB = B;
    }
    return { sh1Texture: A, sh2Texture: I, sh3TextureA: g, sh3TextureB: B };
  }
  // Ensures that this.extArrays can fit numSplats Gsplats. If it's too small,
  // resize exponentially and copy over the original data.
  //
  // Typically you don't need to call this, because calling this.setSplat(index, ...)
  // and this.pushSplat(...) will automatically call ensureSplats() so we have
  // enough splats.
  ensureSplats(A) {
    const I = A <= this.maxSplats ? this.maxSplats : (
      // Grow exponentially to avoid frequent reallocations
      Math.max(A, 2 * this.maxSplats)
    ), g = this.extArrays[0] ? this.extArrays[0].length / 4 : 0;
    if (!this.extArrays[0] || I > g) {
      this.maxSplats = X(I).maxSplats;
      const B = new Uint32Array(this.maxSplats * 4), C = new Uint32Array(this.maxSplats * 4);
      this.extArrays[0] && (B.set(this.extArrays[0]), C.set(this.extArrays[1])), this.extArrays[0] = B, this.extArrays[1] = C;
    }
    return this.extArrays;
  }
  // Unpack the 16-byte Gsplat data at index into the Three.js components
  // center: THREE.Vector3, scales: THREE.Vector3, quaternion: THREE.Quaternion,
  // opacity: number 0..1, color: THREE.Color 0..1.
  getSplat(A) {
    if (A >= this.numSplats)
      throw new Error("Invalid index");
    return Lg(this.extArrays, A);
  }
  // Set all ExtSplat components at index with the provided Gsplat attributes
  // (can be the same objects returned by getSplat). Ensures there is capacity
  // for at least index+1 Gsplats.
  setSplat(A, I, g, B, C, E) {
    const D = this.ensureSplats(A + 1);
    GQ(
      D,
      A,
      I.x,
      I.y,
      I.z,
      g.x,
      g.y,
      g.z,
      B.x,
      B.y,
      B.z,
      B.w,
      C,
      E.r,
      E.g,
      E.b
    ), this.numSplats = Math.max(this.numSplats, A + 1);
  }
  // Effectively calls this.setSplat(this.numSplats++, center, ...), useful on
  // construction where you just want to iterate and create a collection of Gsplats.
  pushSplat(A, I, g, B, C) {
    const E = this.ensureSplats(this.numSplats + 1);
    GQ(
      E,
      this.numSplats,
      A.x,
      A.y,
      A.z,
      I.x,
      I.y,
      I.z,
      g.x,
      g.y,
      g.z,
      g.w,
      B,
      C.r,
      C.g,
      C.b
    ), ++this.numSplats;
  }
  // Iterate over Gsplats index 0..=(this.numSplats-1), unpack each Gsplat
  // and invoke the callback function with the Gsplat attributes.
  forEachSplat(A) {
    if (this.numSplats)
      for (let I = 0; I < this.numSplats; ++I) {
        const g = Lg(this.extArrays, I);
        A(
          I,
          g.center,
          g.scales,
          g.quaternion,
          g.opacity,
          g.color
        );
      }
  }
  // Check if source texture needs to be created/updated
  updateTextures() {
    if (this.textures[0] !== SA.emptyTexture) {
      const { width: A, height: I, depth: g } = this.textures[0].image;
      this.maxSplats !== A * I * g && (this.textures[0].dispose(), this.textures[0] = SA.emptyTexture, this.textures[1].dispose(), this.textures[1] = SA.emptyTexture);
    }
    if (this.textures[0] === SA.emptyTexture) {
      const { width: A, height: I, depth: g } = X(this.maxSplats);
      this.textures[0] = yI(
        this.extArrays[0],
        A,
        I,
        g,
        s.RGBAIntegerFormat,
        s.UnsignedIntType,
        "RGBA32UI"
      ), this.textures[1] = yI(
        this.extArrays[1],
        A,
        I,
        g,
        s.RGBAIntegerFormat,
        s.UnsignedIntType,
        "RGBA32UI"
      );
    } else this.extArrays[0].buffer !== this.textures[0].image.data.buffer && (this.textures[0].image.data = new Uint8Array(this.extArrays[0].buffer), this.textures[1].image.data = new Uint8Array(this.extArrays[1].buffer), this.textures[0].needsUpdate = !0, this.textures[1].needsUpdate = !0);
  }
  extractSplats(A, I) {
    const g = X(A.length).maxSplats, B = new SA({ maxSplats: g });
    for (let C = 0; C < A.length; C++) {
      const E = this.getSplat(A[C]);
      if (I) {
        let D = (A[C] >>> 16) * 0.61803398875;
        D = D - Math.floor(D);
        const o = Math.max(0, Math.min(1, Math.abs(D * 6 - 3) - 1)), i = Math.max(0, Math.min(1, Math.abs(D * 6 + 1) - 1)), a = Math.max(0, Math.min(1, Math.abs(D * 6 - 1) - 1));
        E.color.r *= o, E.color.g *= i, E.color.b *= a;
      }
      B.pushSplat(
        E.center,
        E.scales,
        E.quaternion,
        E.opacity,
        E.color
      );
    }
    return B;
  }
  disposeLodSplats() {
    this.lodSplats && (this.lodSplats.dispose(), this.lodSplats = void 0);
  }
  async createLodSplats({
    rgbaArray: A,
    quality: I
  } = {}) {
    const g = typeof this.lod == "number" ? Math.max(1.1, Math.min(2, this.lod)) : I ? 1.75 : 1.5, B = [
      this.extArrays[0].slice(),
      this.extArrays[1].slice()
    ], C = A ? (await A.getArray()).slice() : void 0, E = {
      sh1: this.extra.sh1 ? this.extra.sh1.slice() : void 0,
      sh2: this.extra.sh2 ? this.extra.sh2.slice() : void 0,
      sh3: this.extra.sh3 ? this.extra.sh3.slice() : void 0
    }, D = await Zg.withWorker(async (i) => await i.call(
      I ? "qualityLodExtSplats" : "tinyLodExtSplats",
      {
        numSplats: this.numSplats,
        extArrays: B,
        extra: E,
        lodBase: g,
        rgba: C
      }
    )), o = new SA(D);
    this.lodSplats && this.lodSplats.dispose(), this.lodSplats = o, this.nonLod = !0, this.lod = I ? "quality" : !0;
  }
};
SA.emptyArray = (() => {
  const { width: A, height: I, depth: g, maxSplats: B } = X(1), C = new Uint32Array(B * 4), E = new s.DataArrayTexture(
    C,
    A,
    I,
    g
  );
  return E.format = s.RGBAIntegerFormat, E.type = s.UnsignedIntType, E.internalFormat = "RGBA32UI", E.needsUpdate = !0, E;
})(), SA.emptyTexture = yI(
  null,
  1,
  1,
  1,
  s.RGBAIntegerFormat,
  s.UnsignedIntType,
  "RGBA32UI"
), SA.emptyUint32x4 = (() => {
  const { width: A, height: I, depth: g, maxSplats: B } = X(1), C = new Uint32Array(B * 4), E = new s.DataArrayTexture(
    C,
    A,
    I,
    g
  );
  return E.format = s.RGBAIntegerFormat, E.type = s.UnsignedIntType, E.internalFormat = "RGBA32UI", E.needsUpdate = !0, E;
})();
let gI = SA;
class oh extends Y {
  constructor({ extSplats: A } = {}) {
    super({
      key: "extSplats",
      type: nQ,
      globals: () => [rQ],
      value: {
        textureArray1: gI.emptyTexture,
        textureArray2: gI.emptyTexture,
        numSplats: 0
      },
      update: (I) => {
        var g, B, C;
        return I.textureArray1 = ((g = this.extSplats) == null ? void 0 : g.textures[0]) ?? gI.emptyTexture, I.textureArray2 = ((B = this.extSplats) == null ? void 0 : B.textures[1]) ?? gI.emptyTexture, I.numSplats = ((C = this.extSplats) == null ? void 0 : C.numSplats) ?? 0, I;
      }
    }), this.extSplats = A;
  }
}
const wh = _(
  /* glsl */
  `
  vec3 evaluateExtSH1(uvec4 packedData, vec3 viewDir) {
    vec3 sh1_0 = decodeExtRgb(packedData.x);
    vec3 sh1_1 = decodeExtRgb(packedData.y);
    vec3 sh1_2 = decodeExtRgb(packedData.z);

    return sh1_0 * (-0.4886025 * viewDir.y)
      + sh1_1 * (0.4886025 * viewDir.z)
      + sh1_2 * (-0.4886025 * viewDir.x);
  }
`
), sh = _(
  /* glsl */
  `
  vec3 evaluateExtSH12(uvec4 packed1, uvec4 packed2, vec3 viewDir) {
    vec3 sh1_0 = decodeExtRgb(packed1.x);
    vec3 sh1_1 = decodeExtRgb(packed1.y);
    vec3 sh1_2 = decodeExtRgb(packed1.z);

    vec3 sh2_0 = decodeExtRgb(packed1.w);
    vec3 sh2_1 = decodeExtRgb(packed2.x);
    vec3 sh2_2 = decodeExtRgb(packed2.y);
    vec3 sh2_3 = decodeExtRgb(packed2.z);
    vec3 sh2_4 = decodeExtRgb(packed2.w);

    vec3 sh1Rgb = sh1_0 * (-0.4886025 * viewDir.y)
      + sh1_1 * (0.4886025 * viewDir.z)
      + sh1_2 * (-0.4886025 * viewDir.x);

    vec3 sh2Rgb = sh2_0 * (1.0925484 * viewDir.x * viewDir.y)
      + sh2_1 * (-1.0925484 * viewDir.y * viewDir.z)
      + sh2_2 * (0.3153915 * (2.0 * viewDir.z * viewDir.z - viewDir.x * viewDir.x - viewDir.y * viewDir.y))
      + sh2_3 * (-1.0925484 * viewDir.x * viewDir.z)
      + sh2_4 * (0.5462742 * (viewDir.x * viewDir.x - viewDir.y * viewDir.y));

    return sh1Rgb + sh2Rgb;
  }
`
), ah = _(
  /* glsl */
  `
  vec3 evaluateExtSH3(uvec4 packedA, uvec4 packedB, vec3 viewDir) {
    vec3 sh3_0 = decodeExtRgb(packedA.x);
    vec3 sh3_1 = decodeExtRgb(packedA.y);
    vec3 sh3_2 = decodeExtRgb(packedA.z);
    vec3 sh3_3 = decodeExtRgb(packedA.w);
    vec3 sh3_4 = decodeExtRgb(packedB.x);
    vec3 sh3_5 = decodeExtRgb(packedB.y);
    vec3 sh3_6 = decodeExtRgb(packedB.z);

    float xx = viewDir.x * viewDir.x;
    float yy = viewDir.y * viewDir.y;
    float zz = viewDir.z * viewDir.z;
    float xy = viewDir.x * viewDir.y;
    float yz = viewDir.y * viewDir.z;
    float zx = viewDir.z * viewDir.x;

    return sh3_0 * (-0.5900436 * viewDir.y * (3.0 * xx - yy))
      + sh3_1 * (2.8906114 * xy * viewDir.z) +
      + sh3_2 * (-0.4570458 * viewDir.y * (4.0 * zz - xx - yy))
      + sh3_3 * (0.3731763 * viewDir.z * (2.0 * zz - 3.0 * xx - 3.0 * yy))
      + sh3_4 * (-0.4570458 * viewDir.x * (4.0 * zz - xx - yy))
      + sh3_5 * (1.4453057 * viewDir.z * (xx - yy))
      + sh3_6 * (-0.5900436 * viewDir.x * (xx - 3.0 * yy));
  }
`
);
function Bo({
  coord: Q,
  viewDir: A,
  numSh: I,
  sh1Texture: g,
  sh2Texture: B,
  sh3TextureA: C,
  sh3TextureB: E
}) {
  return new H({
    inTypes: {
      coord: "ivec3",
      viewDir: "vec3",
      numSh: "int",
      sh1Texture: "usampler2DArray",
      sh2Texture: "usampler2DArray",
      sh3TextureA: "usampler2DArray",
      sh3TextureB: "usampler2DArray"
    },
    outTypes: { rgb: "vec3" },
    inputs: {
      coord: Q,
      viewDir: A,
      numSh: I,
      sh1Texture: g,
      sh2Texture: B,
      sh3TextureA: C,
      sh3TextureB: E
    },
    globals: () => [
      wh,
      sh,
      ah
    ],
    statements: ({ inputs: D, outputs: o }) => {
      const i = ["vec3 rgb = vec3(0.0);"];
      return D.sh1Texture && (D.sh2Texture ? (i.push(
        ...u(
          /* glsl */
          `
            if (${D.numSh} == 1) {
              rgb = evaluateExtSH1(texelFetch(${D.sh1Texture}, ${D.coord}, 0), ${D.viewDir});
            } else if (${D.numSh} >= 2) {
              rgb = evaluateExtSH12(texelFetch(${D.sh1Texture}, ${D.coord}, 0), texelFetch(${D.sh2Texture}, ${D.coord}, 0), ${D.viewDir});
            `
        )
      ), D.sh3TextureA && D.sh3TextureB && i.push(
        ...u(
          /* glsl */
          `
              if (${D.numSh} >= 3) {
                rgb += evaluateExtSH3(texelFetch(${D.sh3TextureA}, ${D.coord}, 0), texelFetch(${D.sh3TextureB}, ${D.coord}, 0), ${D.viewDir});
              }
            `
        )
      ), i.push("}")) : i.push(
        ...u(
          /* glsl */
          `
            if (${D.numSh} >= 1) {
              rgb = evaluateExtSH1(texelFetch(${D.sh1Texture}, ${D.coord}, 0), ${D.viewDir});
            }
            `
        )
      )), i.push(`${o.rgb} = rgb;`), i;
    }
  }).outputs;
}
function yI(Q, A, I, g, B, C, E) {
  const D = new s.DataArrayTexture(
    Q,
    A,
    I,
    g
  );
  return D.format = B, D.type = C, D.internalFormat = E, D.needsUpdate = !0, D;
}
const kA = class kA {
  constructor(A = {}) {
    if (this.capacity = 0, this.count = 0, this.array = null, this.readback = null, this.source = null, this.needsUpdate = !0, this.dyno = new Y({
      key: "rgbaArray",
      type: VQ,
      globals: () => [Co],
      value: {
        texture: kA.getEmpty(),
        count: 0
      },
      update: (I) => (I.texture = this.getTexture(), I.count = this.count, I)
    }), A.array) {
      this.array = A.array;
      const I = Math.floor(this.array.length / 4);
      this.capacity = Math.ceil(I / r) * r, this.capacity > I && (this.array = new Uint8Array(this.capacity * 4), this.array.set(A.array)), this.count = Math.min(
        I,
        A.count ?? Number.POSITIVE_INFINITY
      );
    } else
      this.capacity = A.capacity ?? 0, this.count = 0;
  }
  // Free up resources
  dispose() {
    this.readback && (this.readback.dispose(), this.readback = null), this.source && (this.source.dispose(), this.source = null);
  }
  // Ensure that our array is large enough to hold capacity RGBA8 values.
  ensureCapacity(A) {
    var I;
    if (!this.array || A > (((I = this.array) == null ? void 0 : I.length) ?? 0) / 4) {
      this.capacity = X(A).maxSplats;
      const g = new Uint8Array(this.capacity * 4);
      this.array && g.set(this.array), this.array = g;
    }
    return this.array;
  }
  // Get the THREE.DataArrayTexture from either the readback or the source.
  getTexture() {
    var I;
    let A = (I = this.readback) == null ? void 0 : I.getTexture();
    return (this.source || this.array) && (A = this.maybeUpdateSource()), A ?? kA.getEmpty();
  }
  // Create or get a THREE.DataArrayTexture from the data array.
  maybeUpdateSource() {
    if (!this.array)
      throw new Error("No array");
    if (this.needsUpdate || !this.source) {
      if (this.needsUpdate = !1, this.source) {
        const { width: A, height: I, depth: g } = this.source.image;
        this.capacity !== A * I * g && (this.source.dispose(), this.source = null);
      }
      if (this.source)
        this.array.buffer !== this.source.image.data.buffer && (this.source.image.data = new Uint8Array(this.array.buffer));
      else {
        const { width: A, height: I, depth: g } = X(this.capacity);
        this.source = new s.DataArrayTexture(
          this.array,
          A,
          I,
          g
        ), this.source.format = s.RGBAFormat, this.source.type = s.UnsignedByteType, this.source.internalFormat = "RGBA8", this.source.needsUpdate = !0;
      }
      this.source.needsUpdate = !0;
    }
    return this.source;
  }
  // Generate the RGBA8 values from a Rgba8Readback dyno program.
  render({
    reader: A,
    count: I,
    renderer: g
  }) {
    this.readback || (this.readback = new Qg({ renderer: g })), this.readback.render({ reader: A, count: I, renderer: g }), this.capacity = this.readback.capacity, this.count = this.readback.count;
  }
  // Extract the RGBA8 values from a PackedSplats collection.
  fromPackedSplats({
    packedSplats: A,
    base: I,
    count: g,
    renderer: B
  }) {
    const { dynoSplats: C, dynoBase: E, dynoCount: D, reader: o } = kA.makeDynos();
    return C.packedSplats = A, E.value = I, D.value = g, this.render({ reader: o, count: g, renderer: B }), this;
  }
  // Read back the RGBA8 values from the readback buffer.
  async read() {
    if (!this.readback)
      throw new Error("No readback");
    return (!this.array || this.array.length < this.count * 4) && (this.array = new Uint8Array(this.capacity * 4)), (await this.readback.readback({ readback: this.array })).subarray(0, this.count * 4);
  }
  async getArray() {
    if (this.readback)
      return await this.read();
    if (this.array)
      return this.array;
    throw new Error("No array");
  }
  // Can be used where you need an uninitialized THREE.DataArrayTexture like
  // a uniform you will update with the result of this.getTexture() later.
  static getEmpty() {
    if (!kA.emptySource) {
      const A = new Uint8Array(4);
      kA.emptySource = new s.DataArrayTexture(A, 1, 1, 1), kA.emptySource.format = s.RGBAFormat, kA.emptySource.type = s.UnsignedByteType, kA.emptySource.internalFormat = "RGBA8", kA.emptySource.needsUpdate = !0;
    }
    return kA.emptySource;
  }
  // Create a dyno program that can extract RGBA8 values from a PackedSplats
  static makeDynos() {
    if (!kA.dynos) {
      const A = new $i(), I = new jA({ value: 0 }), g = new jA({ value: 0 }), B = aA(
        { index: "int" },
        { rgba8: "vec4" },
        ({ index: C }) => {
          if (!C)
            throw new Error("index is undefined");
          C = NA(C, I);
          const E = HB(
            A,
            C,
            I,
            g
          );
          return { rgba8: eA(E).outputs.rgba };
        }
      );
      kA.dynos = { dynoSplats: A, dynoBase: I, dynoCount: g, reader: B };
    }
    return kA.dynos;
  }
};
kA.emptySource = null, kA.dynos = null;
let iB = kA;
const VQ = { type: "RgbaArray" }, Co = _(
  /* glsl */
  `
  struct RgbaArray {
    sampler2DArray texture;
    int count;
  };
`
);
function xy(Q, A) {
  return new H({
    inTypes: { rgba: VQ, index: "int" },
    outTypes: { rgba: "vec4" },
    inputs: { rgba: Q, index: A },
    globals: () => [Co],
    statements: ({ inputs: g, outputs: B }) => u(
      /* glsl */
      `
        if ((${g.index} >= 0) && (${g.index} < ${g.rgba}.count)) {
          ${B.rgba} = texelFetch(${g.rgba}.texture, splatTexCoord(${g.index}), 0);
        } else {
          ${B.rgba} = vec4(0.0, 0.0, 0.0, 0.0);
        }
      `
    )
  }).outputs.rgba;
}
const cQ = 256, FQ = 256, TI = cQ * FQ;
class rg {
  constructor(A) {
    var I;
    if (this.abortController = new AbortController(), this.pager = A.pager, this.rootUrl = A.rootUrl ?? "", this.requestHeader = A.requestHeader, this.withCredentials = A.withCredentials, this.numSh = 0, this.maxSh = ((I = A.pager) == null ? void 0 : I.maxSh) ?? 3, this.numSplats = 0, this.dynoNumSplats = new jA({ value: 0 }), this.dynoIndices = new bg({
      value: sI.emptyIndicesTexture
    }), this.rgbMinMaxLnScaleMinMax = new uI({
      value: new s.Vector4(0, 1, LA, HA)
    }), this.lodOpacity = new wg({
      value: !1
    }), this.dynoNumSh = new jA({ value: 0 }), this.shMax = new GI({ value: new s.Vector3() }), this.fileBytes = A.fileBytes, this.fileType = A.fileType, !this.fileType && this.fileBytes && (this.fileType = go(this.fileBytes)), !this.fileType && this.rootUrl && (this.fileType = Qo(this.rootUrl)), !this.fileType)
      throw new Error("Unable to determine file type");
    this.fileType === KA.RAD && (this.radMetaPromise = this.getRadMeta());
  }
  dispose() {
    this.dynoIndices.value !== sI.emptyIndicesTexture && (this.dynoIndices.value.dispose(), this.dynoIndices.value = sI.emptyIndicesTexture), this.abortController.abort();
  }
  setMaxSh(A) {
    this.maxSh = A;
  }
  getRadMeta() {
    return this.radMetaPromise ? this.radMetaPromise : (this.radMetaPromise = (async () => {
      if (await $G, this.fileBytes) {
        const A = IB(this.fileBytes.slice(0, 1048576));
        if (A)
          return A;
        throw new Error("Failed to decode RAD header");
      }
      if (!this.rootUrl)
        throw new Error("No url or fileBytes provided");
      for (const A of [65536, 256 * 1024, 1024 * 1024]) {
        const I = await CQ({
          url: this.rootUrl,
          requestHeader: this.requestHeader,
          withCredentials: this.withCredentials,
          offset: 0,
          bytes: A
        }), g = IB(I);
        if (g)
          return g;
      }
      throw new Error("Failed to decode RAD header");
    })().then((A) => A), this.radMetaPromise.catch((A) => {
      console.error(A);
    }), this.radMetaPromise);
  }
  chunkUrl(A) {
    return this.rootUrl.replace(/-lod-0\./, `-lod-${A}.`);
  }
  async fetchDecodeChunk(A) {
    let I;
    if (this.fileType === KA.RAD) {
      const { meta: g, chunksStart: B } = await this.getRadMeta();
      if (A < 0 || A >= g.chunks.length)
        throw new Error(
          `Chunk index out of range: ${A} (max: ${g.chunks.length - 1})`
        );
      let { offset: C, bytes: E, filename: D } = g.chunks[A];
      if (D) {
        if (this.fileBytes)
          throw new Error("Chunked RAD file not supported with fileBytes");
        const o = new URL(
          this.rootUrl,
          window.location.href
        ).toString(), i = new URL(D, o).toString();
        I = await CQ({
          url: i,
          requestHeader: this.requestHeader,
          withCredentials: this.withCredentials,
          signal: this.abortController.signal
        });
      } else if (C += B, this.fileBytes) {
        if (C < 0 || C + E > this.fileBytes.length)
          throw new Error(
            `Invalid chunk offset or bytes: ${C} + ${E} > ${this.fileBytes.length}`
          );
        I = this.fileBytes.slice(C, C + E);
      } else if (this.rootUrl)
        I = await CQ({
          url: this.rootUrl,
          requestHeader: this.requestHeader,
          withCredentials: this.withCredentials,
          offset: C,
          bytes: E,
          signal: this.abortController.signal
        });
      else
        throw new Error("No url or fileBytes provided");
    } else if (!this.fileBytes) if (this.rootUrl) {
      const g = this.chunkUrl(A), B = new Request(g, {
        headers: this.requestHeader ? new Headers(this.requestHeader) : void 0,
        credentials: this.withCredentials ? "include" : "same-origin",
        signal: this.abortController.signal
      }), C = await fetch(B);
      if (!C.ok || !C.body)
        throw new Error(
          `Failed to fetch "${g}": ${C.status} ${C.statusText}`
        );
      I = new Uint8Array(await C.arrayBuffer());
    } else
      throw new Error("No url or fileBytes provided");
    return await Zg.withWorker(async (g) => {
      var D, o, i, a, w;
      if (!this.pager)
        throw new Error("PagedSplats.pager not set");
      if (!this.pager.extSplats) {
        const G = await g.call("loadPackedSplats", {
          fileBytes: I,
          pathName: this.chunkUrl(A),
          sh1Codes: (D = this.sh1Codes) == null ? void 0 : D.slice(),
          sh2Codes: (o = this.sh2Codes) == null ? void 0 : o.slice(),
          sh3Codes: (i = this.sh3Codes) == null ? void 0 : i.slice()
        });
        if (!("lodSplats" in G))
          throw new Error("Loaded chunk does not contain LoD splats");
        const h = G.lodSplats;
        return this.splatEncoding || (this.splatEncoding = h.splatEncoding, this.numSh = h.extra.sh3 ? 3 : h.extra.sh2 ? 2 : h.extra.sh1 ? 1 : 0, this.rgbMinMaxLnScaleMinMax.value.set(
          this.splatEncoding.rgbMin ?? 0,
          this.splatEncoding.rgbMax ?? 1,
          this.splatEncoding.lnScaleMin ?? LA,
          this.splatEncoding.lnScaleMax ?? HA
        ), this.lodOpacity.value = this.splatEncoding.lodOpacity ?? !1, this.shMax.value.set(
          this.splatEncoding.sh1Max ?? 1,
          this.splatEncoding.sh2Max ?? 1,
          this.splatEncoding.sh3Max ?? 1
        )), this.sh1Codes = h.extra.sh1Codes ?? this.sh1Codes, this.sh2Codes = h.extra.sh2Codes ?? this.sh2Codes, this.sh3Codes = h.extra.sh3Codes ?? this.sh3Codes, h;
      }
      const B = this.sh3Codes, C = await g.call("loadExtSplats", {
        fileBytes: I,
        pathName: this.chunkUrl(A),
        sh1Codes: (a = this.sh1Codes) == null ? void 0 : a.slice(),
        sh2Codes: (w = this.sh2Codes) == null ? void 0 : w.slice(),
        sh3Codes: B ? [B[0].slice(), B[1].slice()] : void 0
      });
      if (!("lodSplats" in C))
        throw new Error("Loaded chunk does not contain LoD splats");
      const E = C.lodSplats;
      return this.splatEncoding || (this.splatEncoding = fg, this.numSh = E.extra.sh3a && E.extra.sh3b ? 3 : E.extra.sh2 ? 2 : E.extra.sh1 ? 1 : 0), this.sh1Codes = E.extra.sh1Codes ?? this.sh1Codes, this.sh2Codes = E.extra.sh2Codes ?? this.sh2Codes, this.sh3Codes = E.extra.sh3Codes ?? this.sh3Codes, E;
    });
  }
  update(A, I) {
    if (!this.pager)
      throw new Error("PagedSplats.pager not set");
    const g = this.pager.renderer;
    this.numSplats = A, this.dynoNumSplats.value = this.numSplats;
    const B = Math.ceil(A / 16384);
    let C = this.dynoIndices.value === sI.emptyIndicesTexture ? void 0 : this.dynoIndices.value;
    if (C && B > C.image.height && (C.dispose(), C = void 0), !C)
      C = new s.DataTexture(
        I,
        4096,
        B,
        s.RGBAIntegerFormat,
        s.UnsignedIntType
      ), C.internalFormat = "RGBA32UI", C.needsUpdate = !0, g.initTexture(C), this.dynoIndices.value = C;
    else {
      const E = C.image.data;
      E.set(I.subarray(0, A)), ng(
        g,
        C,
        4096,
        B,
        E
      );
    }
  }
  prepareFetchSplat() {
  }
  getNumSplats() {
    return this.numSplats;
  }
  hasRgbDir() {
    return this.pager ? Math.min(this.numSh, this.pager.maxSh) > 0 : !1;
  }
  getNumSh() {
    return this.numSh;
  }
  fetchSplat({
    index: A,
    viewOrigin: I
  }) {
    if (!this.pager)
      throw new Error("PagedSplats.pager not set");
    const g = this.pager.readIndex.apply({
      index: A,
      numSplats: this.dynoNumSplats,
      indices: this.dynoIndices
    }).index;
    return this.pager.extSplats ? this.hasRgbDir() && I ? (this.dynoNumSh.value = Math.min(this.numSh, this.maxSh, this.pager.maxSh), this.pager.readSplatExtDir.apply({
      index: g,
      viewOrigin: I,
      numSh: this.dynoNumSh
    }).gsplat) : this.pager.readSplatExt.apply({ index: g }).gsplat : this.hasRgbDir() && I ? (this.dynoNumSh.value = Math.min(
      this.numSh,
      this.maxSh,
      this.pager.maxSh
    ), this.pager.readSplatDir.apply({
      index: g,
      rgbMinMaxLnScaleMinMax: this.rgbMinMaxLnScaleMinMax,
      lodOpacity: this.lodOpacity,
      viewOrigin: I,
      numSh: this.dynoNumSh,
      shMax: this.shMax
    }).gsplat) : this.pager.readSplat.apply({
      index: g,
      rgbMinMaxLnScaleMinMax: this.rgbMinMaxLnScaleMinMax,
      lodOpacity: this.lodOpacity
    }).gsplat;
  }
  // Iterate over Gsplats index 0..=(this.numSplats-1), unpack each Gsplat
  // and invoke the callback function with the Gsplat attributes.
  forEachSplat(A) {
    if (!this.pager || !this.numSplats)
      return;
    const I = this.pager.extSplats, g = this.dynoIndices.value.image.data, B = this.pager.packedTexture.value.image.data, C = this.pager.extTexture.value.image.data, E = [
      B,
      C
    ];
    for (let D = 0; D < this.numSplats; ++D) {
      const o = g[D], i = I ? Lg(E, o) : Hg(B, o, this.splatEncoding);
      A(
        D,
        i.center,
        i.scales,
        i.quaternion,
        i.opacity,
        i.color
      );
    }
  }
}
const V = class V {
  constructor(A) {
    this.fetchPause = 0, this.splatsChunkToPage = /* @__PURE__ */ new Map(), this.pageToSplatsChunk = [], this.renderer = A.renderer, this.extSplats = A.extSplats ?? !1, this.pageSplats = TI, this.maxSplats = A.maxSplats ?? 16777216, this.maxPages = Math.ceil(this.maxSplats / TI), this.maxSplats = this.maxPages * TI, this.maxSh = A.maxSh ?? 3, this.curSh = 0, this.autoDrive = A.autoDrive ?? !0, this.numFetchers = A.numFetchers ?? 3, this.splatsChunkToPage = /* @__PURE__ */ new Map(), this.pageToSplatsChunk = new Array(this.maxPages), this.pageFreelist = Array.from({ length: this.maxPages }, (g, B) => B), this.pageLru = /* @__PURE__ */ new Set(), this.freeablePages = [], this.newUploads = [], this.readyUploads = [], this.lodTreeUpdates = [], this.fetchers = [], this.fetched = [], this.fetchPriority = [], this.packedTexture = new dA({
      value: this.newUint32ArrayTexture(4)
    }), this.extTexture = new dA({
      value: this.extSplats ? this.newUint32ArrayTexture(4) : V.emptyExtTexture
    });
    const I = this.extSplats ? V.emptyExtShTextures : V.emptyShTextures;
    this.shTextures = I.map(
      (g) => new dA({
        value: g
      })
    ), this.readIndex = aA(
      { index: "int", numSplats: "int", indices: "usampler2D" },
      { index: "int" },
      ({ index: g, numSplats: B, indices: C }) => new H({
        inTypes: {
          index: "int",
          numSplats: "int",
          indices: "usampler2D"
        },
        outTypes: { index: "int" },
        inputs: {
          index: g,
          numSplats: B,
          indices: C
        },
        statements: ({ inputs: E, outputs: D }) => u(
          /* glsl */
          `
            if (${E.index} >= ${E.numSplats}) {
              return;
            }

            ivec2 indexCoord = ivec2((${E.index} >> 2) & 4095, ${E.index} >> 14);
            uint index = texelFetch(${E.indices}, indexCoord, 0)[${E.index} & 3];
            ${D.index} = int(index);
          `
        )
      }).outputs
    ), this.readSplat = aA(
      { index: "int", rgbMinMaxLnScaleMinMax: "vec4", lodOpacity: "bool" },
      { gsplat: f },
      ({ index: g, rgbMinMaxLnScaleMinMax: B, lodOpacity: C }) => new H({
        inTypes: {
          index: "int",
          packedTexture: "usampler2DArray",
          rgbMinMaxLnScaleMinMax: "vec4",
          lodOpacity: "bool"
        },
        outTypes: { gsplat: f },
        inputs: {
          index: g,
          packedTexture: this.packedTexture,
          rgbMinMaxLnScaleMinMax: B,
          lodOpacity: C
        },
        globals: () => [gA],
        statements: ({ inputs: E, outputs: D }) => u(
          /* glsl */
          `
            int index = ${E.index};
            ivec3 splatCoord = pagedSplatTexCoord(index);
            uvec4 packedData = texelFetch(${E.packedTexture}, splatCoord, 0);

            unpackSplatEncoding(packedData, ${D.gsplat}.center, ${D.gsplat}.scales, ${D.gsplat}.quaternion, ${D.gsplat}.rgba, ${E.rgbMinMaxLnScaleMinMax});
            if ((${D.gsplat}.rgba.a == 0.0) || all(equal(${D.gsplat}.scales, vec3(0.0, 0.0, 0.0)))) {
              return;
            }
            
            ${D.gsplat}.index = index;
            ${D.gsplat}.flags = GSPLAT_FLAG_ACTIVE;
            if (${E.lodOpacity}) {
              ${D.gsplat}.rgba.a *= 2.0;
            }
          `
        )
      }).outputs
    ), this.readSplatDir = aA(
      {
        index: "int",
        rgbMinMaxLnScaleMinMax: "vec4",
        lodOpacity: "bool",
        viewOrigin: "vec3",
        numSh: "int",
        shMax: "vec3"
      },
      { gsplat: f },
      ({
        index: g,
        rgbMinMaxLnScaleMinMax: B,
        lodOpacity: C,
        viewOrigin: E,
        numSh: D,
        shMax: o
      }) => {
        if (!g || !B || !C || !E || !D || !o)
          throw new Error("index and viewOrigin are required");
        let i = this.readSplat.apply({
          index: g,
          rgbMinMaxLnScaleMinMax: B,
          lodOpacity: C
        }).gsplat;
        const a = eA(i).outputs.center, w = Ig(zA(a, E));
        let G = Ao({
          coord: iQ(g),
          viewDir: w,
          numSh: D,
          sh1Texture: this.shTextures[0],
          sh2Texture: this.shTextures[1],
          sh3Texture: this.shTextures[2],
          shMax: o
        }).rgb;
        return G = NA(G, eA(i).outputs.rgb), i = WA({ gsplat: i, rgb: G }), { gsplat: i };
      }
    ), this.readSplatExt = aA(
      { index: "int" },
      { gsplat: f },
      ({ index: g }) => new H({
        inTypes: {
          index: "int",
          extTexture1: "usampler2DArray",
          extTexture2: "usampler2DArray"
        },
        outTypes: { gsplat: f },
        inputs: {
          index: g,
          extTexture1: this.packedTexture,
          extTexture2: this.extTexture
        },
        globals: () => [gA],
        statements: ({ inputs: B, outputs: C }) => u(
          /* glsl */
          `
            int index = ${B.index};
            ivec3 splatCoord = ivec3(index & 255, (index >> 8) & 255, index >> 16);
            uvec4 ext1 = texelFetch(${B.extTexture1}, splatCoord, 0);
            float alpha = unpackSplatExtAlpha(ext1);
            if (alpha == 0.0) {
              return;
            }

            uvec4 ext2 = texelFetch(${B.extTexture2}, splatCoord, 0);
            unpackSplatExt(ext1, ext2, ${C.gsplat}.center, ${C.gsplat}.scales, ${C.gsplat}.quaternion, ${C.gsplat}.rgba);
            if (all(equal(${C.gsplat}.scales, vec3(0.0, 0.0, 0.0)))) {
              return;
            }

            ${C.gsplat}.index = index;
            ${C.gsplat}.flags = GSPLAT_FLAG_ACTIVE;
          `
        )
      }).outputs
    ), this.readSplatExtDir = aA(
      {
        index: "int",
        viewOrigin: "vec3",
        numSh: "int"
      },
      { gsplat: f },
      ({ index: g, viewOrigin: B, numSh: C }) => {
        if (!g || !B || !C)
          throw new Error("index and viewOrigin are required");
        let E = this.readSplatExt.apply({ index: g }).gsplat;
        const D = eA(E).outputs.center, o = Ig(zA(D, B));
        let i = Bo({
          coord: iQ(g),
          viewDir: o,
          numSh: C,
          sh1Texture: this.shTextures[0],
          sh2Texture: this.shTextures[1],
          sh3TextureA: this.shTextures[2],
          sh3TextureB: this.shTextures[3]
        }).rgb;
        return i = NA(i, eA(E).outputs.rgb), E = WA({ gsplat: E, rgb: i }), { gsplat: E };
      }
    );
  }
  dispose() {
    this.autoDrive = !1, this.numFetchers = 0, this.packedTexture.value.dispose(), this.packedTexture.value.source.data = null, this.extTexture.value !== V.emptyExtTexture && (this.extTexture.value.dispose(), this.extTexture.value.source.data = null);
    const A = this.extSplats ? V.emptyExtShTextures : V.emptyShTextures;
    for (let I = 0; I < A.length; I++) {
      const g = this.shTextures[I].value;
      g !== A[I] && (g.dispose(), g.source.data = null);
    }
  }
  ensureShTextures(A) {
    this.curSh = Math.max(this.curSh, A);
    const I = this.extSplats ? V.emptyExtShTextures : V.emptyShTextures;
    for (let g = 0; g < this.curSh; g++)
      if (this.shTextures[g].value === I[g]) {
        const B = this.shTextures[g].value === V.emptyUint32x2 ? 2 : 4;
        this.shTextures[g].value = this.newUint32ArrayTexture(B);
      }
  }
  allocatePage() {
    return this.pageFreelist.shift();
  }
  getSplatsChunk(A, I) {
    const g = this.splatsChunkToPage.get(A);
    if (g)
      return g[I];
  }
  insertSplatsChunkPage(A, I, g, B) {
    this.splatsChunkToPage.has(A) || this.splatsChunkToPage.set(A, []);
    const C = this.splatsChunkToPage.get(A);
    if (!C)
      throw new Error("impossible");
    I >= C.length && (C.length = I + 1);
    const E = { page: g, lru: B };
    return C[I] = E, this.pageLru.add(E), this.pageToSplatsChunk[g] = { splats: A, chunk: I, time: performance.now() }, this.pageToSplatsChunk[g];
  }
  removeSplatsChunkPage(A, I, g) {
    const B = this.splatsChunkToPage.get(A);
    if (!B)
      throw new Error("impossible");
    const C = B[I];
    if (!C)
      throw new Error(
        `pageLru not found for splats: ${A}, chunk: ${I}, page: ${g}`
      );
    for (this.pageLru.delete(C), B[I] = void 0; B.length > 0 && B[B.length - 1] === void 0; )
      B.pop();
    for (B.length === 0 && this.splatsChunkToPage.delete(A), this.pageToSplatsChunk[g] = void 0; this.pageToSplatsChunk.length > 0 && this.pageToSplatsChunk[this.pageToSplatsChunk.length - 1] === void 0; )
      this.pageToSplatsChunk.pop();
  }
  removeSplats(A) {
    const I = this.splatsChunkToPage.get(A);
    if (!I)
      return;
    const g = /* @__PURE__ */ new Set();
    for (; I.length > 0; ) {
      const B = I.pop();
      if (B) {
        const { page: C } = B;
        this.pageToSplatsChunk[C] = void 0, g.add(C), this.pageFreelist.push(C), this.pageLru.delete(B);
      }
    }
    this.splatsChunkToPage.delete(A), this.freeablePages = this.freeablePages.filter(
      (B) => !g.has(B)
    );
  }
  uploadPage(A, I, g, B) {
    const C = A * TI;
    BQ(this.packedTexture, A, C * 4, I), B && BQ(this.extTexture, A, C * 4, B);
    const E = Math.min(g.length, 3);
    this.ensureShTextures(E);
    for (let D = 0; D < g.length; D++) {
      const o = g[D], i = this.shTextures[D].value.format === s.RGIntegerFormat ? 2 : 4;
      BQ(
        this.shTextures[D],
        A,
        C * i,
        o
      );
    }
  }
  newUint32ArrayTexture(A) {
    const I = new Uint32Array(
      this.maxPages * cQ * FQ * A
    ), g = new s.DataArrayTexture(
      I,
      cQ,
      FQ,
      this.maxPages
    );
    return g.format = A === 2 ? s.RGIntegerFormat : s.RGBAIntegerFormat, g.type = s.UnsignedIntType, g.internalFormat = A === 2 ? "RG32UI" : "RGBA32UI", g.needsUpdate = !0, g.source.dataReady = !1, this.renderer.initTexture(g), g;
  }
  driveFetchers() {
    const A = [], I = [];
    let g = 0;
    for (const { splats: E, chunk: D } of this.fetchPriority) {
      const o = this.getSplatsChunk(E, D);
      if (o) {
        g >= this.maxPages ? I.push(o) : A.push(o), g += 1;
        continue;
      }
      if (this.fetched.some(
        ({ splats: i, chunk: a }) => E === i && D === a
      ) || this.fetchers.some(
        ({ splats: i, chunk: a }) => E === i && D === a
      )) {
        g += 1;
        continue;
      }
      if (g < this.maxPages && this.fetchers.length < this.numFetchers) {
        g += 1;
        const i = { splats: E, chunk: D };
        this.fetchers.push(i), E.fetchDecodeChunk(D).then(
          async (w) => {
            E.abortController.signal.aborted || (this.fetched.push({ splats: E, chunk: D, data: w }), this.fetchPause > 0 && await new Promise(
              (G) => setTimeout(G, this.fetchPause)
            ));
          },
          async (w) => {
            w.name !== "AbortError" && console.warn(w);
            const G = 250 + 500 * Math.random();
            await new Promise((h) => setTimeout(h, G));
          }
        ).finally(() => {
          const w = this.fetchers.indexOf(i);
          this.fetchers[w] = this.fetchers[this.fetchers.length - 1], this.fetchers.length--, this.processFetched();
        }).then((w) => {
          this.autoDrive && this.driveFetchers();
        });
      }
    }
    const B = performance.now();
    for (const E of I.reverse())
      E.lru = B, this.pageLru.delete(E), this.pageLru.add(E);
    const C = new Set(this.pageLru);
    for (const E of A.reverse())
      C.delete(E), E.lru = B, this.pageLru.delete(E), this.pageLru.add(E);
    this.freeablePages = Array.from(C).map(({ page: E }) => E);
  }
  allocateFreeable() {
    const A = this.freeablePages.shift();
    if (A === void 0)
      return;
    const I = this.pageToSplatsChunk[A];
    if (!I)
      throw new Error(`splatsChunk not found for page: ${A}`);
    const { splats: g, chunk: B } = I;
    return this.removeSplatsChunkPage(g, B, A), this.lodTreeUpdates.push({
      splats: g,
      page: A,
      chunk: B,
      numSplats: TI
    }), A;
  }
  processFetched() {
    const A = performance.now();
    for (; ; ) {
      const I = this.fetched.shift();
      if (!I)
        break;
      const { splats: g, chunk: B, data: C } = I;
      let E = this.allocatePage();
      if (E === void 0 && (E = this.allocateFreeable(), E === void 0))
        return;
      this.insertSplatsChunkPage(g, B, E, A);
      const { numSplats: D, extra: o } = C;
      if (this.lodTreeUpdates.push({
        splats: g,
        page: E,
        chunk: B,
        numSplats: D,
        lodTree: o.lodTree
      }), Gh(C, this.extSplats)) {
        const i = C.extArrays, a = i[0], w = i[1], G = [
          C.extra.sh1,
          C.extra.sh2,
          C.extra.sh3a,
          C.extra.sh3b
        ], h = G.findIndex((k) => !k);
        h >= 0 && (G.length = h), this.newUploads.push({
          page: E,
          numSplats: D,
          packedArray: a,
          extArray: w,
          shArrays: G
        });
      } else {
        const i = C.packedArray, a = [
          C.extra.sh1,
          C.extra.sh2,
          C.extra.sh3
        ], w = a.findIndex((G) => !G);
        w >= 0 && (a.length = w), this.newUploads.push({
          page: E,
          numSplats: D,
          packedArray: i,
          shArrays: a
        });
      }
    }
  }
  processUploads() {
    for (; ; ) {
      const A = this.readyUploads.shift();
      if (!A)
        break;
      const { page: I, numSplats: g, packedArray: B, extArray: C, shArrays: E } = A;
      this.uploadPage(I, B, E, C);
    }
  }
  consumeLodTreeUpdates() {
    const A = this.lodTreeUpdates;
    return this.lodTreeUpdates = [], this.readyUploads.push(...this.newUploads), this.newUploads = [], A;
  }
};
V.emptyUint32x4 = (() => {
  const { width: A, height: I, depth: g, maxSplats: B } = X(1), C = new Uint32Array(B * 4), E = new s.DataArrayTexture(
    C,
    A,
    I,
    g
  );
  return E.format = s.RGBAIntegerFormat, E.type = s.UnsignedIntType, E.internalFormat = "RGBA32UI", E.needsUpdate = !0, E;
})(), V.emptyUint32x2 = (() => {
  const { width: A, height: I, depth: g, maxSplats: B } = X(1), C = new Uint32Array(B * 2), E = new s.DataArrayTexture(
    C,
    A,
    I,
    g
  );
  return E.format = s.RGIntegerFormat, E.type = s.UnsignedIntType, E.internalFormat = "RG32UI", E.needsUpdate = !0, E;
})(), V.emptyIndicesTexture = (() => {
  const A = new Uint32Array(16384), I = new s.DataTexture(A, 4096, 1);
  return I.format = s.RGBAIntegerFormat, I.type = s.UnsignedIntType, I.internalFormat = "RGBA32UI", I.needsUpdate = !0, I;
})(), V.emptyPackedTexture = V.emptyUint32x4, V.emptyExtTexture = V.emptyUint32x4, V.emptyShTextures = [
  V.emptyUint32x2,
  V.emptyUint32x4,
  V.emptyUint32x4
], V.emptyExtShTextures = [
  V.emptyUint32x4,
  V.emptyUint32x4,
  V.emptyUint32x4,
  // SH3A
  V.emptyUint32x4
  // SH3B
];
let sI = V;
function Gh(Q, A) {
  return A;
}
function BQ(Q, A, I, g) {
  Q.value.image.data.subarray(I, I + g.length).set(g), Q.value.addLayerUpdate(A), Q.value.needsUpdate = !0, Q.value.source.dataReady = !0;
}
async function CQ({
  url: Q,
  requestHeader: A,
  withCredentials: I,
  offset: g,
  bytes: B,
  signal: C
}) {
  const E = new Request(Q, {
    headers: A ? new Headers(A) : void 0,
    credentials: I ? "include" : "same-origin",
    signal: C
  });
  g !== void 0 && B !== void 0 && E.headers.set("Range", `bytes=${g}-${g + B - 1}`);
  const D = await fetch(E);
  if (!D.ok || !D.body)
    throw new Error(
      `Failed to fetch "${Q}": ${D.status} ${D.statusText}`
    );
  return new Uint8Array(await D.arrayBuffer());
}
class hh {
  constructor() {
    this.fetchDyno = new H({
      inTypes: {},
      outTypes: { gsplat: f },
      globals: () => [gA],
      statements: ({ outputs: A }) => u(
        /* glsl */
        `
      ${A.gsplat}.flags = 0u;
      return;
    `
      )
    }).outputs.gsplat;
  }
  prepareFetchSplat() {
  }
  dispose() {
  }
  getNumSplats() {
    return 0;
  }
  hasRgbDir() {
    return !1;
  }
  getNumSh() {
    return 0;
  }
  setMaxSh(A) {
  }
  fetchSplat({ index: A }) {
    return this.fetchDyno;
  }
  forEachSplat() {
  }
}
const AI = class AI extends Bg {
  constructor(A = {}) {
    if (super({
      update: (I) => this.update(I)
    }), this.isInitialized = !1, this.recolor = new s.Color(1, 1, 1), this.opacity = 1, this.generatorDirty = !0, this.enableViewToObject = !1, this.enableViewToWorld = !1, this.enableWorldToView = !1, this.skinning = null, this.edits = null, this.rgbaDisplaceEdits = null, this.splatRgba = null, this.maxSh = 3, this.showLodPageDyno = new jA({ value: 0 }), A.splats)
      this.splats = A.splats, this.numSplats = A.splats.getNumSplats();
    else if (A.paged) {
      A.extSplats && console.warn(
        "To set extSplats with the paged option, set SparkRenderer.pagedExtSplats"
      );
      const I = A.url ?? "";
      if (A.paged instanceof rg)
        this.paged = A.paged;
      else {
        const g = {
          rootUrl: I
        };
        if (A.paged instanceof sI)
          g.pager = A.paged;
        else if (A.paged === !0)
          g.fileType = A.fileType;
        else
          throw new Error("Invalid paged option");
        this.paged = new rg(g);
      }
      this.splats = this.paged;
    } else A.extSplats ? (this.extSplats = A.extSplats instanceof gI ? A.extSplats : new gI(), A.extSplats = this.extSplats, this.numSplats = this.extSplats.numSplats, this.splats = this.extSplats) : A.packedSplats ? (this.packedSplats = A.packedSplats, this.packedSplats.splatEncoding = A.splatEncoding ?? {
      ...fg
    }, this.splats = this.packedSplats) : this.packedSplats = new EI();
    if (this.editable = A.editable ?? !0, this.raycastable = A.raycastable ?? !0, this.minRaycastOpacity = A.minRaycastOpacity ?? 0.2, this.onFrame = A.onFrame, this.context = {
      transform: new rI(),
      viewToWorld: new rI(),
      worldToView: new rI(),
      viewToObject: new rI(),
      covTransform: new hg(),
      covViewToWorld: new hg(),
      covWorldToView: new hg(),
      covViewToObject: new hg(),
      recolor: new uI({
        value: new s.Vector4().setScalar(Number.NEGATIVE_INFINITY)
      }),
      time: new qI({ value: 0 }),
      deltaTime: new qI({ value: 0 }),
      numSplats: new jA({ value: 0 }),
      splats: new hh(),
      enableLod: new wg({ value: !1 }),
      lodIndices: new bg({
        value: sB,
        key: "lodIndices"
      })
    }, this.covSplats = A.covSplats ?? !1, this.covSplats && !this.extSplats)
      throw new Error("CovSplats requires ExtSplats");
    if (this.objectModifiers = A.objectModifier ? [A.objectModifier] : void 0, this.worldModifiers = A.worldModifier ? [A.worldModifier] : void 0, A.objectModifiers && (this.objectModifiers = A.objectModifiers), A.worldModifiers && (this.worldModifiers = A.worldModifiers), this.enableLod = A.enableLod, this.lodScale = A.lodScale ?? 1, this.behindFoveate = A.behindFoveate, this.coneFov0 = A.coneFov0, this.coneFov = A.coneFov, this.coneFoveate = A.coneFoveate, this.updateGenerator(), A.url || A.fileBytes || A.stream || A.constructSplats || A.packedSplats && !A.packedSplats.isInitialized || this.extSplats && !this.extSplats.isInitialized)
      this.initialized = this.asyncInitialize(A).then(async () => {
        if (this.updateGenerator(), this.isInitialized = !0, A.onLoad) {
          const I = A.onLoad(this);
          I instanceof Promise && await I;
        }
        return this;
      });
    else if (this.isInitialized = !0, this.initialized = Promise.resolve(this), A.onLoad) {
      const I = A.onLoad(this);
      I instanceof Promise && (this.initialized = I.then(() => this));
    }
  }
  async asyncInitialize(A) {
    const {
      url: I,
      fileBytes: g,
      fileType: B,
      fileName: C,
      stream: E,
      streamLength: D,
      maxSplats: o,
      constructSplats: i,
      onProgress: a,
      splatEncoding: w,
      lod: G,
      nonLod: h,
      lodAbove: k
    } = A;
    if (this.packedSplats) {
      if (I || g || E || i) {
        const t = {
          url: I,
          fileBytes: g,
          fileType: B,
          fileName: C,
          stream: E,
          streamLength: D,
          maxSplats: o,
          construct: i,
          onProgress: a,
          splatEncoding: w,
          lod: G,
          nonLod: h,
          lodAbove: k
        };
        this.packedSplats.reinitialize(t);
      }
      await this.packedSplats.initialized, this.splats = this.packedSplats;
    } else if (this.extSplats && (I || g || E || i)) {
      const t = i;
      this.extSplats.reinitialize({
        url: I,
        fileBytes: g,
        fileType: B,
        fileName: C,
        stream: E,
        streamLength: D,
        maxSplats: o,
        construct: t,
        onProgress: a,
        lod: G,
        nonLod: h,
        lodAbove: k
      }), await this.extSplats.initialized, this.splats = this.extSplats;
    }
    this.splats && (this.numSplats = this.splats.getNumSplats(), this.updateGenerator());
  }
  // Creates a new Gsplat with the provided parameters (all values in "float" space,
  // i.e. 0-1 for opacity and color) and adds it to the end of the packedSplats,
  // increasing numSplats by 1. If necessary, reallocates the buffer with an exponential
  // doubling strategy to fit the new data, so it's fairly efficient to just
  // pushSplat(...) each Gsplat you want to create in a loop.
  pushSplat(A, I, g, B, C) {
    this.packedSplats ? this.packedSplats.pushSplat(A, I, g, B, C) : this.extSplats && this.extSplats.pushSplat(A, I, g, B, C);
  }
  // This method iterates over all Gsplats in this instance's packedSplats,
  // invoking the provided callback with index: number in 0..=(this.numSplats-1) and
  // center: THREE.Vector3, scales: THREE.Vector3, quaternion: THREE.Quaternion,
  // opacity: number (0..1), and color: THREE.Color (rgb values in 0..1).
  // Note that the objects passed in as center etc. are the same for every callback
  // invocation: these objects are reused for efficiency. Changing these values has
  // no effect as they are decoded/unpacked copies of the underlying data. To update
  // the packedSplats, call .packedSplats.setSplat(index, center, scales,
  // quaternion, opacity, color).
  forEachSplat(A) {
    var I;
    (I = this.splats) == null || I.forEachSplat(A);
  }
  // Call this when you are finished with the SplatMesh and want to free
  // any buffers it holds (via packedSplats).
  dispose() {
    var A;
    (A = super.dispose) == null || A.call(this), this.splats && this.splats !== this.packedSplats && this.splats !== this.extSplats && (this.splats.dispose(), this.splats = void 0), this.packedSplats && (this.packedSplats.dispose(), this.packedSplats = void 0), this.extSplats && (this.extSplats.dispose(), this.extSplats = void 0);
  }
  // Returns axis-aligned bounding box of the SplatMesh. If centers_only is true,
  // only the centers of the splats are used to compute the bounding box.
  // IMPORTANT: This should only be called after the SplatMesh is initialized.
  getBoundingBox(A = !0) {
    var o;
    if (!this.initialized)
      throw new Error(
        "Cannot get bounding box before SplatMesh is initialized"
      );
    const I = new s.Vector3(
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY
    ), g = new s.Vector3(
      Number.NEGATIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NEGATIVE_INFINITY
    ), B = new s.Vector3(), C = [-1, 1];
    function E(i, a, w, G, h, k) {
      if (A)
        I.min(a), g.max(a);
      else
        for (const t of C)
          for (const y of C)
            for (const S of C)
              B.set(t * w.x, y * w.y, S * w.z), B.applyQuaternion(G), B.add(a), I.min(B), g.max(B);
    }
    return (o = this.splats) == null || o.forEachSplat(E), new s.Box3(I, g);
  }
  set objectModifier(A) {
    A ? this.objectModifiers = [A] : this.objectModifiers = void 0;
  }
  set worldModifier(A) {
    A ? this.worldModifiers = [A] : this.worldModifiers = void 0;
  }
  constructGenerator(A) {
    if (this.covSplats)
      return this.constructCovGenerator(A);
    const { transform: I, viewToObject: g, recolor: B } = A, C = aA(
      { index: "int" },
      { gsplat: f },
      ({ index: E }) => {
        if (!E)
          throw new Error("index is undefined");
        E = oB(
          A.lodIndices,
          E,
          A.numSplats,
          A.enableLod,
          this.showLodPageDyno
        ), A.splats.setMaxSh(this.maxSh), A.splats.prepareFetchSplat();
        let D = A.splats.fetchSplat({
          index: E,
          viewOrigin: g.translate
        });
        if (this.splatRgba && (D = wB(
          D,
          this.splatRgba.dyno,
          E,
          A.enableLod
        )), this.skinning && (D = this.skinning.modify(D)), this.objectModifiers)
          for (const i of this.objectModifiers)
            D = i.apply({ gsplat: D }).gsplat;
        D = I.applyGsplat(D);
        const o = IA(B, eA(D).outputs.rgba);
        if (D = WA({ gsplat: D, rgba: o }), this.rgbaDisplaceEdits && (D = this.rgbaDisplaceEdits.modify(D)), this.worldModifiers)
          for (const i of this.worldModifiers)
            D = i.apply({ gsplat: D }).gsplat;
        return { gsplat: D };
      }
    );
    this.generator = C, this.covGenerator = void 0;
  }
  constructCovGenerator(A) {
    const { covTransform: I, covViewToObject: g, recolor: B } = A, C = aA(
      { index: "int" },
      { covsplat: hA },
      ({ index: E }) => {
        if (!E)
          throw new Error("index is undefined");
        E = oB(
          A.lodIndices,
          E,
          A.numSplats,
          A.enableLod,
          this.showLodPageDyno
        ), A.splats.prepareFetchSplat();
        let D = A.splats.fetchSplat({
          index: E,
          viewOrigin: g.offset
        });
        if (this.splatRgba && (D = wB(
          D,
          this.splatRgba.dyno,
          E,
          A.enableLod
        )), this.objectModifiers)
          for (const a of this.objectModifiers)
            D = a.apply({ gsplat: D }).gsplat;
        let o = Ug(D);
        if (this.skinning && (o = this.skinning.modifyCov(o)), this.covObjectModifiers)
          for (const a of this.covObjectModifiers)
            o = a.apply({ covsplat: o }).covsplat;
        o = I.applyCovSplat(o);
        const i = IA(B, eg(o).outputs.rgba);
        if (o = dQ({ covsplat: o, rgba: i }), this.rgbaDisplaceEdits && (o = this.rgbaDisplaceEdits.modifyCov(o)), this.covWorldModifiers)
          for (const a of this.covWorldModifiers)
            o = a.apply({ covsplat: o }).covsplat;
        return { covsplat: o };
      }
    );
    this.generator = void 0, this.covGenerator = C;
  }
  // Call this whenever something changes in the Gsplat processing pipeline,
  // for example changing maxSh or updating objectModifier or worldModifier.
  // Compiled generators are cached for efficiency and re-use when the same
  // pipeline structure emerges after successive changes.
  updateGenerator() {
    this.generatorDirty = !0;
  }
  // This is called automatically by SparkRenderer and you should not have to
  // call it. It updates parameters for the generated pipeline and calls
  // updateGenerator() if the pipeline needs to change.
  update({
    renderer: A,
    time: I,
    deltaTime: g,
    viewToWorld: B,
    camera: C,
    renderSize: E,
    globalEdits: D,
    lodIndices: o
  }) {
    var t, y, S;
    this.context.time.value = I, this.context.deltaTime.value = g, AI.dynoTime.value = I, this.showLodPageDyno.value = this.showLodPage ?? -1;
    const i = this.splats ?? this.packedSplats ?? this.extSplats;
    i && (this.context.splats = i), this.numSplats = this.context.splats.getNumSplats();
    let a = !1;
    const w = ((t = this.packedSplats) == null ? void 0 : t.lodSplats) ?? ((y = this.extSplats) == null ? void 0 : y.lodSplats);
    if (this.context.enableLod.value = w != null && o != null, this.enableLod === !1 && (this.context.enableLod.value = !1), this.context.lodIndices.value = (o == null ? void 0 : o.texture) ?? sB, this.context.enableLod.value && w && (this.context.splats = w, this.numSplats = (o == null ? void 0 : o.numSplats) ?? 0), this.context.numSplats.value = this.numSplats, this.context.splats !== this.lastSplats && (this.lastSplats = this.context.splats, this.generatorDirty = !0), this.covSplats) {
      this.context.covTransform.update(this) && (a = !0), this.context.covViewToWorld.updateFromMatrix(B) && this.enableViewToWorld && (a = !0);
      const R = B.clone().invert();
      this.context.covWorldToView.updateFromMatrix(R) && this.enableWorldToView && (a = !0);
      const N = this.matrixWorld.clone().invert().multiply(B);
      this.context.covViewToObject.updateFromMatrix(N) && (this.enableViewToObject || this.context.splats.hasRgbDir()) && (a = !0);
    } else {
      this.context.transform.update(this) && (a = !0), this.context.viewToWorld.updateFromMatrix(B) && this.enableViewToWorld && (a = !0);
      const R = B.clone().invert();
      this.context.worldToView.updateFromMatrix(R) && this.enableWorldToView && (a = !0);
      const c = new s.Matrix4().compose(
        this.context.transform.translate.value,
        this.context.transform.rotate.value,
        new s.Vector3().setScalar(this.context.transform.scale.value)
      ).invert().multiply(B);
      this.context.viewToObject.updateFromMatrix(c) && (this.enableViewToObject || this.context.splats.hasRgbDir()) && (a = !0);
    }
    const G = new s.Vector4(
      this.recolor.r,
      this.recolor.g,
      this.recolor.b,
      this.opacity
    );
    G.equals(this.context.recolor.value) || (this.context.recolor.value.copy(G), a = !0);
    const h = this.editable ? (this.edits ?? []).concat(D) : [];
    this.editable && !this.edits && this.traverseVisible((R) => {
      R instanceof Kg && h.push(R);
    }), h.sort((R, F) => R.ordering - F.ordering);
    const k = h.map((R) => {
      if (R.sdfs != null)
        return { edit: R, sdfs: R.sdfs };
      const F = [];
      return R.traverseVisible((N) => {
        N instanceof LG && F.push(N);
      }), { edit: R, sdfs: F };
    });
    if (k.length > 0 && !this.rgbaDisplaceEdits) {
      const R = k.length, F = k.reduce(
        (N, c) => N + c.sdfs.length,
        0
      );
      this.rgbaDisplaceEdits = new HG({
        maxEdits: R,
        maxSdfs: F
      }), this.generatorDirty = !0;
    }
    if (this.rgbaDisplaceEdits) {
      const R = this.rgbaDisplaceEdits.update(k);
      a || (a = R.updated), R.dynoUpdated && (this.generatorDirty = !0);
    }
    this.generatorDirty && (this.constructGenerator(this.context), this.generatorDirty = !1, a = !0), a && this.updateVersion(), (S = this.onFrame) == null || S.call(this, { mesh: this, time: I, deltaTime: g });
  }
  // This method conforms to the standard THREE.Raycaster API, performing object-ray
  // intersections using this method to populate the provided intersects[] array
  // with each intersection point.
  raycast(A, I) {
    var S, R, F, N, c, J, M, K, n, q, L, d, j, p, T, AA, yA, JA, DA, qA, tA, pA, mA;
    if (!Ah() || !this.raycastable || !this.packedSplats && !this.extSplats && !this.paged)
      return;
    const g = this.paged != null, B = g ? ((R = (S = this.paged) == null ? void 0 : S.pager) == null ? void 0 : R.extSplats) ?? !1 : this.extSplats != null, { near: C, far: E, ray: D } = A, o = this.matrixWorld.clone().invert(), i = new s.Matrix3().setFromMatrix4(o), a = D.origin.clone().applyMatrix4(o), w = D.direction.clone().applyMatrix3(i), G = rG(), h = G.length / 4;
    let k = 0;
    const t = ((F = this.raycastIndices) == null ? void 0 : F.numSplats) ?? (g ? (N = this.paged) == null ? void 0 : N.numSplats : this.context.numSplats.value) ?? 0, y = ((c = this.raycastIndices) == null ? void 0 : c.indices) ?? (g ? (J = this.paged) == null ? void 0 : J.dynoIndices.value.image.data : this.context.enableLod.value ? this.context.lodIndices.value.image.data : null) ?? null;
    if (B) {
      const QA = dG(), z = g ? (T = (p = this.paged) == null ? void 0 : p.pager) == null ? void 0 : T.packedTexture.value.image.data : y ? (yA = (AA = this.extSplats) == null ? void 0 : AA.lodSplats) == null ? void 0 : yA.extArrays[0] : (JA = this.extSplats) == null ? void 0 : JA.extArrays[0], iA = g ? (qA = (DA = this.paged) == null ? void 0 : DA.pager) == null ? void 0 : qA.extTexture.value.image.data : y ? (pA = (tA = this.extSplats) == null ? void 0 : tA.lodSplats) == null ? void 0 : pA.extArrays[1] : (mA = this.extSplats) == null ? void 0 : mA.extArrays[1];
      if (!z || !iA)
        return;
      for (let oA = 0; oA < t; oA += h) {
        const fA = Math.min(h, t - oA);
        if (!y)
          G.set(z.subarray(oA * 4, (oA + fA) * 4)), QA.set(iA.subarray(oA * 4, (oA + fA) * 4));
        else
          for (let uA = 0; uA < fA; ++uA) {
            const OA = y[oA + uA], wA = uA * 4, FA = OA * 4;
            G[wA] = z[FA], G[wA + 1] = z[FA + 1], G[wA + 2] = z[FA + 2], G[wA + 3] = z[FA + 3], QA[wA] = iA[FA], QA[wA + 1] = iA[FA + 1], QA[wA + 2] = iA[FA + 2], QA[wA + 3] = iA[FA + 3];
          }
        const MA = lG(
          a.x,
          a.y,
          a.z,
          w.x,
          w.y,
          w.z,
          this.minRaycastOpacity,
          C,
          E,
          fA
        );
        k = this.appendRaycastBuffer(
          k,
          MA
        );
      }
    } else {
      const QA = g ? (K = (M = this.paged) == null ? void 0 : M.pager) == null ? void 0 : K.packedTexture.value.image.data : y ? (q = (n = this.packedSplats) == null ? void 0 : n.lodSplats) == null ? void 0 : q.packedArray : (L = this.packedSplats) == null ? void 0 : L.packedArray;
      if (!QA)
        return;
      const z = g ? (d = this.paged) == null ? void 0 : d.splatEncoding : (j = this.packedSplats) == null ? void 0 : j.splatEncoding;
      for (let iA = 0; iA < t; iA += h) {
        const oA = Math.min(h, t - iA);
        if (!y)
          G.set(QA.subarray(iA * 4, (iA + oA) * 4));
        else
          for (let MA = 0; MA < oA; ++MA) {
            const uA = y[iA + MA], OA = MA * 4, wA = uA * 4;
            G[OA] = QA[wA], G[OA + 1] = QA[wA + 1], G[OA + 2] = QA[wA + 2], G[OA + 3] = QA[wA + 3];
          }
        const fA = xG(
          a.x,
          a.y,
          a.z,
          w.x,
          w.y,
          w.z,
          this.minRaycastOpacity,
          C,
          E,
          oA,
          (z == null ? void 0 : z.lnScaleMin) ?? LA,
          (z == null ? void 0 : z.lnScaleMax) ?? HA,
          (z == null ? void 0 : z.lodOpacity) ?? !1
        );
        k = this.appendRaycastBuffer(
          k,
          fA
        );
      }
    }
    for (const QA of AI.raycastBuffer.subarray(0, k)) {
      const z = D.direction.clone().multiplyScalar(QA).add(D.origin);
      I.push({
        distance: QA,
        point: z,
        object: this
      });
    }
  }
  appendRaycastBuffer(A, I) {
    const g = A + I.length;
    let B = AI.raycastBuffer.length;
    if (g > B) {
      for (; B < g; )
        B *= 2;
      const C = new Float32Array(B);
      C.set(AI.raycastBuffer.subarray(0, A)), AI.raycastBuffer = C;
    }
    return AI.raycastBuffer.set(I, A), A + I.length;
  }
  async createLodSplats({
    rgbaArray: A,
    quality: I
  } = {}) {
    this.packedSplats ? await this.packedSplats.createLodSplats({ quality: I, rgbaArray: A }) : this.extSplats && await this.extSplats.createLodSplats({ quality: I, rgbaArray: A });
  }
};
AI.dynoTime = new qI({ value: 0 }), AI.raycastBuffer = new Float32Array(1024);
let TA = AI;
function oB(Q, A, I, g, B) {
  return HQ({
    inTypes: {
      lodIndices: "usampler2D",
      index: "int",
      numSplats: "int",
      enableLod: "bool",
      showLodPage: "int"
    },
    outTypes: {
      index: "int"
    },
    inputs: {
      lodIndices: Q,
      index: A,
      numSplats: I,
      enableLod: g,
      showLodPage: B
    },
    statements: ({ inputs: C, outputs: E }) => u(
      /* glsl */
      `
        int index = ${C.index};
        if (${C.showLodPage} < 0) {
          if (index >= ${C.numSplats}) {
            return;
          }
          if (${C.enableLod}) {
            ivec2 lodIndexCoord = ivec2((index >> 2) & 4095, index >> 14);
            uint splatIndex = texelFetch(${C.lodIndices}, lodIndexCoord, 0)[index & 3];
            ${E.index} = int(splatIndex);
          } else {
            ${E.index} = index;
          }
        } else {
          int start = ${C.showLodPage} << 16;
          if (index >= 65536) {
            return;
          }
          ${E.index} = start + index;
        }
      `
    )
  }).outputs.index;
}
function wB(Q, A, I, g) {
  return HQ({
    inTypes: {
      gsplat: f,
      rgba: VQ,
      index: "int",
      enableLod: "bool"
    },
    outTypes: { gsplat: f },
    inputs: { gsplat: Q, rgba: A, index: I, enableLod: g },
    statements: ({ inputs: B, outputs: C }) => u(
      /* glsl */
      `
        ${C.gsplat} = ${B.gsplat};
        if (!${B.enableLod} && (${B.index} >= 0) && (${B.index} < ${B.rgba}.count)) {
          ${C.gsplat}.rgba = texelFetch(${B.rgba}.texture, splatTexCoord(${B.index}), 0);
        }
      `
    )
  }).outputs.gsplat;
}
const sB = (() => {
  const Q = new s.DataTexture(
    new Uint32Array(16384),
    4096,
    1,
    s.RGBAIntegerFormat,
    s.UnsignedIntType
  );
  return Q.internalFormat = "RGBA32UI", Q.needsUpdate = !0, Q;
})(), m = class m {
  constructor({
    extSplats: A,
    covSplats: I
  } = {}) {
    if (this.time = 0, this.deltaTime = 0, this.viewToWorld = new s.Matrix4(), this.viewOrigin = new s.Vector3(), this.viewDirection = new s.Vector3(), this.maxSplats = 0, this.numSplats = 0, this.target = null, this.mapping = [], this.version = -1, this.mappingVersion = -1, this.readback = null, this.readbackSplats = [], !jC)
      throw new Error("Spark requires THREE.js r179 or above");
    this.extSplats = A ?? !0, this.covSplats = I ?? !1;
  }
  dispose() {
    this.target && (this.target.dispose(), this.target = null);
  }
  // Returns a THREE.DataArrayTexture representing the NewSplatAccumulator
  // content as 2 x Uint32x4 data array textures (2048 x 2048 x 2048 in size)
  getTextures() {
    return this.target ? this.target.textures : m.emptyTextures;
  }
  // Given an array of splatCounts (.numSplats for each
  // SplatGenerator/SplatMesh in the scene), compute a
  // "mapping layout" in the composite array of generated outputs.
  generateMapping(A) {
    let I = 0;
    const g = A.map((B) => {
      const C = I, E = Math.ceil(B / r) * r;
      return I += E, { base: C, count: B };
    });
    return { maxSplats: I, mapping: g };
  }
  // Ensures our NewSplatAccumulator.target render target has enough space
  // to generate maxSplats total Gsplats, and reallocate if not large enough.
  ensureGenerate({ maxSplats: A }) {
    if (this.target && (A ?? 1) <= this.maxSplats)
      return !1;
    this.dispose();
    const I = X(A ?? 1), { width: g, height: B, depth: C } = I;
    if (this.maxSplats = I.maxSplats, this.target = new s.WebGLArrayRenderTarget(g, B, C, {
      depthBuffer: !1,
      stencilBuffer: !1,
      generateMipmaps: !1,
      magFilter: s.NearestFilter,
      minFilter: s.NearestFilter,
      format: s.RGBAIntegerFormat,
      type: s.UnsignedIntType
    }), this.target.scissorTest = !0, this.extSplats) {
      const E = this.target.texture.clone(), D = this.target.texture.clone();
      D.format = s.RGBAFormat, D.type = s.UnsignedByteType, D.internalFormat = "RGBA8", this.target.textures = [this.target.texture, E, D];
    } else {
      const E = this.target.texture.clone();
      E.format = s.RGBAFormat, E.type = s.UnsignedByteType, E.internalFormat = "RGBA8", this.target.textures = [this.target.texture, E];
    }
    return !0;
  }
  saveRenderState(A) {
    return {
      target: A.getRenderTarget(),
      activeCubeFace: A.getActiveCubeFace(),
      activeMipmapLevel: A.getActiveMipmapLevel(),
      xrEnabled: A.xr.enabled,
      autoClear: A.autoClear
    };
  }
  resetRenderState(A, I) {
    A.setRenderTarget(
      I.target,
      I.activeCubeFace,
      I.activeMipmapLevel
    ), A.xr.enabled = I.xrEnabled, A.autoClear = I.autoClear;
  }
  // Get a program and THREE.RawShaderMaterial for a given GsplatGenerator,
  // generating it if necessary and caching the result.
  prepareProgramMaterial(A, I) {
    const g = A ?? I;
    if (!g)
      throw new Error("Either generator or covGenerator must be provided");
    let B = m.generatorProgram.get(g);
    if (!B) {
      const E = aA(
        { index: "int" },
        {},
        ({ index: D }, o, { roots: i }) => {
          if (A && (A.inputs.index = D), I && (I.inputs.index = D), this.extSplats)
            if (this.covSplats)
              if (I) {
                const a = oQ(I.outputs.covsplat);
                i.push(a);
              } else if (A) {
                const a = Ug(A.outputs.gsplat), w = oQ(a);
                i.push(w);
              } else
                throw new Error("Generator must be provided");
            else if (A) {
              const a = $B(A.outputs.gsplat);
              i.push(a);
            } else
              throw new Error("Generator must be provided");
          else {
            if (this.covSplats) {
              let a;
              if (I)
                a = I.outputs.covsplat;
              else if (A)
                a = Ug(A.outputs.gsplat);
              else
                throw new Error("Generator must be provided");
              const w = zA(
                eg(a).outputs.center,
                m.viewCenterUniform
              ), G = IA(
                eg(a).outputs.opacity,
                b("float", 0.5)
              );
              a = dQ({
                covsplat: a,
                center: w,
                opacity: G
              });
              const h = _B(
                a,
                b("vec4", [0, 1, LA, HA])
              );
              i.push(h);
            } else if (A) {
              const a = zA(
                eA(A.outputs.gsplat).outputs.center,
                m.viewCenterUniform
              ), w = IA(
                eA(A.outputs.gsplat).outputs.opacity,
                b("float", 0.5)
              ), G = WA({
                gsplat: A.outputs.gsplat,
                center: a,
                opacity: w
              }), h = qQ(
                G,
                b("vec4", [0, 1, LA, HA])
              );
              i.push(h);
            } else
              throw new Error("Generator must be provided");
            if (!A)
              throw new Error("Generator must be provided");
          }
          if (A) {
            const a = AC(
              A.outputs.gsplat,
              m.viewCenterUniform,
              m.viewDirUniform,
              m.sortRadialUniform
            );
            i.push(a);
          }
          if (I) {
            const a = IC(
              I.outputs.covsplat,
              m.viewCenterUniform,
              m.viewDirUniform,
              m.sortRadialUniform
            );
            i.push(a);
          }
        }
      );
      B = new mg({
        graph: E,
        inputs: { index: "_index" },
        outputs: {},
        template: this.extSplats ? m.programExtTemplate : m.programTemplate
        // consoleLog: true,
      }), m.generatorProgram.set(g, B);
    }
    Object.assign(B.uniforms, {
      targetLayer: { value: 0 },
      targetBase: { value: 0 },
      targetCount: { value: 0 }
    });
    const C = B.prepareMaterial();
    return m.fullScreenQuad.material = C, { program: B, material: C };
  }
  generate({
    generator: A,
    covGenerator: I,
    base: g,
    count: B,
    renderer: C
  }) {
    if (!this.target)
      throw new Error("Target must be initialized with ensureGenerate");
    if (g + B > this.maxSplats)
      throw new Error("Base + count exceeds maxSplats");
    const { program: E, material: D } = this.prepareProgramMaterial(
      A,
      I
    );
    E.update();
    const o = this.saveRenderState(C), i = Math.ceil((g + B) / r) * r, a = r * rA;
    for (D.uniforms.targetBase.value = g, D.uniforms.targetCount.value = B; g < i; ) {
      const w = Math.floor(g / a);
      D.uniforms.targetLayer.value = w;
      const G = w * a, h = Math.floor((g - G) / r), k = Math.min(
        rA,
        Math.ceil((i - G) / r)
      );
      this.target.scissor.set(
        0,
        h,
        r,
        k - h
      ), C.setRenderTarget(this.target, w), C.xr.enabled = !1, C.autoClear = !1, m.fullScreenQuad.render(C), g += r * (k - h);
    }
    return this.resetRenderState(C, o), { nextBase: i };
  }
  prepareGenerate({
    renderer: A,
    scene: I,
    timer: g,
    camera: B,
    sortRadial: C,
    renderSize: E,
    previous: D,
    lodInstances: o
  }) {
    var F;
    this.viewToWorld.copy(B.matrixWorld), B.getWorldPosition(this.viewOrigin), B.getWorldDirection(this.viewDirection), m.viewCenterUniform.value.copy(this.viewOrigin), m.viewDirUniform.value.copy(this.viewDirection), m.sortRadialUniform.value = C, this.time = g.getElapsed(), this.deltaTime = g.getDelta();
    const i = [];
    I.traverse((N) => {
      N instanceof Bg && (!B.layers || B.layers.test(N.layers)) && i.push(N);
    });
    const a = /* @__PURE__ */ new Set();
    I.traverseVisible((N) => {
      if (N instanceof Kg) {
        let c = N.parent;
        for (; c != null && !(c instanceof TA); )
          c = c.parent;
        c == null && a.add(N);
      }
    });
    const w = Array.from(a);
    for (const N of i)
      try {
        (F = N.frameUpdate) == null || F.call(N, {
          renderer: A,
          object: N,
          time: this.time,
          deltaTime: this.deltaTime,
          viewToWorld: this.viewToWorld,
          camera: B,
          renderSize: E,
          globalEdits: w,
          lodIndices: o && N instanceof TA ? o.get(N) : void 0
        });
      } catch (c) {
        console.error("frameUpdate error", c), N.generator = void 0, N.covGenerator = void 0, N.generatorError = c;
      }
    const G = [];
    I.traverseVisible((N) => {
      N instanceof Bg && (!B.layers || B.layers.test(N.layers)) && G.push(N);
    });
    const h = G.map(
      (N) => N.numSplats
    ), { maxSplats: k, mapping: t } = this.generateMapping(h), y = D.mapping.reduce((N, c) => (N.set(c.node, c), N), /* @__PURE__ */ new Map());
    this.mapping = [], this.numSplats = 0, t.forEach(({ base: N, count: c }, J) => {
      const M = G[J], K = y.get(M);
      K && K.count !== M.numSplats && M.updateMappingVersion();
      const { generator: n, covGenerator: q } = M;
      if ((n || q) && c > 0) {
        const { version: L, mappingVersion: d } = M;
        this.mapping.push({
          node: M,
          generator: n,
          covGenerator: q,
          version: L,
          mappingVersion: d,
          base: N,
          count: c
        }), this.numSplats = Math.max(this.numSplats, N + c);
      }
    });
    const { splatsUpdated: S, mappingUpdated: R } = D.checkVersions(
      this.mapping
    );
    return this.version = D.version + (S ? 1 : 0), this.mappingVersion = D.mappingVersion + (R ? 1 : 0), {
      sameMapping: !R,
      version: this.version,
      mappingVersion: this.mappingVersion,
      visibleGenerators: G,
      generate: () => {
        this.ensureGenerate({ maxSplats: k });
        for (const { node: N, base: c, count: J } of this.mapping) {
          const { generator: M, covGenerator: K } = N;
          (M || K) && J > 0 && this.generate({ generator: M, covGenerator: K, base: c, count: J, renderer: A });
        }
      },
      readback: async () => {
        const N = this.getTextures();
        this.readbackSplats.length === 0 && (this.readbackSplats = [
          new dA({ value: N[0], key: "extSplats" }),
          new dA({ value: N[1], key: "extSplats" })
        ]), this.readbackSplats[0].value = N[0], this.readbackSplats[1].value = N[1], this.readback || (this.readback = new Qg({ renderer: A }));
        const c = this.readback, J = this.extSplats ? 8 : 4, M = c.ensureBuffer(
          this.numSplats * J,
          new Uint32Array(0)
        ), K = aA(
          { index: "int" },
          { rgba8: "vec4" },
          ({ index: n }) => ({ rgba8: new H({
            inTypes: {
              index: "int",
              extSplats1: "usampler2DArray",
              extSplats2: "usampler2DArray"
            },
            outTypes: { rgba8: "vec4" },
            inputs: {
              index: n,
              extSplats1: this.readbackSplats[0],
              extSplats2: this.readbackSplats[1]
            },
            statements: ({ inputs: L, outputs: d }) => this.extSplats ? u(
              /* glsl */
              `
                    int indexDiv8 = ${L.index} >> 3;
                    ivec3 coord = splatTexCoord(indexDiv8);
                    uvec4 packedData;
                    if ((${L.index} & 4) == 0) {
                      packedData = texelFetch(${L.extSplats1}, coord, 0);
                    } else {
                      packedData = texelFetch(${L.extSplats2}, coord, 0);
                    }

                    int indexMod4 = ${L.index} & 3;
                    uint data = (indexMod4 == 0) ? packedData.x
                      : (indexMod4 == 1) ? packedData.y
                      : (indexMod4 == 2) ? packedData.z
                      : packedData.w;
                    ${d.rgba8} = uintToVec4(data);
                  `
            ) : u(
              /* glsl */
              `
                  int indexDiv4 = ${L.index} >> 2;
                  ivec3 coord = splatTexCoord(indexDiv4);
                  uvec4 packedData = texelFetch(${L.extSplats1}, coord, 0);

                  int indexMod4 = ${L.index} & 3;
                  uint data = (indexMod4 == 0) ? packedData.x
                    : (indexMod4 == 1) ? packedData.y
                    : (indexMod4 == 2) ? packedData.z
                    : packedData.w;
                  ${d.rgba8} = uintToVec4(data);
                `
            )
          }).outputs.rgba8 })
        );
        return await c.renderReadback({
          reader: K,
          count: this.numSplats * J,
          renderer: A,
          readback: M
        });
      }
    };
  }
  // Check if this accumulator has exactly the same generator mapping as
  // the previous one. If so, we can reuse the Gsplat sort order.
  checkVersions(A) {
    if (this.mapping.length !== A.length)
      return { splatsUpdated: !0, mappingUpdated: !0 };
    const I = this.mapping.some((B, C) => {
      const E = A[C];
      return B.node !== E.node || B.base !== E.base || B.count !== E.count || B.mappingVersion !== E.mappingVersion;
    });
    return I ? { splatsUpdated: !0, mappingUpdated: !0 } : { splatsUpdated: this.mapping.some((B, C) => B.version !== A[C].version), mappingUpdated: I };
  }
};
m.viewCenterUniform = new GI({ value: new s.Vector3() }), m.viewDirUniform = new GI({ value: new s.Vector3() }), m.sortRadialUniform = new wg({ value: !0 }), m.emptyTexture = (() => {
  const { width: A, height: I, depth: g, maxSplats: B } = X(1), C = new Uint32Array(B * 4), E = new s.DataArrayTexture(
    C,
    A,
    I,
    g
  );
  return E.format = s.RGBAIntegerFormat, E.type = s.UnsignedIntType, E.internalFormat = "RGBA32UI", E.needsUpdate = !0, E;
})(), m.emptyTextures = [m.emptyTexture, m.emptyTexture], m.programExtTemplate = new Ag(
  gg().computeUvec4x2Vec4Template
), m.programTemplate = new Ag(
  gg().computeUvec4Vec4Template
), m.generatorProgram = /* @__PURE__ */ new WeakMap(), m.fullScreenQuad = new MQ(
  new s.RawShaderMaterial({ visible: !1 })
);
let cI = m;
class yh extends s.InstancedBufferGeometry {
  constructor() {
    super(), this.setAttribute("position", new s.BufferAttribute(th, 3)), this.setIndex(new s.BufferAttribute(Sh, 1));
  }
}
const th = new Float32Array([
  -1,
  -1,
  0,
  1,
  -1,
  0,
  1,
  1,
  0,
  -1,
  1,
  0
]), Sh = new Uint16Array([0, 1, 2, 0, 2, 3]), v = class v extends s.Mesh {
  constructor(A) {
    if (!A)
      throw new Error("SparkRenderer options are required");
    if (!A.renderer)
      throw new Error("renderer is required in SparkRenderer options");
    const I = v.makeUniforms();
    Object.assign(I, A.extraUniforms ?? {});
    const g = gg(), B = A.premultipliedAlpha ?? !0, C = new yh(), E = new s.ShaderMaterial({
      glslVersion: s.GLSL3,
      vertexShader: A.vertexShader ?? g.splatVertex,
      fragmentShader: A.fragmentShader ?? g.splatFragment,
      uniforms: I,
      premultipliedAlpha: B,
      transparent: A.transparent ?? !0,
      depthTest: A.depthTest ?? !0,
      depthWrite: A.depthWrite ?? !1,
      side: s.DoubleSide,
      allowOverride: !1
    });
    super(C, E), this.renderSize = new s.Vector2(), this.lastFrame = -1, this.updateTimeoutId = -1, this.orderingTexture = null, this.maxSplats = 0, this.activeSplats = 0, this.accumulators = [], this.sorting = !1, this.sortDirty = !1, this.lastSortTime = 0, this.sortWorker = null, this.sortTimeoutId = -1, this.sortedCenter = new s.Vector3().setScalar(Number.NEGATIVE_INFINITY), this.sortedDir = new s.Vector3().setScalar(0), this.readback32 = new Uint32Array(0), this.lastLodRaycastTime = 0, this.lodWorker = null, this.lodMeshes = [], this.lodDirty = !1, this.lodIds = /* @__PURE__ */ new Map(), this.lodIdToSplats = /* @__PURE__ */ new Map(), this.lodInitQueue = [], this.lodInstances = /* @__PURE__ */ new Map(), this.lodUpdates = [], this.lastTraverseTime = 0, this.pagerId = 0, this.superXY = 1, this.flushAfterGenerate = !1, this.flushAfterRead = !1, this.readPause = 1, this.sortPause = 0, this.sortDelay = 0, this.pageSizeWarning = !1, this.material = E, this.uniforms = I, this.frustumCulled = !1, this.renderer = A.renderer, this.onDirty = A.onDirty, this.dirty = !0, this.autoUpdate = A.autoUpdate ?? !0, this.preUpdate = A.preUpdate ?? !0, this.maxStdDev = A.maxStdDev ?? Math.sqrt(8), this.minPixelRadius = A.minPixelRadius ?? 0, this.maxPixelRadius = A.maxPixelRadius ?? 512, this.accumExtSplats = A.accumExtSplats ?? !1, this.covSplats = A.covSplats ?? !1, this.minAlpha = A.minAlpha ?? 0.5 * (1 / 255), this.enable2DGS = A.enable2DGS ?? !1, this.preBlurAmount = A.preBlurAmount ?? 0, this.blurAmount = A.blurAmount ?? 0.3, this.focalDistance = A.focalDistance ?? 0, this.apertureAngle = A.apertureAngle ?? 0, this.falloff = A.falloff ?? 1, this.clipXY = A.clipXY ?? 1.4, this.focalAdjustment = A.focalAdjustment ?? 1, this.sortRadial = A.sortRadial ?? !0, this.minSortIntervalMs = A.minSortIntervalMs ?? 0, this.enableLod = A.enableLod ?? !0, this.enableDriveLod = A.enableDriveLod ?? this.enableLod, this.enableLodFetching = A.enableLodFetching ?? !0, this.lodSplatCount = A.lodSplatCount, this.lodSplatScale = A.lodSplatScale ?? 1, this.lodRenderScale = A.lodRenderScale ?? 1, this.lodInflate = A.lodInflate ?? !1, this.lodTraverseMode = A.lodTraverseMode ?? "standard", this.pagedExtSplats = A.pagedExtSplats ?? !1;
    const D = Yg() ? $I() ? 96 : 128 : 256;
    this.maxPagedSplats = A.maxPagedSplats ?? D * 65536, this.numLodFetchers = A.numLodFetchers ?? 3, this.behindFoveate = A.behindFoveate ?? 0.2, this.coneFov0 = A.coneFov0 ?? 90, this.coneFov = A.coneFov ?? 120, this.coneFoveate = A.coneFoveate ?? 0.4, this.lodRaycast = A.lodRaycast === void 0 ? Yg() ? 1e4 : 25e3 : A.lodRaycast, this.lodRaycastIntervalMs = A.lodRaycastIntervalMs ?? 500, this.timer = A.timer ?? new s.Timer(), this.ownsTimer = !!A.timer;
    const o = {
      extSplats: this.accumExtSplats,
      covSplats: this.covSplats
    };
    this.display = new cI(o), this.current = this.display, this.accumulators.push(new cI(o)), this.accumulators.push(new cI(o));
    const i = this.renderer.getContext().getExtension("WEBGL_provoking_vertex");
    if (i && i.provokingVertexWEBGL(
      i.FIRST_VERTEX_CONVENTION_WEBGL
    ), A.target) {
      const {
        width: a,
        height: w,
        doubleBuffer: G,
        superXY: h,
        ...k
      } = A.target, t = Math.max(1, Math.min(4, h ?? 1));
      if (a * t > 8192 || w * t > 8192)
        throw new Error("Target size too large");
      this.superXY = t;
      const y = a * t, S = w * t, R = {
        format: s.RGBAFormat,
        type: s.UnsignedByteType,
        colorSpace: s.SRGBColorSpace,
        ...k
      };
      this.target = new s.WebGLRenderTarget(
        y,
        S,
        R
      ), G && (this.backTarget = new s.WebGLRenderTarget(
        y,
        S,
        R
      ));
    }
  }
  static makeUniforms() {
    return {
      // // number of active splats to render
      // numSplats: { value: 0 },
      // Size of render viewport in pixels
      renderSize: { value: new s.Vector2() },
      // Near and far plane distances
      near: { value: 0.1 },
      far: { value: 1e3 },
      // SplatAccumulator to view transformation quaternion
      renderToViewQuat: { value: new s.Quaternion() },
      // SplatAccumulator to view transformation translation
      renderToViewPos: { value: new s.Vector3() },
      renderToViewBasis: { value: new s.Matrix3() },
      renderToViewOffset: { value: new s.Vector3() },
      // Maximum distance (in stddevs) from Gsplat center to render
      maxStdDev: { value: 1 },
      // Minimum pixel radius for splat rendering
      minPixelRadius: { value: 0 },
      // Maximum pixel radius for splat rendering
      maxPixelRadius: { value: 512 },
      // Minimum alpha value for splat rendering
      minAlpha: { value: 0.00196078431372549 },
      // Enable interpreting 0-thickness Gsplats as 2DGS
      enable2DGS: { value: !1 },
      // Enable ray-splat max response evaluation
      // enableRayEval: { value: false },
      // Inflate LoD splats so that opacity <= 1.0
      lodInflate: { value: !1 },
      // Add to projected 2D splat covariance diagonal (thickens and brightens)
      preBlurAmount: { value: 0 },
      // Add to 2D splat covariance diagonal and adjust opacity (anti-aliasing)
      blurAmount: { value: 0.3 },
      // Depth-of-field distance to focal plane
      focalDistance: { value: 0 },
      // Full-width angle of aperture opening (in radians)
      apertureAngle: { value: 0 },
      // Modulate Gaussian kernal falloff. 0 means "no falloff, flat shading",
      // 1 is normal e^-x^2 falloff.
      falloff: { value: 1 },
      // Clip Gsplats that are clipXY times beyond the +-1 frustum bounds
      clipXY: { value: 1.4 },
      // Debug renderSize scale factor
      focalAdjustment: { value: 1 },
      // Whether to encode Gsplat with linear RGB (for environment mapping)
      encodeLinear: { value: !1 },
      // Back-to-front sort ordering of splat indices
      ordering: { type: "t", value: v.emptyOrdering },
      enableExtSplats: { value: !1 },
      enableCovSplats: { value: !1 },
      // Gsplat collection to render
      extSplats: { type: "t", value: cI.emptyTexture },
      extSplats2: { type: "t", value: cI.emptyTexture },
      // Time in seconds for time-based effects
      time: { value: 0 },
      // Delta time in seconds since last frame
      deltaTime: { value: 0 },
      // Debug flag that alternates each frame
      debugFlag: { value: !1 }
    };
  }
  dispose() {
    var g;
    (g = super.dispose) == null || g.call(this), this.target && (this.target.dispose(), this.target = void 0), this.backTarget && (this.backTarget.dispose(), this.backTarget = void 0), this.orderingTexture && (this.orderingTexture.dispose(), this.orderingTexture = null);
    const A = /* @__PURE__ */ new Set();
    A.add(this.display), A.add(this.current);
    for (const B of this.accumulators)
      A.add(B);
    for (const B of A)
      B.dispose();
    const I = this.lodInstances.values();
    this.lodInstances.clear();
    for (const B of I)
      B.texture.dispose();
    this.sortWorker && (this.sortWorker.dispose(), this.sortWorker = null), this.lodWorker && (this.lodWorker.dispose(), this.lodWorker = null), this.pager && (this.pager.dispose(), this.pager = void 0);
  }
  setDirty() {
    var A;
    this.dirty || (this.dirty = !0, (A = this.onDirty) == null || A.call(this));
  }
  onBeforeRender(A, I, g) {
    var y;
    const B = v.sparkOverride ?? this, C = A.info.render.frame, E = C !== B.lastFrame;
    if (B.lastFrame = C, B.autoUpdate && E) {
      const S = B.preUpdate && !A.xr.isPresenting, R = A.xr.isPresenting ? A.xr.getCamera() : g;
      S ? B.updateInternal({
        scene: I,
        camera: R,
        autoUpdate: !0
      }) : B.updateTimeoutId === -1 && (B.updateTimeoutId = setTimeout(() => {
        B.updateTimeoutId = -1, B.updateInternal({
          scene: I,
          camera: R,
          autoUpdate: !0
        });
      }, 1));
    }
    const D = A.getRenderTarget(), o = kh(D);
    if (D) {
      if (B.renderSize.set(
        D.width,
        D.height
      ), o && B.renderSize.x === 1 && B.renderSize.y === 1) {
        const S = (y = A.xr.getSession()) == null ? void 0 : y.renderState.baseLayer;
        S && (B.renderSize.x = S.framebufferWidth, B.renderSize.y = S.framebufferHeight);
      }
    } else
      A.getDrawingBufferSize(B.renderSize);
    this.uniforms.renderSize.value.copy(B.renderSize);
    const i = g;
    this.uniforms.near.value = i.near, this.uniforms.far.value = i.far;
    const a = this.geometry;
    a.instanceCount = B.activeSplats;
    const w = new s.Matrix4();
    this.display.extSplats || w.makeTranslation(B.display.viewOrigin);
    const k = g.matrixWorld.clone().invert().multiply(w);
    k.decompose(
      this.uniforms.renderToViewPos.value,
      this.uniforms.renderToViewQuat.value,
      new s.Vector3()
    ), this.uniforms.renderToViewBasis.value.setFromMatrix4(k), this.uniforms.maxStdDev.value = B.maxStdDev, this.uniforms.minPixelRadius.value = B.minPixelRadius, this.uniforms.maxPixelRadius.value = B.maxPixelRadius, this.uniforms.minAlpha.value = B.minAlpha, this.uniforms.enable2DGS.value = B.enable2DGS, this.uniforms.lodInflate.value = B.lodInflate, this.uniforms.preBlurAmount.value = B.preBlurAmount, this.uniforms.blurAmount.value = B.blurAmount, this.uniforms.focalDistance.value = B.focalDistance, this.uniforms.apertureAngle.value = B.apertureAngle, this.uniforms.falloff.value = B.falloff, this.uniforms.clipXY.value = B.clipXY, this.uniforms.focalAdjustment.value = B.focalAdjustment;
    const t = D === null ? A.outputColorSpace : o ? D.texture.colorSpace : s.ColorManagement.workingColorSpace;
    if (this.uniforms.encodeLinear.value = t !== s.SRGBColorSpace, this.uniforms.ordering.value = B.orderingTexture ?? v.emptyOrdering, this.uniforms.enableExtSplats.value = this.display.extSplats, this.uniforms.enableCovSplats.value = this.display.covSplats, this.display.extSplats) {
      const S = B.display.getTextures();
      this.uniforms.extSplats.value = S[0], this.uniforms.extSplats2.value = S[1];
    } else {
      const S = B.display.getTextures();
      this.uniforms.extSplats.value = S[0], this.uniforms.extSplats2.value = S[0];
    }
    this.uniforms.time.value = B.display.time, this.uniforms.deltaTime.value = B.display.deltaTime, this.uniforms.debugFlag.value = performance.now() / 1e3 % 2 < 1, B.dirty = !1;
  }
  clearSplats() {
    this.activeSplats = 0, this.display.numSplats = 0, this.setDirty();
  }
  async update({
    scene: A,
    camera: I
  }) {
    await this.updateInternal({ scene: A, camera: I, autoUpdate: !1 });
  }
  // /**
  //  * Provide additional cameras to prefetch paged splat chunks without
  //  * affecting main LOD selection.
  //  */
  // setPrefetchCameras(cameras?: THREE.Camera[], lodScaleMultiplier = 1.0) {
  //   const next = cameras?.filter(Boolean) ?? [];
  //   const sameCameras =
  //     this.prefetchCameras.length === next.length &&
  //     this.prefetchCameras.every((camera, index) => camera === next[index]);
  //   if (sameCameras && this.prefetchLodScale === lodScaleMultiplier) {
  //     return;
  //   }
  //   this.prefetchCameras = next;
  //   this.prefetchLodScale = lodScaleMultiplier;
  //   this.invalidatePrefetchCache();
  // }
  // /**
  //  * Invalidate the prefetch meshes cache. Call this when SplatMeshes are
  //  * added or removed from the scene.
  //  */
  // invalidatePrefetchCache() {
  //   this.prefetchMeshesCacheScene = undefined;
  // }
  async updateInternal({
    scene: A,
    camera: I,
    autoUpdate: g
  }) {
    const B = this.renderer;
    this.ownsTimer && this.timer.update();
    const C = I.getWorldPosition(new s.Vector3()), E = I.getWorldDirection(new s.Vector3()), D = C.distanceTo(this.sortedCenter) > 1e-3 || E.dot(this.sortedDir) < 0.999, o = this.accumulators.pop();
    if (!o)
      throw new Error("No next accumulator");
    if (o === this.current)
      throw new Error(
        "Next accumulator is the same as the current accumulator"
      );
    const { version: i, mappingVersion: a, visibleGenerators: w, generate: G } = o.prepareGenerate({
      renderer: B,
      scene: A,
      timer: this.timer,
      camera: I,
      sortRadial: this.sortRadial ?? !0,
      renderSize: this.renderSize,
      previous: this.current,
      lodInstances: this.enableLod ? this.lodInstances : void 0
    });
    let h = !0;
    const k = D || i !== this.current.version, t = a !== this.display.mappingVersion;
    g && !k && (h = !1), t && this.sorting && (h = !1), h ? (G(), this.flushAfterGenerate && B.getContext().flush(), this.display.mappingVersion === o.mappingVersion ? (this.accumulators.push(this.display), this.display = o) : this.display !== this.current && this.accumulators.push(this.current), this.current = o, this.sortDirty = !0, this.setDirty()) : this.accumulators.push(o), this.enableDriveLod && this.driveLod({ visibleGenerators: w, camera: I, scene: A }), await this.driveSort();
  }
  async driveSort() {
    if (this.sorting || !this.sortDirty)
      return;
    this.sortTimeoutId !== -1 && (clearTimeout(this.sortTimeoutId), this.sortTimeoutId = -1);
    const A = performance.now(), I = this.lastSortTime ? this.lastSortTime + this.minSortIntervalMs : A;
    if (A < I) {
      this.sortTimeoutId = setTimeout(() => {
        this.sortTimeoutId = -1, this.driveSort();
      }, I - A);
      return;
    }
    this.sorting = !0, this.sortDirty = !1, this.lastSortTime = A, this.readPause > 0 && await new Promise((w) => setTimeout(w, this.readPause));
    const g = this.current;
    this.sortedCenter.copy(g.viewOrigin), this.sortedDir.copy(g.viewDirection);
    const { numSplats: B, maxSplats: C } = g, E = Math.max(1, Math.ceil(C / 16384)), D = E * 16384;
    this.maxSplats = Math.max(this.maxSplats, D);
    const o = new Uint32Array(this.maxSplats), i = Qg.ensureBuffer(C, this.readback32);
    this.readback32 = i, await this.readbackDepth({
      current: g,
      renderer: this.renderer,
      numSplats: B,
      readback: i
    }), this.sortPause > 0 && await new Promise((w) => setTimeout(w, this.sortPause)), this.sortWorker || (this.sortWorker = new Dg());
    const a = await this.sortWorker.call("sortSplats32", {
      numSplats: B,
      readback: i,
      ordering: o
    });
    if (this.sortDelay > 0 && await new Promise((w) => setTimeout(w, this.sortDelay)), this.readback32 = a.readback, this.activeSplats = a.activeSplats, this.orderingTexture && E > this.orderingTexture.image.height && (this.orderingTexture.dispose(), this.orderingTexture = null), this.orderingTexture) {
      const w = this.renderer;
      w.properties.has(this.orderingTexture) ? ng(
        w,
        this.orderingTexture,
        4096,
        E,
        a.ordering
      ) : this.orderingTexture.needsUpdate = !0;
    } else {
      const w = new s.DataTexture(
        a.ordering,
        4096,
        E,
        s.RGBAIntegerFormat,
        s.UnsignedIntType
      );
      w.internalFormat = "RGBA32UI", w.needsUpdate = !0, this.orderingTexture = w;
    }
    this.current.mappingVersion === g.mappingVersion && this.current.mappingVersion !== this.display.mappingVersion && (this.accumulators.push(this.display), this.display = this.current), this.sorting = !1, this.setDirty(), this.driveSort();
  }
  ensureLodWorker() {
    return this.lodWorker || (this.lodWorker = new Dg()), this.lodWorker;
  }
  defaultSplatTarget() {
    return PQ() ? 5e5 : AE() ? 75e4 : uQ() ? 1e6 : $I() ? 15e5 : 25e5;
  }
  driveLod({
    visibleGenerators: A,
    camera: I,
    scene: g
  }) {
    var h, k;
    const B = this.defaultSplatTarget(), E = (this.lodSplatCount ?? B) * this.lodSplatScale;
    let D = 0;
    if (I instanceof s.PerspectiveCamera)
      D = 2 * Math.tan(0.5 * I.fov * Math.PI / 180) / this.renderSize.y;
    else if (I instanceof s.OrthographicCamera) {
      const t = (I.top - I.bottom) / I.zoom, y = (I.right - I.left) / I.zoom, S = t / Math.max(1, this.renderSize.y), R = y / Math.max(1, this.renderSize.x);
      D = Math.min(R, S);
    }
    D *= this.lodRenderScale;
    const o = new s.Vector3(), i = new s.Quaternion();
    if (this.current.viewToWorld.decompose(o, i, new s.Vector3()), this.lodPosOverride && o.copy(this.lodPosOverride), this.lodQuatOverride && i.copy(this.lodQuatOverride).normalize(), this.lastLod) {
      (this.lastLod.pixelScaleLimit !== D || this.lastLod.maxSplats !== E) && (this.lodDirty = !0);
      const t = o.distanceTo(this.lastLod.pos), y = Math.max(0, 1 - t / 1), S = i.dot(this.lastLod.quat), R = Math.max(0, 1 - (1 - S) / 0.01);
      y * R < 0.999 && (this.lodDirty = !0);
    }
    const a = this.enableLod ? A.filter((t) => {
      var y, S;
      return t instanceof TA && (((y = t.packedSplats) == null ? void 0 : y.lodSplats) || ((S = t.extSplats) == null ? void 0 : S.lodSplats) || t.paged) && t.enableLod !== !1;
    }) : [], w = a.some((t) => t.paged);
    this.lodMeshes.length !== a.length ? this.lodDirty = !0 : a.some(
      (t, y) => t !== this.lodMeshes[y].mesh || t.version > this.lodMeshes[y].version
    ) && (this.lodDirty = !0), this.lodMeshes = a.map((t) => ({
      mesh: t,
      version: t.version + 1
    })), this.lodInitQueue = [];
    const G = performance.now();
    for (const t of a) {
      const y = ((h = t.packedSplats) == null ? void 0 : h.lodSplats) ?? ((k = t.extSplats) == null ? void 0 : k.lodSplats) ?? t.paged;
      if (y) {
        const S = this.lodIds.get(y);
        S ? S.lastTouched = G : this.lodInitQueue.push(y);
      }
    }
    this.ensureLodWorker().tryExclusive(async (t) => {
      if (w && !this.pager) {
        this.pager = new sI({
          renderer: this.renderer,
          extSplats: this.pagedExtSplats,
          maxSplats: this.maxPagedSplats,
          numFetchers: this.numLodFetchers
        });
        const { lodId: y } = await t.call("newLodTree", {
          capacity: this.pager.maxSplats
        });
        this.pagerId = y;
      }
      if (this.pager)
        for (const { mesh: y } of this.lodMeshes)
          y.paged && !y.paged.pager && (y.paged.pager = this.pager);
      if (this.lodInitQueue.length > 0) {
        const y = this.lodInitQueue;
        for (this.lodInitQueue = []; y.length > 0; ) {
          const S = y.shift();
          S && (await this.initLodTree(t, S), this.lodDirty = !0);
        }
      }
      if (this.pager) {
        const y = this.pager.consumeLodTreeUpdates();
        for (const { splats: S, page: R, chunk: F, numSplats: N, lodTree: c } of y) {
          const J = this.lodIds.get(S);
          J && (c && F === 0 && (J.rootPage = R), this.lodUpdates.push({
            lodId: J.lodId,
            pageBase: R * this.pager.pageSplats,
            chunkBase: F * this.pager.pageSplats,
            count: N,
            lodTreeData: c
          }));
        }
      }
      if (this.lodUpdates.length > 0) {
        const y = this.lodUpdates;
        this.lodUpdates = [], await t.call("updateLodTrees", { ranges: y }), this.lodDirty = !0;
      }
      if (this.lodDirty) {
        const y = performance.now(), S = new s.Vector3();
        if (this.lastLod) {
          const R = Math.max(1, y - this.lastLod.timestamp);
          S.copy(o).sub(this.lastLod.pos).multiplyScalar(this.lastTraverseTime / R);
        }
        this.lastLod = {
          pos: o,
          quat: i,
          pixelScaleLimit: D,
          maxSplats: E,
          timestamp: y
        }, this.lodDirty = !1, await this.updateLodInstances(
          t,
          S,
          a,
          E,
          o,
          i,
          D
        ), this.currentLod = this.lastLod, this.setDirty();
      }
      await this.cleanupLodTrees(t);
    });
  }
  async initLodTree(A, I) {
    if (I instanceof EI || I instanceof gI) {
      const { lodId: g } = await A.call("initLodTree", {
        numSplats: I.numSplats ?? 0,
        lodTree: I.extra.lodTree.slice()
      });
      this.lodIds.set(I, { lodId: g, lastTouched: performance.now() }), this.lodIdToSplats.set(g, I);
    } else {
      const { lodId: g } = await A.call("newSharedLodTree", {
        lodId: this.pagerId
      });
      this.lodIds.set(I, { lodId: g, lastTouched: performance.now() }), this.lodIdToSplats.set(g, I);
    }
  }
  async updateLodInstances(A, I, g, B, C, E, D) {
    const o = /* @__PURE__ */ new Map(), i = new s.Matrix4().compose(
      C,
      E,
      new s.Vector3().setScalar(1)
    ), a = g.reduce(
      (S, R) => {
        var J, M;
        o.set(R.uuid, R);
        const F = R.matrixWorld.clone().invert().multiply(i), N = ((J = R.packedSplats) == null ? void 0 : J.lodSplats) ?? ((M = R.extSplats) == null ? void 0 : M.lodSplats) ?? R.paged;
        if (!N)
          return S;
        const c = this.lodIds.get(N);
        return !c || this.pager && R.paged && c.rootPage === void 0 || (S[R.uuid] = {
          instanceId: R.uuid,
          lodId: c.lodId,
          rootPage: c.rootPage,
          viewToObjectCols: F.elements,
          lodScale: R.lodScale,
          behindFoveate: R.behindFoveate ?? this.behindFoveate,
          coneFov0: R.coneFov0 ?? this.coneFov0,
          coneFov: R.coneFov ?? this.coneFov,
          coneFoveate: R.coneFoveate ?? this.coneFoveate
        }), S;
      },
      {}
    ), w = performance.now(), G = await A.call("traverseLodTrees", {
      maxSplats: B,
      pixelScaleLimit: D,
      lastPixelLimit: this.lastPixelLimit,
      instances: a,
      traverseMode: this.lodTraverseMode
    });
    this.lastTraverseTime = performance.now() - w;
    const { keyIndices: h, chunks: k, pixelLimit: t } = G;
    this.lastPixelLimit = t;
    const y = Object.values(h).reduce(
      (S, { numSplats: R }) => S + R,
      0
    );
    if (this.updateLodIndices(o, h), this.pager) {
      this.pager.processUploads();
      const S = g.map((R) => {
        if (!R.paged || !this.pager)
          return null;
        const F = R.getWorldPosition(new s.Vector3());
        return {
          splats: R.paged,
          distance: F.distanceTo(C)
        };
      }).filter((R) => R !== null);
      !this.pageSizeWarning && S.length > this.pager.maxPages && (this.pageSizeWarning = !0, console.warn(
        `# paged SplatMeshes exceeds maxPages: ${S.length} > ${this.pager.maxPages}`
      )), S.sort((R, F) => R.distance - F.distance), this.pager.fetchPriority = S.map(({ splats: R }) => ({
        splats: R,
        chunk: 0
      }));
      for (const [R, F] of k) {
        const N = this.lodIdToSplats.get(R);
        N instanceof rg && F !== 0 && this.pager.fetchPriority.push({ splats: N, chunk: F });
      }
      this.pager.autoDrive = this.enableLodFetching, this.enableLodFetching && this.pager.driveFetchers();
    }
    if (this.lodRaycast && performance.now() - this.lastLodRaycastTime >= this.lodRaycastIntervalMs) {
      this.lastLodRaycastTime = performance.now();
      const S = performance.now(), R = await A.call("traverseLodTrees", {
        maxSplats: Math.min(this.lodRaycast, Math.round(y * 0.1)),
        pixelScaleLimit: D,
        instances: a,
        traverseMode: this.lodTraverseMode
      });
      performance.now() - S;
      const { keyIndices: F } = R;
      Object.values(F).reduce(
        (N, { numSplats: c }) => N + c,
        0
      );
      for (const [N, c] of Object.entries(F)) {
        const J = o.get(N);
        J.raycastIndices = c;
      }
    }
  }
  async cleanupLodTrees(A) {
    var C;
    const g = performance.now();
    let B = null;
    for (const [E, D] of this.lodIds.entries())
      (B == null || D.lastTouched < B.lastTouched) && (B = {
        splats: E,
        lastTouched: D.lastTouched,
        lodId: D.lodId
      });
    if (!(!B || B.lastTouched > g - 3e3)) {
      this.lodIds.delete(B.splats), this.lodIdToSplats.delete(B.lodId);
      for (const [E, D] of this.lodInstances.entries())
        D.lodId === B.lodId && (D.texture.dispose(), this.lodInstances.delete(E));
      B.splats instanceof rg && ((C = this.pager) == null || C.removeSplats(B.splats)), await A.call("disposeLodTree", { lodId: B.lodId });
    }
  }
  updateLodIndices(A, I) {
    for (const [g, B] of Object.entries(I)) {
      const { lodId: C, numSplats: E, indices: D } = B, o = A.get(g);
      if (o.paged)
        o.paged.update(E, D);
      else {
        let i = this.lodInstances.get(o);
        i && D.length > i.indices.length && (i.texture.dispose(), i = void 0);
        const a = Math.ceil(D.length / 16384);
        if (i) {
          i.numSplats = E;
          const w = this.renderer;
          w.properties.has(i.texture) && ng(
            w,
            i.texture,
            4096,
            a,
            D
          );
        } else {
          const w = a * 16384;
          if (D.length !== w)
            throw new Error("Indices length != capacity");
          const G = new s.DataTexture(
            D,
            4096,
            a,
            s.RGBAIntegerFormat,
            s.UnsignedIntType
          );
          G.internalFormat = "RGBA32UI", G.needsUpdate = !0, i = { lodId: C, numSplats: E, indices: D, texture: G }, this.lodInstances.set(o, i);
        }
      }
      o.updateMappingVersion();
    }
  }
  async readbackDepth({
    current: A,
    renderer: I,
    numSplats: g,
    readback: B
  }) {
    if (!I)
      throw new Error("No renderer");
    if (!A.target)
      throw new Error("No target");
    const C = Math.ceil(g / r) * r;
    if (B.byteLength < C * 4)
      throw new Error(
        `Readback buffer too small: ${B.byteLength} < ${C * 4}`
      );
    const E = new Uint8Array(B.buffer), D = this.saveRenderState(I), o = r * rA;
    let i = 0;
    const a = [];
    for (; i < g; ) {
      const w = Math.floor(i / o), G = w * o, h = Math.min(
        rA,
        Math.ceil((g - G) / r)
      ), k = r * h * 4, t = E.subarray(
        G * 4,
        G * 4 + k
      );
      I.setRenderTarget(A.target, w);
      const y = I.readRenderTargetPixelsAsync(
        A.target,
        0,
        0,
        r,
        h,
        t,
        void 0,
        A.extSplats ? 2 : 1
      );
      a.push(y), this.flushAfterRead && I.getContext().flush(), i += r * h;
    }
    return this.resetRenderState(I, D), Promise.all(a).then(() => B);
  }
  saveRenderState(A) {
    return {
      target: A.getRenderTarget(),
      xrEnabled: A.xr.enabled,
      autoClear: A.autoClear
    };
  }
  resetRenderState(A, I) {
    A.setRenderTarget(I.target), A.xr.enabled = I.xrEnabled, A.autoClear = I.autoClear;
  }
  render(A, I) {
    try {
      v.sparkOverride = this, this.renderer.render(A, I);
    } finally {
      v.sparkOverride = void 0;
    }
  }
  renderTarget({
    scene: A,
    camera: I
  }) {
    const g = this.backTarget ?? this.target;
    if (!g)
      throw new Error("No target");
    const B = this.renderer.getRenderTarget();
    try {
      this.renderer.setRenderTarget(g), v.sparkOverride = this, this.renderer.render(A, I);
    } finally {
      v.sparkOverride = void 0, this.renderer.setRenderTarget(B);
    }
    return g !== this.target && ([this.target, this.backTarget] = [this.backTarget, this.target]), g;
  }
  // Read back the previously rendered target image as a Uint8Array of packed
  // RGBA values (in that order). Subsequent calls to this.readTarget()
  // will reuse the same buffers to minimize memory allocations.
  async readTarget() {
    if (!this.target)
      throw new Error("Must initialize with target");
    const { width: A, height: I } = this.target, g = A * I * 4;
    (!this.superPixels || this.superPixels.length < g) && (this.superPixels = new Uint8Array(g));
    const B = this.superPixels;
    await this.renderer.readRenderTargetPixelsAsync(
      this.target,
      0,
      0,
      A,
      I,
      B
    );
    const { superXY: C } = this;
    if (C === 1)
      return B;
    const E = A / C, D = I / C, o = E * D * 4;
    (!this.targetPixels || this.targetPixels.length < o) && (this.targetPixels = new Uint8Array(o));
    const i = this.targetPixels, a = C * C;
    for (let w = 0; w < D; w++) {
      const G = w * E;
      for (let h = 0; h < E; h++) {
        const k = h * C;
        let t = 0, y = 0, S = 0, R = 0;
        for (let N = 0; N < C; N++) {
          const c = (w * C + N) * A;
          for (let J = 0; J < C; J++) {
            const M = (c + k + J) * 4;
            t += B[M], y += B[M + 1], S += B[M + 2], R += B[M + 3];
          }
        }
        const F = (G + h) * 4;
        i[F] = t / a, i[F + 1] = y / a, i[F + 2] = S / a, i[F + 3] = R / a;
      }
    }
    return i;
  }
  async renderReadTarget({
    scene: A,
    camera: I
  }) {
    return this.renderTarget({ scene: A, camera: I }), this.readTarget();
  }
  // Renders out the scene to a cube map that can be used for
  // Image-based lighting or similar applications. First optionally updates Gsplats,
  // sorts them with respect to the provided worldCenter, renders 6 cube faces.
  async renderCubeMap({
    scene: A,
    worldCenter: I,
    size: g = 256,
    near: B = 0.1,
    far: C = 1e3,
    hideObjects: E = [],
    update: D = !0,
    filter: o = !1
  }) {
    if (!v.cubeRender || v.cubeRender.target.width !== g || v.cubeRender.near !== B || v.cubeRender.far !== C) {
      v.cubeRender && v.cubeRender.target.dispose();
      const G = new s.WebGLCubeRenderTarget(g, {
        format: s.RGBAFormat,
        type: s.UnsignedByteType,
        generateMipmaps: o,
        minFilter: o ? s.LinearMipMapLinearFilter : s.LinearFilter,
        magFilter: s.LinearFilter,
        colorSpace: o ? s.LinearSRGBColorSpace : s.SRGBColorSpace
      }), h = new s.CubeCamera(B, C, G);
      v.cubeRender = { target: G, cubeCamera: h, near: B, far: C };
    }
    const { target: i, cubeCamera: a } = v.cubeRender;
    a.position.copy(I);
    const w = /* @__PURE__ */ new Map();
    for (const G of E)
      w.set(G, G.visible), G.visible = !1;
    if (D) {
      const G = new s.Camera();
      G.position.copy(I), await this.update({ scene: A, camera: G });
    }
    try {
      v.sparkOverride = this, a.update(this.renderer, A);
    } finally {
      v.sparkOverride = void 0;
    }
    for (const [G, h] of w.entries())
      G.visible = h;
    return i.texture;
  }
  async readCubeTargets() {
    if (!v.cubeRender)
      throw new Error("No cube render");
    const A = v.cubeRender.target.texture, I = [], g = [];
    for (let B = 0; B < A.images.length; ++B) {
      const { width: C, height: E } = A.images[B], D = C * E * 4, o = new Uint8Array(D);
      g.push(o);
      const i = this.renderer.readRenderTargetPixelsAsync(
        v.cubeRender.target,
        0,
        0,
        C,
        E,
        o,
        B
      );
      I.push(i);
    }
    return await Promise.all(I), g;
  }
  // Renders out the scene to an environment map that can be used for
  // Image-based lighting or similar applications. First optionally updates Gsplats,
  // sorts them with respect to the provided worldCenter, renders 6 cube faces,
  // then pre-filters them using THREE.PMREMGenerator and returns a THREE.Texture
  // that can assigned directly to a THREE.MeshStandardMaterial.envMap property.
  async renderEnvMap({
    scene: A,
    worldCenter: I,
    size: g = 256,
    near: B = 0.1,
    far: C = 1e3,
    hideObjects: E = [],
    update: D = !0
  }) {
    var i;
    const o = await this.renderCubeMap({
      scene: A,
      worldCenter: I,
      size: g,
      near: B,
      far: C,
      hideObjects: E,
      update: D,
      filter: !0
    });
    return v.pmrem || (v.pmrem = new s.PMREMGenerator(this.renderer)), (i = v.pmrem) == null ? void 0 : i.fromCubemap(o).texture;
  }
  // Utility function to recursively set the envMap property for any
  // THREE.MeshStandardMaterial within the subtree of root.
  recurseSetEnvMap(A, I) {
    A.traverse((g) => {
      if (g instanceof s.Mesh)
        if (Array.isArray(g.material))
          for (const B of g.material)
            B instanceof s.MeshStandardMaterial && (B.envMap = I);
        else
          g.material instanceof s.MeshStandardMaterial && (g.material.envMap = I);
    });
  }
  async getLodTreeLevel(A, I, g = !1) {
    var E, D;
    const B = this.lodInstances.get(A);
    if (!B)
      return null;
    const C = await this.ensureLodWorker().exclusive(async (o) => await o.call("getLodTreeLevel", {
      lodId: B.lodId,
      level: I
    }));
    if ((E = A.packedSplats) != null && E.lodSplats) {
      const o = A.packedSplats.lodSplats.extractSplats(
        C.indices,
        g
      );
      return new TA({ packedSplats: o });
    }
    if ((D = A.extSplats) != null && D.lodSplats) {
      const o = A.extSplats.lodSplats.extractSplats(
        C.indices,
        g
      );
      return new TA({ extSplats: o });
    }
    throw new Error(
      "Only LoD-enabled PackedSplats and ExtSplats are supported"
    );
  }
  get premultipliedAlpha() {
    return this.material.premultipliedAlpha;
  }
  set premultipliedAlpha(A) {
    this.material.premultipliedAlpha !== A && (this.material.premultipliedAlpha = A, this.material.needsUpdate = !0);
  }
};
v.emptyOrdering = (() => {
  const I = new Uint32Array(16384), g = new s.DataTexture(I, 4096, 1);
  return g.format = s.RGBAIntegerFormat, g.type = s.UnsignedIntType, g.internalFormat = "RGBA32UI", g.needsUpdate = !0, g;
})(), v.cubeRender = null, v.pmrem = null;
let dg = v;
function kh(Q) {
  return Q == null ? void 0 : Q.isXRRenderTarget;
}
async function py(Q) {
  var i, a, w;
  const A = [], {
    inputs: I,
    clipXyz: g,
    maxSh: B,
    fractionalBits: C = 12,
    opacityThreshold: E
  } = Q;
  for (const G of I) {
    const h = ((i = G.transform) == null ? void 0 : i.scale) ?? 1, k = ((a = G.transform) == null ? void 0 : a.quaternion) ?? [0, 0, 0, 1], t = ((w = G.transform) == null ? void 0 : w.translate) ?? [0, 0, 0], y = g ? [...g.min, ...g.max] : void 0;
    let S = G.fileType;
    S || (S = go(G.fileBytes), !S && G.pathOrUrl && (S = Qo(G.pathOrUrl)));
    const R = KG(S, G.pathOrUrl), F = G.fileBytes, N = 1048576;
    for (let J = 0; J < F.length; J += N)
      R.push(
        F.subarray(J, Math.min(J + N, F.length))
      );
    const c = R.finish();
    c.transform({
      translation: t,
      rotation: k,
      scale: h,
      clip: y,
      opacityThreshold: E ?? 0
    }), A.push(c);
  }
  const D = A[0];
  for (let G = 1; G < A.length; G++)
    D.concat(A[G]);
  return { fileBytes: D.encode_to_spz(B ?? 3, C), clippedCount: 0 };
}
function fy(Q, A, I) {
  if (!Q.packedArray)
    throw new Error("");
  return { fileBytes: qG(
    Q.numSplats,
    Q.packedArray,
    Q.extra,
    Q.splatEncoding
  ).encode_to_spz(A ?? 3, I ?? 12) };
}
var Rh = /* @__PURE__ */ ((Q) => (Q.DUAL_QUATERNION = "dual_quaternion", Q.LINEAR_BLEND = "linear_blend", Q))(Rh || {});
const l = class l {
  constructor(A) {
    this.mesh = A.mesh, this.numSplats = A.numSplats ?? this.mesh.numSplats, this.mode = A.mode ?? "dual_quaternion";
    const { width: I, height: g, depth: B, maxSplats: C } = X(this.numSplats);
    this.skinData = new Uint16Array(C * 4), this.skinTexture = new s.DataArrayTexture(
      this.skinData,
      I,
      g,
      B
    ), this.skinTexture.format = s.RGBAIntegerFormat, this.skinTexture.type = s.UnsignedShortType, this.skinTexture.internalFormat = "RGBA16UI", this.skinTexture.needsUpdate = !0, this.numBones = A.numBones ?? 256, this.boneData = new Float32Array(this.numBones * 16), this.boneTexture = new s.DataTexture(
      this.boneData,
      4,
      this.numBones,
      s.RGBAFormat,
      s.FloatType
    ), this.boneTexture.internalFormat = "RGBA32F", this.boneTexture.needsUpdate = !0, this.boneRestQuatPosScale = aQ(this.numBones, () => ({
      quat: new s.Quaternion(),
      pos: new s.Vector3(),
      scale: new s.Vector3()
    })), this.mode === "linear_blend" ? this.boneRestInvMats = aQ(this.numBones, () => new s.Matrix4()) : this.boneRestInvMats = [], this.uniform = new Y({
      key: "skinning",
      type: vg,
      globals: () => [Xg],
      value: {
        numSplats: this.numSplats,
        numBones: this.numBones,
        skinTexture: this.skinTexture,
        boneTexture: this.boneTexture
      }
    });
  }
  // Apply the skeletal animation to a Gsplat in a dyno program.
  modify(A) {
    if (this.mode === "linear_blend")
      throw new Error("Linear blend skinning requires covSplats=true");
    return Fh(A, this.uniform);
  }
  modifyCov(A) {
    return this.mode === "dual_quaternion" ? Mh(A, this.uniform) : Uh(A, this.uniform);
  }
  // Set the "rest" pose for a bone with position and quaternion orientation.
  setRestQuatPos(A, I, g) {
    this.boneRestQuatPosScale[A].quat.copy(I), this.boneRestQuatPosScale[A].pos.copy(g), this.boneRestQuatPosScale[A].scale.copy(l.UNIT_SCALE), this.mode === "linear_blend" && this.boneRestInvMats[A].compose(g, I, l.UNIT_SCALE).invert(), this.setBoneQuatPos(A, I, g);
  }
  getRestQuatPos(A, I, g) {
    I.copy(this.boneRestQuatPosScale[A].quat), g.copy(this.boneRestQuatPosScale[A].pos);
  }
  setRestQuatPosScale(A, I, g, B) {
    this.boneRestQuatPosScale[A].quat.copy(I), this.boneRestQuatPosScale[A].pos.copy(g), this.boneRestQuatPosScale[A].scale.copy(B), this.mode === "linear_blend" && this.boneRestInvMats[A].compose(g, I, B).invert(), this.setBoneQuatPosScale(A, I, g, B);
  }
  getRestQuatPosScale(A, I, g, B) {
    I.copy(this.boneRestQuatPosScale[A].quat), g.copy(this.boneRestQuatPosScale[A].pos), B.copy(this.boneRestQuatPosScale[A].scale);
  }
  setRestMatrix(A, I) {
    if (this.mode !== "linear_blend")
      throw new Error("setRestMat only supported for linear blend skinning");
    this.boneRestInvMats[A].copy(I).invert(), this.setBoneMatrix(A, I);
  }
  getRestMatrix(A, I) {
    if (this.mode !== "linear_blend")
      throw new Error("getRestMat only supported for linear blend skinning");
    I.copy(this.boneRestInvMats[A]).invert();
  }
  // Set the "current" position and orientation of a bone.
  setBoneQuatPos(A, I, g) {
    if (this.mode === "dual_quaternion") {
      l.relQuat.copy(this.boneRestQuatPosScale[A].quat).invert(), l.relPos.copy(g).sub(this.boneRestQuatPosScale[A].pos), l.relQuat.multiply(I), l.dual.set(
        l.relPos.x,
        l.relPos.y,
        l.relPos.z,
        0
      ).multiply(l.relQuat);
      const B = A * 16;
      this.boneData[B + 0] = l.relQuat.x, this.boneData[B + 1] = l.relQuat.y, this.boneData[B + 2] = l.relQuat.z, this.boneData[B + 3] = l.relQuat.w, this.boneData[B + 4] = 0.5 * l.dual.x, this.boneData[B + 5] = 0.5 * l.dual.y, this.boneData[B + 6] = 0.5 * l.dual.z, this.boneData[B + 7] = 0.5 * l.dual.w;
    } else
      this.setBoneQuatPosScale(A, I, g, l.UNIT_SCALE);
  }
  setBoneQuatPosScale(A, I, g, B) {
    if (this.mode === "dual_quaternion")
      throw new Error(
        "setBoneQuatPosScale only supported for linear blend skinning"
      );
    l.skinMat.compose(g, I, B), this.setBoneMatrix(A, l.skinMat);
  }
  setBoneMatrix(A, I) {
    if (this.mode !== "linear_blend")
      throw new Error("setBoneMatrix only supported for linear blend skinning");
    l.skinMat.multiplyMatrices(
      this.boneRestInvMats[A],
      I
    );
    const g = A * 16;
    this.boneData[g + 0] = l.skinMat.elements[0], this.boneData[g + 1] = l.skinMat.elements[1], this.boneData[g + 2] = l.skinMat.elements[2], this.boneData[g + 3] = l.skinMat.elements[4], this.boneData[g + 4] = l.skinMat.elements[5], this.boneData[g + 5] = l.skinMat.elements[6], this.boneData[g + 6] = l.skinMat.elements[8], this.boneData[g + 7] = l.skinMat.elements[9], this.boneData[g + 8] = l.skinMat.elements[10], this.boneData[g + 9] = l.skinMat.elements[12], this.boneData[g + 10] = l.skinMat.elements[13], this.boneData[g + 11] = l.skinMat.elements[14];
  }
  // Set up to 4 bone indices and weights for a Gsplat. For fewer than 4 bones,
  // you can set the remaining weights to 0 (and index=0).
  setSplatBones(A, I, g) {
    const B = A * 4;
    this.skinData[B + 0] = Math.min(255, Math.max(0, Math.round(g.x * 255))) + (I.x << 8), this.skinData[B + 1] = Math.min(255, Math.max(0, Math.round(g.y * 255))) + (I.y << 8), this.skinData[B + 2] = Math.min(255, Math.max(0, Math.round(g.z * 255))) + (I.z << 8), this.skinData[B + 3] = Math.min(255, Math.max(0, Math.round(g.w * 255))) + (I.w << 8);
  }
  // Call this to indicate that the bones have changed and the Gsplats need to be
  // re-generated with updated skinning.
  updateBones() {
    this.boneTexture.needsUpdate = !0, this.mesh.needsUpdate = !0;
  }
};
l.UNIT_SCALE = new s.Vector3(1, 1, 1), l.relQuat = new s.Quaternion(), l.relPos = new s.Vector3(), l.dual = new s.Quaternion(), l.skinMat = new s.Matrix4();
let aB = l;
const vg = { type: "GsplatSkinning" }, Xg = _(
  /* glsl */
  `
  struct GsplatSkinning {
    int numSplats;
    int numBones;
    usampler2DArray skinTexture;
    sampler2D boneTexture;
  };
`
), ch = _(
  /* glsl */
  `
  void applyGsplatSkinning(
    int numSplats, int numBones,
    usampler2DArray skinTexture, sampler2D boneTexture,
    int splatIndex, inout vec3 center, inout vec4 quaternion
  ) {
    if ((splatIndex < 0) || (splatIndex >= numSplats)) {
      return;
    }

    uvec4 skinData = texelFetch(skinTexture, splatTexCoord(splatIndex), 0);

    float weights[4];
    weights[0] = float(skinData.x & 0xffu) / 255.0;
    weights[1] = float(skinData.y & 0xffu) / 255.0;
    weights[2] = float(skinData.z & 0xffu) / 255.0;
    weights[3] = float(skinData.w & 0xffu) / 255.0;

    uint boneIndices[4];
    boneIndices[0] = (skinData.x >> 8u) & 0xffu;
    boneIndices[1] = (skinData.y >> 8u) & 0xffu;
    boneIndices[2] = (skinData.z >> 8u) & 0xffu;
    boneIndices[3] = (skinData.w >> 8u) & 0xffu;

    vec4 quat = vec4(0.0);
    vec4 dual = vec4(0.0);
    for (int i = 0; i < 4; i++) {
      if (weights[i] > 0.0) {
        int boneIndex = int(boneIndices[i]);
        vec4 boneQuat = vec4(0.0, 0.0, 0.0, 1.0);
        vec4 boneDual = vec4(0.0);
        if (boneIndex < numBones) {
          boneQuat = texelFetch(boneTexture, ivec2(0, boneIndex), 0);
          boneDual = texelFetch(boneTexture, ivec2(1, boneIndex), 0);
        }

        if ((i > 0) && (dot(quat, boneQuat) < 0.0)) {
          // Flip sign if next blend is pointing in the opposite direction
          boneQuat = -boneQuat;
          boneDual = -boneDual;
        }
        quat += weights[i] * boneQuat;
        dual += weights[i] * boneDual;
      }
    }

    // Normalize dual quaternion
    float norm = length(quat);
    quat /= norm;
    dual /= norm;
    vec3 translate = vec3(
      2.0 * (-dual.w * quat.x + dual.x * quat.w - dual.y * quat.z + dual.z * quat.y),
      2.0 * (-dual.w * quat.y + dual.x * quat.z + dual.y * quat.w - dual.z * quat.x),
      2.0 * (-dual.w * quat.z - dual.x * quat.y + dual.y * quat.x + dual.z * quat.w)
    );

    center = quatVec(quat, center) + translate;
    quaternion = quatQuat(quat, quaternion);
  }
`
);
function Fh(Q, A) {
  return new H({
    inTypes: { gsplat: f, skinning: vg },
    outTypes: { gsplat: f },
    globals: () => [Xg, ch],
    inputs: { gsplat: Q, skinning: A },
    statements: ({ inputs: g, outputs: B }) => {
      const { skinning: C } = g, { gsplat: E } = B;
      return u(
        /* glsl */
        `
        ${E} = ${g.gsplat};
        if (isGsplatActive(${E}.flags)) {
          applyGsplatSkinning(
            ${C}.numSplats, ${C}.numBones,
            ${C}.skinTexture, ${C}.boneTexture,
            ${E}.index, ${E}.center, ${E}.quaternion
          );
        }
      `
      );
    }
  }).outputs.gsplat;
}
const Nh = _(
  /* glsl */
  `
  void applyCovSplatDQSkinning(
    int numSplats, int numBones,
    usampler2DArray skinTexture, sampler2D boneTexture,
    int splatIndex, inout vec3 center, inout vec3 xxyyzz, inout vec3 xyxzyz
  ) {
    if ((splatIndex < 0) || (splatIndex >= numSplats)) {
      return;
    }

    uvec4 skinData = texelFetch(skinTexture, splatTexCoord(splatIndex), 0);

    float weights[4];
    weights[0] = float(skinData.x & 0xffu) / 255.0;
    weights[1] = float(skinData.y & 0xffu) / 255.0;
    weights[2] = float(skinData.z & 0xffu) / 255.0;
    weights[3] = float(skinData.w & 0xffu) / 255.0;

    uint boneIndices[4];
    boneIndices[0] = (skinData.x >> 8u) & 0xffu;
    boneIndices[1] = (skinData.y >> 8u) & 0xffu;
    boneIndices[2] = (skinData.z >> 8u) & 0xffu;
    boneIndices[3] = (skinData.w >> 8u) & 0xffu;

    vec4 quat = vec4(0.0);
    vec4 dual = vec4(0.0);
    for (int i = 0; i < 4; i++) {
      if (weights[i] > 0.0) {
        int boneIndex = int(boneIndices[i]);
        vec4 boneQuat = vec4(0.0, 0.0, 0.0, 1.0);
        vec4 boneDual = vec4(0.0);
        if (boneIndex < numBones) {
          boneQuat = texelFetch(boneTexture, ivec2(0, boneIndex), 0);
          boneDual = texelFetch(boneTexture, ivec2(1, boneIndex), 0);
        }

        if ((i > 0) && (dot(quat, boneQuat) < 0.0)) {
          // Flip sign if next blend is pointing in the opposite direction
          boneQuat = -boneQuat;
          boneDual = -boneDual;
        }
        quat += weights[i] * boneQuat;
        dual += weights[i] * boneDual;
      }
    }

    // Normalize dual quaternion
    float norm = length(quat);
    quat /= norm;
    dual /= norm;
    vec3 translate = vec3(
      2.0 * (-dual.w * quat.x + dual.x * quat.w - dual.y * quat.z + dual.z * quat.y),
      2.0 * (-dual.w * quat.y + dual.x * quat.z + dual.y * quat.w - dual.z * quat.x),
      2.0 * (-dual.w * quat.z - dual.x * quat.y + dual.y * quat.x + dual.z * quat.w)
    );
    mat3 basis = quaternionToMatrix(quat);

    center = quatVec(quat, center) + translate;

    mat3 cov = mat3(xxyyzz.x, xyxzyz.x, xyxzyz.y, xyxzyz.x, xxyyzz.y, xyxzyz.z, xyxzyz.y, xyxzyz.z, xxyyzz.z);
    cov = basis * cov * transpose(basis);
    xxyyzz = vec3(cov[0][0], cov[1][1], cov[2][2]);
    xyxzyz = vec3(cov[0][1], cov[0][2], cov[1][2]);
  }
`
), Jh = _(
  /* glsl */
  `
  void applyCovSplatLBSkinning(
    int numSplats, int numBones,
    usampler2DArray skinTexture, sampler2D boneTexture,
    int splatIndex, inout vec3 center, inout vec3 xxyyzz, inout vec3 xyxzyz
  ) {
    if ((splatIndex < 0) || (splatIndex >= numSplats)) {
      return;
    }

    uvec4 skinData = texelFetch(skinTexture, splatTexCoord(splatIndex), 0);

    float weights[4];
    weights[0] = float(skinData.x & 0xffu) / 255.0;
    weights[1] = float(skinData.y & 0xffu) / 255.0;
    weights[2] = float(skinData.z & 0xffu) / 255.0;
    weights[3] = float(skinData.w & 0xffu) / 255.0;

    uint boneIndices[4];
    boneIndices[0] = (skinData.x >> 8u) & 0xffu;
    boneIndices[1] = (skinData.y >> 8u) & 0xffu;
    boneIndices[2] = (skinData.z >> 8u) & 0xffu;
    boneIndices[3] = (skinData.w >> 8u) & 0xffu;

    mat3 basis = mat3(0.0);
    vec3 offset = vec3(0.0);

    for (int i = 0; i < 4; i++) {
      if (weights[i] > 0.0) {
        int boneIndex = int(boneIndices[i]);
        if (boneIndex < numBones) {
          vec4 v0 = texelFetch(boneTexture, ivec2(0, boneIndex), 0);
          vec4 v1 = texelFetch(boneTexture, ivec2(1, boneIndex), 0);
          vec4 v2 = texelFetch(boneTexture, ivec2(2, boneIndex), 0);
          basis += weights[i] * mat3(v0.x, v0.y, v0.z, v0.w, v1.x, v1.y, v1.z, v1.w, v2.x);
          offset += weights[i] * vec3(v2.y, v2.z, v2.w);
        }
      }
    }

    center = basis * center + offset;

    mat3 cov = mat3(xxyyzz.x, xyxzyz.x, xyxzyz.y, xyxzyz.x, xxyyzz.y, xyxzyz.z, xyxzyz.y, xyxzyz.z, xxyyzz.z);
    cov = basis * cov * transpose(basis);
    xxyyzz = vec3(cov[0][0], cov[1][1], cov[2][2]);
    xyxzyz = vec3(cov[0][1], cov[0][2], cov[1][2]);
  }
`
);
function Mh(Q, A) {
  return new H({
    inTypes: { covsplat: hA, skinning: vg },
    outTypes: { covsplat: hA },
    globals: () => [Xg, Nh],
    inputs: { covsplat: Q, skinning: A },
    statements: ({ inputs: g, outputs: B }) => {
      const { skinning: C } = g, { covsplat: E } = B;
      return u(
        /* glsl */
        `
        ${E} = ${g.covsplat};
        if (isCovSplatActive(${E}.flags)) {
          applyCovSplatDQSkinning(
            ${C}.numSplats, ${C}.numBones,
            ${C}.skinTexture, ${C}.boneTexture,
            ${E}.index, ${E}.center, ${E}.xxyyzz, ${E}.xyxzyz
          );
        }
      `
      );
    }
  }).outputs.covsplat;
}
function Uh(Q, A) {
  return new H({
    inTypes: { covsplat: hA, skinning: vg },
    outTypes: { covsplat: hA },
    globals: () => [Xg, Jh],
    inputs: { covsplat: Q, skinning: A },
    statements: ({ inputs: g, outputs: B }) => {
      const { skinning: C } = g, { covsplat: E } = B;
      return u(
        /* glsl */
        `
        ${E} = ${g.covsplat};
        if (isCovSplatActive(${E}.flags)) {
          applyCovSplatLBSkinning(
            ${C}.numSplats, ${C}.numBones,
            ${C}.skinTexture, ${C}.boneTexture,
            ${E}.index, ${E}.center, ${E}.xxyyzz, ${E}.xyxzyz
          );
        }
      `
      );
    }
  }).outputs.covsplat;
}
function uy({
  // PackedSplats object to add splats to
  splats: Q,
  // min and max box extents of the grid
  extents: A,
  // step size along each grid axis
  stepSize: I = 1,
  // spherical radius of each Gsplat
  pointRadius: g = 0.01,
  // relative size of the "shadow copy" of each Gsplat placed behind it
  pointShadowScale: B = 2,
  // Gsplat opacity
  opacity: C = 1,
  // Gsplat color (THREE.Color) or function to set color for position:
  // ((THREE.Color, THREE.Vector3) => void) (default: RGB-modulated grid)
  color: E
}) {
  const o = new s.Vector3(), i = new s.Vector3(), a = new s.Quaternion(0, 0, 0, 1);
  E == null && (E = (G, h) => G.set(
    0.55 + 0.45 * Math.cos(h.x * 1),
    0.55 + 0.45 * Math.cos(h.y * 1),
    0.55 + 0.45 * Math.cos(h.z * 1)
  ));
  const w = new s.Color();
  for (let G = A.min.z; G < A.max.z + 1e-6; G += I)
    for (let h = A.min.y; h < A.max.y + 1e-6; h += I)
      for (let k = A.min.x; k < A.max.x + 1e-6; k += I) {
        o.set(k, h, G);
        for (let t = 0; t < 2; ++t)
          i.setScalar(g * (t ? 1 : B)), t ? typeof E == "function" ? E(w, o) : w.copy(E) : w.setScalar(0), Q.pushSplat(o, i, a, C, w);
      }
}
function Py({
  // PackedSplats object to add splats to
  splats: Q,
  // scale (Gsplat scale along axis)
  scale: A = 0.25,
  // radius of the axes (Gsplat scale orthogonal to axis)
  axisRadius: I = 75e-4,
  // relative size of the "shadow copy" of each Gsplat placed behind it
  axisShadowScale: g = 2,
  // origins of the axes (default single axis at origin)
  origins: B = [new s.Vector3()]
}) {
  const C = new s.Vector3(), E = new s.Vector3(), D = new s.Quaternion(0, 0, 0, 1), o = new s.Color(), i = 1;
  for (const a of B)
    for (let w = 0; w < 3; ++w) {
      C.set(
        a.x + (w === 0 ? A : 0),
        a.y + (w === 1 ? A : 0),
        a.z + (w === 2 ? A : 0)
      );
      for (let G = 0; G < 2; ++G)
        E.set(
          (w === 0 ? A : I) * (G ? 1 : g),
          (w === 1 ? A : I) * (G ? 1 : g),
          (w === 2 ? A : I) * (G ? 1 : g)
        ), o.setRGB(
          G === 0 ? 0 : w === 0 ? 1 : 0,
          G === 0 ? 0 : w === 1 ? 1 : 0,
          G === 0 ? 0 : w === 2 ? 1 : 0
        ), Q.pushSplat(C, E, D, i, o);
    }
}
function by({
  // PackedSplats object to add splats to
  splats: Q,
  // center of the sphere (default: origin)
  origin: A = new s.Vector3(),
  // radius of the sphere
  radius: I = 1,
  // maximum depth of recursion for subdividing the sphere
  // Warning: Gsplat count grows exponentially with depth
  maxDepth: g = 3,
  // filter function to apply to each point, for example to select
  // points in a certain direction or other function ((THREE.Vector3) => boolean)
  // (default: null)
  filter: B = null,
  // radius of each oriented Gsplat
  pointRadius: C = 0.02,
  // flatness of each oriented Gsplat
  pointThickness: E = 1e-3,
  // color of each Gsplat (THREE.Color) or function to set color for point:
  // ((THREE.Color, THREE.Vector3) => void) (default: white)
  color: D = new s.Color(1, 1, 1)
}) {
  const o = {};
  function i(t) {
    if (B && !B(t))
      return;
    const y = `${t.x},${t.y},${t.z}`;
    o[y] || (o[y] = t);
  }
  function a(t, y, S, R) {
    if (i(y), i(S), i(R), t >= g)
      return;
    const F = new s.Vector3().addVectors(y, S).normalize(), N = new s.Vector3().addVectors(S, R).normalize(), c = new s.Vector3().addVectors(R, y).normalize();
    a(t + 1, y, F, c), a(t + 1, F, S, N), a(t + 1, c, N, R), a(t + 1, F, N, c);
  }
  for (const t of [-1, 1])
    for (const y of [-1, 1])
      for (const S of [-1, 1]) {
        const R = new s.Vector3(t, 0, 0), F = new s.Vector3(0, y, 0), N = new s.Vector3(0, 0, S);
        a(0, R, F, N);
      }
  const w = Object.values(o), G = new s.Vector3(C, C, E), h = new s.Quaternion(), k = typeof D == "function" ? new s.Color() : D;
  for (const t of w)
    h.setFromUnitVectors(new s.Vector3(0, 0, -1), t), typeof D == "function" && D(k, t), t.multiplyScalar(I), t.add(A), Q.pushSplat(t, G, h, 1, k);
}
function Ty({
  // text string to display
  text: Q,
  // browser font to render text with (default: "Arial")
  font: A,
  // font size in pixels/Gsplats (default: 32)
  fontSize: I,
  // SplatMesh.recolor tint assuming white Gsplats (default: white)
  color: g,
  // Individual Gsplat color (default: white)
  rgb: B,
  // Gsplat radius (default: 0.8 covers 1-unit spacing well)
  dotRadius: C,
  // text alignment: "left", "center", "right", "start", "end" (default: "start")
  textAlign: E,
  // line spacing multiplier, lines delimited by "\n" (default: 1.0)
  lineHeight: D,
  // Coordinate scale in object-space (default: 1.0)
  objectScale: o
}) {
  A = A ?? "Arial", I = I ?? 32, g = g ?? new s.Color(1, 1, 1), C = C ?? 0.8, E = E ?? "start", D = D ?? 1, o = o ?? 1;
  const i = Q.split(`
`), a = document.createElement("canvas"), w = a.getContext("2d");
  if (!w)
    throw new Error("Failed to create canvas context");
  w.font = `${I}px ${A}`, w.textAlign = E;
  const G = w.measureText(""), h = G.fontBoundingBoxAscent + G.fontBoundingBoxDescent;
  let k = Number.POSITIVE_INFINITY, t = Number.NEGATIVE_INFINITY, y = Number.POSITIVE_INFINITY, S = Number.NEGATIVE_INFINITY;
  for (let p = 0; p < i.length; ++p) {
    const T = w.measureText(i[p]), AA = h * D * p;
    k = Math.min(k, -T.actualBoundingBoxLeft), t = Math.max(t, T.actualBoundingBoxRight), y = Math.min(y, AA - T.actualBoundingBoxAscent), S = Math.max(S, AA + T.actualBoundingBoxDescent);
  }
  const R = Math.floor(k), F = Math.floor(y), N = Math.ceil(t) - R, c = Math.ceil(S) - F;
  a.width = N, a.height = c, w.font = `${I}px ${A}`, w.textAlign = E, w.textBaseline = "alphabetic", w.fillStyle = "#FFFFFF";
  for (let p = 0; p < i.length; ++p) {
    const T = h * D * p - F;
    w.fillText(i[p], -R, T);
  }
  const J = w.getImageData(0, 0, N, c), M = new Uint8Array(J.data.buffer), K = new EI(), n = new s.Vector3(), q = new s.Vector3().setScalar(C * o), L = new s.Quaternion(0, 0, 0, 1);
  B = B ?? new s.Color(1, 1, 1);
  let d = 0;
  for (let p = 0; p < c; ++p)
    for (let T = 0; T < N; ++T) {
      const AA = M[d + 3];
      if (AA > 0) {
        const yA = AA / 255;
        n.set(T - 0.5 * (N - 1), 0.5 * (c - 1) - p, 0), n.multiplyScalar(o), K.pushSplat(n, q, L, yA, B);
      }
      d += 4;
    }
  const j = new TA({ packedSplats: K });
  return j.recolor = g, j;
}
function my({
  // URL of the image to convert to splats (example: `url: "./image.png"`)
  url: Q,
  // Radius of each Gsplat, default covers 1-unit spacing well (default: 0.8)
  dotRadius: A,
  // Subsampling factor for the image. Higher values reduce resolution,
  // for example 2 will halve the width and height by averaging (default: 1)
  subXY: I,
  // Optional callback function to modify each Gsplat before it's added.
  // Return null to skip adding the Gsplat, or a number to set the opacity
  // and add the Gsplat with parameter values in the objects center, rgba etc. were
  // passed into the forEachSplat callback. Ending the callback in `return opacity;`
  // will retain the original opacity.
  // ((width: number, height: number, index: number, center: THREE.Vector3, scales: THREE.Vector3, quaternion: THREE.Quaternion, opacity: number, color: THREE.Color) => number | null)
  forEachSplat: g
}) {
  return A = A ?? 0.8, I = Math.max(1, Math.floor(I ?? 1)), new TA({
    constructSplats: async (B) => new Promise((C, E) => {
      const D = new Image();
      D.crossOrigin = "anonymous", D.onerror = E, D.onload = () => {
        const { width: o, height: i } = D, a = document.createElement("canvas");
        a.width = o, a.height = i;
        const w = a.getContext("2d");
        if (!w) {
          E(new Error("Failed to create canvas context"));
          return;
        }
        w.imageSmoothingEnabled = !0, w.imageSmoothingQuality = "high";
        const G = Math.round(o / I), h = Math.round(i / I);
        w.drawImage(D, 0, 0, G, h);
        try {
          const k = w.getImageData(0, 0, G, h), t = new Uint8Array(k.data.buffer), y = new s.Vector3(), S = new s.Vector3().setScalar(A), R = new s.Quaternion(0, 0, 0, 1), F = new s.Color();
          let N = 0;
          for (let c = 0; c < h; ++c)
            for (let J = 0; J < G; ++J) {
              const M = N * 4, K = t[M + 3];
              if (K > 0) {
                let n = K / 255;
                F.set(
                  t[M + 0] / 255,
                  t[M + 1] / 255,
                  t[M + 2] / 255
                ), y.set(
                  J - 0.5 * (G - 1),
                  0.5 * (h - 1) - c,
                  0
                ), S.setScalar(A), R.set(0, 0, 0, 1);
                let q = !0;
                if (g) {
                  const L = g(
                    G,
                    h,
                    N,
                    y,
                    S,
                    R,
                    n,
                    F
                  );
                  n = L ?? n, q = L !== null;
                }
                q && B.pushSplat(y, S, R, n, F);
              }
              N += 1;
            }
          C();
        } catch (k) {
          E(k);
        }
      }, D.src = Q;
    })
  });
}
function eh({
  box: Q,
  cells: A,
  dotScale: I,
  color: g,
  opacity: B
}) {
  A.x = Math.max(1, Math.round(A.x)), A.y = Math.max(1, Math.round(A.y)), A.z = Math.max(1, Math.round(A.z)), B = B ?? 1;
  const C = A.x * A.y * A.z, E = b("int", A.x), D = b("int", A.y);
  b("int", A.z);
  const o = _A(0), i = new Bg({
    numSplats: C,
    generator: aA(
      { index: "int" },
      { gsplat: f },
      ({ index: w }) => {
        if (!w)
          throw new Error("index is undefined");
        const G = tQ(w, E), h = Fg(w, E), k = tQ(h, D), t = Fg(h, D), y = BI({
          vectorType: "ivec3",
          x: G,
          y: k,
          z: t
        }), S = sD(o), R = BI({ vectorType: "ivec2", x: w, y: S }), F = si(R), N = b("vec3", Q.min), c = b("vec3", Q.max), J = zA(c, N), M = Fg(NA(MI(y), F), b("vec3", A));
        let K, n, q;
        g ? (K = b("float", g.r), n = b("float", g.g), q = b("float", g.b)) : { r: K, g: n, b: q } = xI(M).outputs;
        const L = BI({
          vectorType: "vec4",
          r: K,
          g: n,
          b: q,
          a: b("float", B)
        }), d = NA(N, IA(J, M)), j = MI(b("float", I)), p = b("vec4", new s.Quaternion(0, 0, 0, 1));
        let T = WA({
          flags: Mg("uint", "GSPLAT_FLAG_ACTIVE"),
          index: w,
          center: d,
          scales: j,
          quaternion: p,
          rgba: L
        });
        return T = a.applyGsplat(T), { gsplat: T };
      },
      {
        globals: () => [gA]
      }
    ),
    update: ({ time: w }) => {
      o.value = w, a.update(i), i.updateVersion();
    }
  }), a = new rI();
  return i;
}
const Lh = {
  box: new s.Box3(
    new s.Vector3(-1, -1, -1),
    new s.Vector3(1, 1, 1)
  ),
  density: 100,
  fallDirection: new s.Vector3(-1, -3, 1).normalize(),
  fallVelocity: 0.02,
  wanderScale: 0.04,
  wanderVariance: 2,
  color1: new s.Color(1, 1, 1),
  color2: new s.Color(0.5, 0.5, 1),
  minScale: 1e-3,
  maxScale: 5e-3,
  anisoScale: new s.Vector3(1, 1, 1)
}, Hh = {
  box: new s.Box3(
    new s.Vector3(-2, -1, -2),
    new s.Vector3(2, 5, 2)
  ),
  density: 10,
  fallDirection: new s.Vector3(0, -1, 0),
  fallVelocity: 2,
  wanderScale: 0.1,
  wanderVariance: 1,
  color1: new s.Color(1, 1, 1),
  color2: new s.Color(0.25, 0.25, 0.5),
  minScale: 5e-3,
  maxScale: 0.01,
  anisoScale: new s.Vector3(0.1, 1, 0.1)
};
function Yh({
  // min and max box extents of the snowBox
  box: Q,
  // minimum y-coordinate to clamp particle position, which can be used to
  // fake hitting a ground plane and lingering there for a bit
  minY: A,
  // number of Gsplats to generate (default: calculated from box and density)
  numSplats: I,
  // density of Gsplats per unit volume (default: 100)
  density: g,
  // The xyz anisotropic scale of the Gsplat, which can be used for example
  // to elongate rain particles (default: (1, 1, 1))
  anisoScale: B,
  // Minimum Gsplat particle scale (default: 0.001)
  minScale: C,
  // Maximum Gsplat particle scale (default: 0.005)
  maxScale: E,
  // The average direction of fall (default: (0, -1, 0))
  fallDirection: D,
  // The average speed of the fall (multiplied with fallDirection) (default: 0.02)
  fallVelocity: o,
  // The world scale of wandering overlay motion (default: 0.01)
  wanderScale: i,
  // Controls how uniformly the particles wander in sync, more variance mean
  // more randomness in the motion (default: 2)
  wanderVariance: a,
  // Color 1 of the two colors interpolated between (default: (1, 1, 1))
  color1: w,
  // Color 2 of the two colors interpolated between (default: (0.5, 0.5, 1))
  color2: G,
  // The base opacity of the Gsplats (default: 1)
  opacity: h,
  // Optional callback function to call each frame.
  onFrame: k
}) {
  Q = Q ?? new s.Box3(new s.Vector3(-1, -1, -1), new s.Vector3(1, 1, 1));
  const t = (Q.max.x - Q.min.x) * (Q.max.y - Q.min.y) * (Q.max.z - Q.min.z);
  g = g ?? 100, I = I ?? Math.max(1, Math.min(1e6, Math.round(t * g)));
  const y = _A(C ?? 1e-3), S = _A(E ?? 5e-3), R = oI(
    ((B == null ? void 0 : B.clone()) ?? new s.Vector3(1, 1, 1)).normalize()
  ), F = oI(
    (D ?? new s.Vector3(0, -1, 0)).normalize()
  ), N = _A(o ?? 0.02), c = _A(i ?? 0.01), J = _A(a ?? 2), M = oI(w ?? new s.Color(1, 1, 1)), K = oI(G ?? new s.Color(0.5, 0.5, 1)), n = _A(h ?? 1), q = _A(0), L = oI(new s.Vector3(0, 0, 0)), d = oI(Q.min), j = oI(Q.max), p = _A(A ?? Number.NEGATIVE_INFINITY), T = zA(j, d), AA = new Bg({
    numSplats: I,
    generator: aA(
      { index: "int" },
      { gsplat: f },
      ({ index: JA }) => {
        if (!JA)
          throw new Error("index not defined");
        const DA = SQ(JA), qA = xI(DA).outputs.w;
        let tA = MI(DA), pA = Ng(IA(qA, b("float", 100)));
        pA = kQ(IA(Mg("float", "PI"), pA)), pA = NA(y, IA(pA, zA(S, y)));
        const mA = IA(pA, R), QA = Ng(IA(qA, b("float", 10))), z = Ng(qA), iA = aE(M, K, z), oA = IA(iA, QA), fA = SQ(
          BI({
            vectorType: "ivec2",
            x: JA,
            y: b("int", 6837)
          })
        );
        let MA = MI(fA), uA = IA(xI(fA).outputs.w, J);
        uA = NA(q, uA), tA = NA(tA, L);
        const OA = wE(
          tA,
          b("vec3", new s.Vector3(1, 1, 1))
        );
        tA = NA(d, IA(T, OA));
        const wA = b("vec4", new s.Quaternion(0, 0, 0, 1));
        MA = kQ(NA(MI(uA), MA)), MA = IA(MA, c);
        let FA = NA(tA, MA), Vg = xI(FA).outputs.y;
        Vg = sE(p, Vg), FA = BI({ vector: FA, y: Vg });
        let Wg = WA({
          flags: Mg("uint", "GSPLAT_FLAG_ACTIVE"),
          index: JA,
          center: FA,
          scales: mA,
          quaternion: wA,
          rgb: oA,
          opacity: n
        });
        return Wg = yA.applyGsplat(Wg), { gsplat: Wg };
      },
      {
        globals: () => [gA]
      }
    ),
    update: ({ object: JA, time: DA, deltaTime: qA }) => {
      q.value = DA, yA.update(AA);
      const tA = F.value.clone().multiplyScalar(N.value * qA);
      L.value.add(tA), JA.visible = n.value > 0, k == null || k({ object: JA, time: DA, deltaTime: qA }), AA.updateVersion();
    }
  }), yA = new rI();
  return {
    snow: AA,
    min: d,
    max: j,
    minY: p,
    color1: M,
    color2: K,
    opacity: n,
    fallVelocity: N,
    wanderVariance: J,
    wanderScale: c,
    fallDirection: F,
    minScale: y,
    maxScale: S,
    anisoScale: R
  };
}
const Oy = /* @__PURE__ */ Object.freeze(/* @__PURE__ */ Object.defineProperty({
  __proto__: null,
  DEFAULT_RAIN: Hh,
  DEFAULT_SNOW: Lh,
  snowBox: Yh,
  staticBox: eh
}, Symbol.toStringTag, { value: "Module" }));
function Eo(Q) {
  return aA({ gsplat: f }, { gsplat: f }, ({ gsplat: A }) => {
    if (!A)
      throw new Error("No gsplat input");
    let I = DQ(A);
    const g = Q.applyGsplat(A), B = eA(g).outputs.center, C = DQ(g), E = TD(B, C), D = OE(E, b("float", 0));
    I = OQ(D, mQ(I), I);
    const o = NA(
      IA(I, b("float", 0.5)),
      b("float", 0.5)
    );
    return A = WA({ gsplat: A, rgb: o }), { gsplat: A };
  });
}
function nh(Q) {
  Q.enableWorldToView = !0, Q.worldModifier = Eo(Q.context.worldToView), Q.updateGenerator();
}
function Do(Q, A, I, g) {
  return aA({ gsplat: f }, { gsplat: f }, ({ gsplat: B }) => {
    if (!B)
      throw new Error("No gsplat input");
    let { center: C } = eA(B).outputs;
    C = Q.apply(C);
    const { z: E } = xI(C).outputs;
    let D = ai(mQ(E), A, I);
    return D = OQ(g, zA(b("float", 1), D), D), B = WA({ gsplat: B, r: D, g: D, b: D }), { gsplat: B };
  });
}
function Kh(Q, A, I, g) {
  Q.enableWorldToView = !0;
  const B = b("float", A), C = b("float", I), E = b("bool", g ?? !1);
  return Q.worldModifier = Do(
    Q.context.worldToView,
    B,
    C,
    E
  ), Q.updateGenerator(), {
    minDepth: B,
    maxDepth: C,
    reverse: E
  };
}
const Zy = /* @__PURE__ */ Object.freeze(/* @__PURE__ */ Object.defineProperty({
  __proto__: null,
  makeDepthColorModifier: Do,
  makeNormalColorModifier: Eo,
  setDepthColor: Kh,
  setWorldNormalColor: nh
}, Symbol.toStringTag, { value: "Module" })), rh = 1, GB = 4, dh = 2, qh = 5, lh = 1 / 5, vy = !1, xh = (Q, A) => {
  var I, g, B, C;
  return Q.leftIsHand ? new s.Vector3() : new s.Vector3(
    ((I = Q.left) == null ? void 0 : I.axes[2]) ?? 0,
    (((g = Q.left) == null ? void 0 : g.buttons[0].value) ?? 0) - (((B = Q.left) == null ? void 0 : B.buttons[1].value) ?? 0),
    ((C = Q.left) == null ? void 0 : C.axes[3]) ?? 0
  );
}, ph = (Q, A) => {
  var I;
  return Q.rightIsHand ? new s.Vector3() : new s.Vector3(((I = Q.right) == null ? void 0 : I.axes[2]) ?? 0, 0, 0);
}, fh = (Q, A) => {
  var I, g;
  return Q.rightIsHand ? !1 : ((g = (I = Q.right) == null ? void 0 : I.buttons[0]) == null ? void 0 : g.pressed) ?? !1;
}, uh = (Q, A) => {
  var I, g;
  return Q.rightIsHand ? !1 : ((g = (I = Q.right) == null ? void 0 : I.buttons[1]) == null ? void 0 : g.pressed) ?? !1;
};
var qg = /* @__PURE__ */ ((Q) => (Q.w = "wrist", Q.t0 = "thumb-metacarpal", Q.t1 = "thumb-phalanx-proximal", Q.t2 = "thumb-phalanx-distal", Q.t3 = "thumb-tip", Q.i0 = "index-finger-metacarpal", Q.i1 = "index-finger-phalanx-proximal", Q.i2 = "index-finger-phalanx-intermediate", Q.i3 = "index-finger-phalanx-distal", Q.i4 = "index-finger-tip", Q.m0 = "middle-finger-metacarpal", Q.m1 = "middle-finger-phalanx-proximal", Q.m2 = "middle-finger-phalanx-intermediate", Q.m3 = "middle-finger-phalanx-distal", Q.m4 = "middle-finger-tip", Q.r0 = "ring-finger-metacarpal", Q.r1 = "ring-finger-phalanx-proximal", Q.r2 = "ring-finger-phalanx-intermediate", Q.r3 = "ring-finger-phalanx-distal", Q.r4 = "ring-finger-tip", Q.p0 = "pinky-finger-metacarpal", Q.p1 = "pinky-finger-phalanx-proximal", Q.p2 = "pinky-finger-phalanx-intermediate", Q.p3 = "pinky-finger-phalanx-distal", Q.p4 = "pinky-finger-tip", Q))(qg || {});
const CI = Object.keys(qg), Ph = CI.length, bh = {
  w: 0,
  t0: 1,
  t1: 2,
  t2: 3,
  t3: 4,
  i0: 5,
  i1: 6,
  i2: 7,
  i3: 8,
  i4: 9,
  m0: 10,
  m1: 11,
  m2: 12,
  m3: 13,
  m4: 14,
  r0: 15,
  r1: 16,
  r2: 17,
  r3: 18,
  r4: 19,
  p0: 20,
  p1: 21,
  p2: 22,
  p3: 23,
  p4: 24
}, hB = {
  w: 0.02,
  t0: 0.015,
  t1: 0.012,
  t2: 0.0105,
  t3: 85e-4,
  i0: 0.022,
  i1: 0.012,
  i2: 85e-4,
  i3: 75e-4,
  i4: 65e-4,
  m0: 0.021,
  m1: 0.012,
  m2: 8e-3,
  m3: 75e-4,
  m4: 65e-4,
  r0: 0.019,
  r1: 0.011,
  r2: 75e-4,
  r3: 7e-3,
  r4: 6e-3,
  p0: 0.012,
  p1: 0.01,
  p2: 7e-3,
  p3: 65e-4,
  p4: 55e-4
}, Th = [
  ["w", "t0", "t1", "t2", "t3"],
  ["w", "i0", "i1", "i2", "i3", "i4"],
  ["w", "m0", "m1", "m2", "m3", "m4"],
  ["w", "r0", "r1", "r2", "r3", "r4"],
  ["w", "p0", "p1", "p2", "p3", "p4"]
], mh = [
  [8, 10, 8, 6],
  [8, 19, 14, 8, 6],
  [8, 19, 14, 8, 6],
  [8, 19, 14, 8, 6],
  [8, 19, 14, 8, 6]
], Oh = ["t3", "i4", "m4", "r4", "p4"], Zh = ["i4", "m4", "r4", "p4"];
var WQ = /* @__PURE__ */ ((Q) => (Q.left = "left", Q.right = "right", Q))(WQ || {});
const vh = Object.keys(WQ), Xh = /Quest|OculusBrowser|VisionOS|XRBrowser|Pico|Lynx|MagicLeap/i;
function Vh() {
  const Q = navigator.userAgent ?? "";
  if (Xh.test(Q))
    return !1;
  if (/Android/i.test(Q) || /Mobile/i.test(Q))
    return !0;
  const I = navigator.userAgentData;
  return I && typeof I.mobile == "boolean" ? I.mobile : !1;
}
const YA = class YA {
  constructor(A) {
    this.lastControllersUpdate = 0, this.hands = [], this.renderer = A.renderer, this.xr = navigator.xr, this.mode = "initializing", this.onEnterXr = A.onEnterXr, this.onExitXr = A.onExitXr, this.enableHands = A.enableHands ?? !1, this.controllers = A.controllers, Promise.resolve().then(() => {
      var C;
      if (!this.xr) {
        this.mode = "not_supported";
        return;
      }
      if (!A.allowMobileXr && Vh()) {
        this.mode = "not_supported";
        return;
      }
      this.enableHands && (this.hands = [new lg(
        "left"
        /* left */
      ), new lg(
        "right"
        /* right */
      )]);
      let I, g;
      if (A.element ? I = A.element : A.elementId ? I = document.getElementById(A.elementId) ?? void 0 : (I = YA.createButton(), g = A.button == null || typeof A.button == "boolean" ? {} : A.button), !I)
        throw new Error("No element or button provided");
      I.style.display = "none", I.classList.add("hidden"), this.button = g, this.element = I;
      const B = (C = A.onMouseLeaveOpacity) == null ? void 0 : C.toString();
      return B !== void 0 && (I.addEventListener("mouseleave", () => {
        I.style.opacity = B;
      }), I.addEventListener("mouseenter", () => {
        I.style.opacity = "";
      })), this.initializeXr(A);
    }).then(() => {
      var I;
      return (I = A.onReady) == null ? void 0 : I.call(A, this.mode !== "not_supported");
    }).catch((I) => {
      alert(`Error initializing SparkXr: ${I}`);
    });
  }
  async initializeXr(A) {
    var i, a;
    if (!this.xr || !this.element)
      return;
    const I = this.element, g = {
      vr: ["immersive-vr"],
      ar: ["immersive-ar"],
      arvr: ["immersive-ar", "immersive-vr"],
      vrar: ["immersive-vr", "immersive-ar"]
    }[A.mode ?? "vrar"];
    if (!g)
      throw new Error(`Invalid mode: ${A.mode}`);
    let B = null;
    for (const w of g)
      if (await this.xr.isSessionSupported(w)) {
        B = w;
        break;
      }
    if (!B) {
      this.mode = "not_supported";
      return;
    }
    this.mode = B;
    const C = A.referenceSpaceType ?? "local";
    this.renderer.xr.enabled = !0, this.renderer.xr.setReferenceSpaceType(C), A.fixedFoveation !== void 0 && this.renderer.xr.setFoveation(A.fixedFoveation);
    const E = A.frameBufferScaleFactor ?? 0.5;
    this.renderer.xr.setFramebufferScaleFactor(E);
    const D = ((i = A.sessionInit) == null ? void 0 : i.optionalFeatures) ?? [];
    A.enableHands && D.push("hand-tracking");
    const o = ((a = A.sessionInit) == null ? void 0 : a.requiredFeatures) ?? [];
    o.push(C), this.sessionInit = {
      ...A.sessionInit,
      optionalFeatures: D,
      requiredFeatures: o
    }, I.addEventListener("click", () => {
      this.toggleXr();
    }), this.updateElement();
  }
  async toggleXr() {
    var A, I, g;
    if (!(!this.xr || !this.sessionInit))
      if (this.session)
        this.session.end();
      else
        try {
          const B = this.mode, C = await this.xr.requestSession(B, this.sessionInit);
          this.session = C;
          const E = () => {
            var i;
            C == null || C.removeEventListener("end", E), C == null || C.removeEventListener("visibilitychange", o), this.session = void 0, this.updateElement(), (i = this.onExitXr) == null || i.call(this);
          };
          let D = C.visibilityState;
          const o = () => {
            (C == null ? void 0 : C.visibilityState) === "visible-blurred" && D === "visible" && (C == null || C.end()), D = C == null ? void 0 : C.visibilityState;
          };
          return (A = this.session) == null || A.addEventListener("end", E), (I = this.session) == null || I.addEventListener("visibilitychange", o), await this.renderer.xr.setSession(this.session), (g = this.onEnterXr) == null ? void 0 : g.call(this);
        } catch (B) {
          console.error("Error requesting XR session", B);
          return;
        }
  }
  updateElement() {
    const A = this.mode, I = this.element;
    if (I) {
      I.style.display = "", I.classList.remove("hidden");
      const g = typeof this.button == "boolean" ? {} : this.button;
      if (g) {
        if (this.session) {
          const B = (A === "immersive-vr" ? g.exitVrHtml : g.exitArHtml) ?? g.exitXrHtml, C = (A === "immersive-vr" ? g.exitVrText : g.exitArText) ?? g.exitXrText;
          B ? I.innerHTML = B : C ? I.textContent = C : I.textContent = A === "immersive-vr" ? "EXIT VR" : "EXIT AR";
        } else {
          const B = (A === "immersive-vr" ? g.enterVrHtml : g.enterArHtml) ?? g.enterXrHtml, C = (A === "immersive-vr" ? g.enterVrText : g.enterArText) ?? g.enterXrText;
          B ? I.innerHTML = B : C ? I.textContent = C : I.textContent = A === "immersive-vr" ? "ENTER VR" : "ENTER AR";
        }
        I.style.display = "";
      }
    }
  }
  static createButton() {
    const A = document.createElement("button");
    return Object.assign(A.style, {
      position: "absolute",
      bottom: "20px",
      left: "50%",
      transform: "translateX(-50%)",
      padding: "40px 40px",
      border: "2px solid #fff",
      borderRadius: "16px",
      background: "rgba(0,0,0,0.1)",
      color: "#fff",
      font: "bold 28px sans-serif",
      textAlign: "center",
      userSelect: "none",
      zIndex: "999"
    }), document.body.appendChild(A), A;
  }
  xrSupported() {
    return !!this.xr;
  }
  left() {
    return this.hands[0];
  }
  right() {
    return this.hands[1];
  }
  updateControllers(A) {
    var i, a, w, G, h, k, t, y, S, R, F, N;
    const I = A.parent, g = performance.now(), B = (g - (this.lastControllersUpdate || g)) / 1e3;
    this.lastControllersUpdate = g;
    const C = {};
    for (const c of ((i = this.renderer.xr.getSession()) == null ? void 0 : i.inputSources) ?? []) {
      const J = c.gamepad;
      J && (c.handedness === "left" || c.handedness === "right") && (C[c.handedness] = J, c.handedness === "left" ? C.leftIsHand = !!c.hand : c.handedness === "right" && (C.rightIsHand = !!c.hand));
    }
    const E = (((a = this.controllers) == null ? void 0 : a.getRotate) ?? ph)(C, this);
    if (E.multiply(
      new s.Vector3(
        ((w = this.controllers) == null ? void 0 : w.rotateSpeed) ?? GB,
        ((G = this.controllers) == null ? void 0 : G.rotateSpeed) ?? GB,
        ((h = this.controllers) == null ? void 0 : h.rollSpeed) ?? dh
      )
    ), E.manhattanLength() > 0) {
      E.multiplyScalar(B);
      const c = new s.Euler(-E.y, -E.x, E.z, "YXZ"), J = new s.Quaternion().setFromEuler(c), M = A.getWorldPosition(new s.Vector3());
      (k = I.parent) == null || k.worldToLocal(M), I.position.sub(M), I.position.applyQuaternion(J), I.position.add(M), I.quaternion.premultiply(J);
    }
    const D = (((t = this.controllers) == null ? void 0 : t.getMove) ?? xh)(
      C,
      this
    );
    let o = ((y = this.controllers) == null ? void 0 : y.moveSpeed) ?? rh;
    (((S = this.controllers) == null ? void 0 : S.getFast) ?? fh)(
      C,
      this
    ) && (o *= qh), (((R = this.controllers) == null ? void 0 : R.getSlow) ?? uh)(
      C,
      this
    ) && (o *= lh), (F = this.controllers) != null && F.moveHeading ? D.applyQuaternion(A.quaternion) : (N = this.controllers) != null && N.moveDirection && (tg.setFromQuaternion(A.quaternion, "YXZ"), tg.x = 0, tg.z = 0, NQ.setFromEuler(tg), D.applyQuaternion(NQ)), D.applyQuaternion(I.quaternion), D.multiplyScalar(B * o), I.position.add(D);
  }
  updateHands({ xrFrame: A }) {
    const I = this.renderer.xr.getSession();
    if (!I)
      return;
    const g = this.renderer.xr.getReferenceSpace();
    if (g && A.getJointPose) {
      for (const B of this.hands)
        B && (B.lastJoints = B.joints, B.joints = void 0);
      for (const B of I.inputSources) {
        if (!B.hand)
          continue;
        const C = B.handedness, E = this.hands[C === "left" ? 0 : 1];
        if (E)
          for (const D of CI) {
            const o = B.hand.get(qg[D]);
            if (o) {
              const i = A.getJointPose(o, g);
              if (i) {
                const { position: a, orientation: w } = i.transform;
                E.joints || (E.joints = {}), E.joints[D] = {
                  position: new s.Vector3(a.x, a.y, a.z),
                  quaternion: new s.Quaternion(
                    w.x,
                    w.y,
                    w.z,
                    w.w
                  ),
                  radius: hB[D]
                };
              }
            }
          }
      }
    }
  }
  makeJointSplats(A) {
    const I = new Qy(A);
    return I.onFrame = () => {
      const g = this.hands[A === "left" ? 0 : 1], B = g == null ? void 0 : g.joints;
      I.updateJoints(B);
    }, I;
  }
  snapshotHands(A) {
    var g, B;
    const I = [
      (g = this.hands[0]) == null ? void 0 : g.snapshotJoints(),
      (B = this.hands[1]) == null ? void 0 : B.snapshotJoints()
    ];
    return { time: A, hands: I };
  }
};
YA.JointEnum = qg, YA.JOINT_IDS = CI, YA.NUM_JOINTS = Ph, YA.JOINT_INDEX = bh, YA.JOINT_RADIUS = hB, YA.JOINT_SEGMENTS = Th, YA.JOINT_SEGMENT_STEPS = mh, YA.JOINT_TIPS = Oh, YA.FINGER_TIPS = Zh, YA.Hand = WQ, YA.HANDS = vh;
let yB = YA;
const EQ = (Q) => Math.round(Q * 1e4) / 1e4, tg = new s.Euler(0, 0, 0, "YXZ"), NQ = new s.Quaternion(), Wh = new s.Quaternion();
function Xy(Q, A) {
  if (!Q.length)
    return null;
  const I = Q[0], g = Q[Q.length - 1];
  if (A < I.time || A > g.time)
    return null;
  const B = _h(Q, A);
  if (B === -1)
    return null;
  const C = Q[B], E = Q[B + 1];
  if (!E)
    return zh(C, A);
  const D = E.time - C.time, o = D > 0 ? (A - C.time) / D : 0;
  return jh(C, E, o, A);
}
function jh(Q, A, I, g) {
  const B = Math.max(Q.hands.length, A.hands.length), C = Array.from(
    { length: B },
    (E, D) => $h(Q.hands[D], A.hands[D], I)
  );
  return { time: g, hands: C };
}
function zh(Q, A) {
  return {
    time: A,
    hands: Q.hands.map((I) => Iy(I))
  };
}
class lg {
  constructor(A) {
    this.hand = A;
  }
  static newFromSnapshot(A, I) {
    const g = new lg(A);
    g.joints = {};
    for (const B of CI) {
      const C = I[B];
      C && (g.joints[B] = {
        position: new s.Vector3(C.pos[0], C.pos[1], C.pos[2]),
        quaternion: new s.Quaternion(
          C.quat[0],
          C.quat[1],
          C.quat[2],
          C.quat[3]
        ),
        radius: C.radius
      });
    }
    return g;
  }
  valid() {
    return !!this.joints;
  }
  snapshotJoints() {
    if (!this.joints)
      return;
    const A = {};
    for (const I of CI) {
      const g = this.joints[I];
      g && (A[I] = {
        pos: g.position.toArray().map(EQ),
        quat: g.quaternion.toArray().map(EQ),
        radius: EQ(g.radius)
      });
    }
    return A;
  }
  toFlatArray() {
    if (!this.joints)
      return;
    const A = new Float32Array(1 + 25 * 7);
    A[0] = this.hand === "left" ? 0 : 1;
    let I = 1;
    for (const g of CI) {
      const B = this.joints[g];
      B && (A[I] = B.position.x, A[I + 1] = B.position.y, A[I + 2] = B.position.z, A[I + 3] = B.quaternion.x, A[I + 4] = B.quaternion.y, A[I + 5] = B.quaternion.z, A[I + 6] = B.quaternion.w), I += 7;
    }
    return A;
  }
}
function _h(Q, A) {
  let I = 0, g = Q.length - 1;
  for (; I <= g; ) {
    const B = I + g >> 1;
    Q[B].time <= A ? I = B + 1 : g = B - 1;
  }
  return g;
}
function $h(Q, A, I = 0) {
  if (!Q || !A)
    return;
  const g = {};
  for (const B of CI) {
    const C = Ay(Q[B], A[B], I);
    C && (g[B] = C);
  }
  return g;
}
function Ay(Q, A, I = 0) {
  if (!Q || !A)
    return;
  const g = Q.pos.map(
    (E, D) => E + (A.pos[D] - E) * I
  ), B = NQ.fromArray(Q.quat).slerp(Wh.fromArray(A.quat), I).toArray(), C = Q.radius + (A.radius - Q.radius) * I;
  return { pos: g, quat: B, radius: C };
}
function Iy(Q) {
  if (!Q)
    return;
  const A = {};
  for (const I of CI) {
    const g = Q[I];
    g && (A[I] = gy(g));
  }
  return A;
}
function gy(Q) {
  return {
    pos: [...Q.pos],
    quat: [...Q.quat],
    radius: Q.radius
  };
}
class Qy extends TA {
  constructor(A) {
    super({}), this.scratchCenter = new s.Vector3(), this.scratchQuat = new s.Quaternion(0, 0, 0, 1), this.scratchScales = new s.Vector3().setScalar(0.01), this.scratchColor = new s.Color(1, 1, 1), this.hand = A;
  }
  updateJoints(A) {
    if (this.visible = !1, !A || !this.packedSplats)
      return;
    this.visible = !0;
    let I = 0;
    for (const g of CI) {
      const B = A[g];
      if (!B)
        continue;
      this.scratchCenter.copy(B.position), this.scratchQuat.copy(B.quaternion), this.scratchScales.set(
        B.radius,
        0.75 * B.radius,
        1.5 * B.radius
      ), this.packedSplats.setSplat(
        I,
        this.scratchCenter,
        this.scratchScales,
        this.scratchQuat,
        0.75,
        this.scratchColor
      ), I += 1;
    }
    this.packedSplats.numSplats = I, this.packedSplats.needsUpdate = !0, this.numSplats = I, this.updateVersion();
  }
}
const By = 0.5, Cy = 0.5, Ey = 0;
var jQ = /* @__PURE__ */ ((Q) => (Q.w = "wrist", Q.t0 = "thumb-metacarpal", Q.t1 = "thumb-phalanx-proximal", Q.t2 = "thumb-phalanx-distal", Q.t3 = "thumb-tip", Q.i0 = "index-finger-metacarpal", Q.i1 = "index-finger-phalanx-proximal", Q.i2 = "index-finger-phalanx-intermediate", Q.i3 = "index-finger-phalanx-distal", Q.i4 = "index-finger-tip", Q.m0 = "middle-finger-metacarpal", Q.m1 = "middle-finger-phalanx-proximal", Q.m2 = "middle-finger-phalanx-intermediate", Q.m3 = "middle-finger-phalanx-distal", Q.m4 = "middle-finger-tip", Q.r0 = "ring-finger-metacarpal", Q.r1 = "ring-finger-phalanx-proximal", Q.r2 = "ring-finger-phalanx-intermediate", Q.r3 = "ring-finger-phalanx-distal", Q.r4 = "ring-finger-tip", Q.p0 = "pinky-finger-metacarpal", Q.p1 = "pinky-finger-phalanx-proximal", Q.p2 = "pinky-finger-phalanx-intermediate", Q.p3 = "pinky-finger-phalanx-distal", Q.p4 = "pinky-finger-tip", Q))(jQ || {});
const io = Object.keys(jQ), Vy = io.length, Wy = {
  w: 0,
  t0: 1,
  t1: 2,
  t2: 3,
  t3: 4,
  i0: 5,
  i1: 6,
  i2: 7,
  i3: 8,
  i4: 9,
  m0: 10,
  m1: 11,
  m2: 12,
  m3: 13,
  m4: 14,
  r0: 15,
  r1: 16,
  r2: 17,
  r3: 18,
  r4: 19,
  p0: 20,
  p1: 21,
  p2: 22,
  p3: 23,
  p4: 24
}, Sg = {
  w: 0.02,
  t0: 0.02,
  t1: 0.014,
  t2: 0.0115,
  t3: 85e-4,
  i0: 0.022,
  i1: 0.012,
  i2: 85e-4,
  i3: 75e-4,
  i4: 65e-4,
  m0: 0.021,
  m1: 0.012,
  m2: 8e-3,
  m3: 75e-4,
  m4: 65e-4,
  r0: 0.019,
  r1: 0.011,
  r2: 75e-4,
  r3: 7e-3,
  r4: 6e-3,
  p0: 0.012,
  p1: 0.01,
  p2: 7e-3,
  p3: 65e-4,
  p4: 55e-4
}, Dy = [
  ["w", "t0", "t1", "t2", "t3"],
  ["w", "i0", "i1", "i2", "i3", "i4"],
  ["w", "m0", "m1", "m2", "m3", "m4"],
  ["w", "r0", "r1", "r2", "r3", "r4"],
  ["w", "p0", "p1", "p2", "p3", "p4"]
], iy = [
  [8, 10, 8, 6],
  [8, 19, 14, 8, 6],
  [8, 19, 14, 8, 6],
  [8, 19, 14, 8, 6],
  [8, 19, 14, 8, 6]
], jy = ["t3", "i4", "m4", "r4", "p4"], zy = ["i4", "m4", "r4", "p4"];
var oo = /* @__PURE__ */ ((Q) => (Q.left = "left", Q.right = "right", Q))(oo || {});
const JQ = Object.keys(oo);
class _y {
  constructor() {
    this.hands = {}, this.last = {}, this.values = {}, this.tests = {}, this.lastTests = {}, this.updated = !1;
  }
  update({ xr: A, xrFrame: I }) {
    const g = A.getSession();
    if (!g)
      return;
    const B = A.getReferenceSpace();
    if (B && I.getJointPose) {
      this.last = this.hands, this.lastTests = this.tests, this.hands = {}, this.values = {}, this.tests = {};
      for (const C of g.inputSources) {
        if (!C.hand)
          continue;
        const E = C.handedness;
        this.hands[E] = {};
        for (const D of io) {
          const o = C.hand.get(jQ[D]);
          if (o) {
            const i = I.getJointPose(o, B);
            if (i) {
              const { position: a, orientation: w } = i.transform;
              this.hands[E][D] = {
                position: new vA(a.x, a.y, a.z),
                quaternion: new zQ(
                  w.x,
                  w.y,
                  w.z,
                  w.w
                ),
                radius: i.radius || 1e-3
              };
            }
          }
        }
      }
      for (const C of JQ)
        for (const { key: E, value: D } of [
          { key: `${C}AllTips`, value: this.allTipsTouching(C) },
          {
            key: `${C}IndexThumb`,
            value: this.touching(C, "i4", C, "t3")
          },
          {
            key: `${C}MiddleThumb`,
            value: this.touching(C, "m4", C, "t3")
          },
          {
            key: `${C}RingThumb`,
            value: this.touching(C, "r4", C, "t3")
          },
          {
            key: `${C}PinkyThumb`,
            value: this.touching(C, "p4", C, "t3")
          },
          { key: `${C}TriTips`, value: this.triTipsTouching(C) }
        ])
          this.values[E] = D, this.tests[E] = D === 1 ? !0 : D === 0 ? !1 : this.lastTests[E] ?? !1;
    }
  }
  makeGhostMesh() {
    const A = new vA(), I = new vA(0.01, 0.01, 0.01), g = new zQ(0, 0, 0, 1), B = new _Q(1, 1, 1), C = Math.PI * 3;
    new _Q(1, 1, 1);
    let E = 1;
    const D = new TA({
      onFrame: () => {
        if (!D.packedSplats)
          return;
        let o = 0;
        for (const i of JQ) {
          const a = this.hands[i];
          for (const [w, G] of Dy.entries())
            for (let h = 1; h < G.length; ++h) {
              const k = iy[w][h - 1] * 2, t = h + 1 === G.length, y = a == null ? void 0 : a[G[h - 1]], S = a == null ? void 0 : a[G[h]];
              for (let R = 0; R < k; ++R) {
                const F = (R + 0.5) / k;
                if (E = 0, y && S) {
                  A.copy(y.position).lerp(S.position, F), g.copy(y.quaternion).slerp(S.quaternion, F);
                  const N = Sg[G[h - 1]], c = Sg[G[h]];
                  let J = (1 - F) * N + F * c;
                  t && F > 0.8 && (J *= Math.sqrt(1 - ((F - 0.8) / 0.2) ** 2)), I.set(0.65 * J, 0.5 * J, 3e-3), B.set(
                    0.55 + 0.45 * Math.sin(A.x * C),
                    0.55 + 0.45 * Math.sin(A.y * C),
                    0.55 + 0.45 * Math.sin(A.z * C)
                  ), i === "right" && B.set(1 - B.r, 1 - B.g, 1 - B.b), E = 0.75;
                }
                D.packedSplats.setSplat(
                  o,
                  A,
                  I,
                  g,
                  E,
                  B
                ), o += 1;
              }
            }
        }
        D.packedSplats.numSplats = o, D.packedSplats.needsUpdate = !0, D.numSplats = o, D.updateVersion();
      }
    });
    return D;
  }
  distance(A, I, g, B, C = !1) {
    const E = C ? this.last[A] : this.hands[A], D = C ? this.last[g] : this.hands[g], o = E == null ? void 0 : E[I], i = D == null ? void 0 : D[B];
    return !o || !i ? Number.POSITIVE_INFINITY : o.position.distanceTo(i.position);
  }
  separation(A, I, g, B, C = !1) {
    const E = this.distance(A, I, g, B, C);
    return E === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : E - Sg[I] - Sg[B];
  }
  touching(A, I, g, B, C = !1) {
    const E = this.separation(A, I, g, B, C);
    return E === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : 1 - Math.max(0, Math.min(1, E / 0.01 - Ey));
  }
  allTipsTouching(A, I = !1) {
    return Math.min(
      this.touching(A, "t3", A, "i4", I),
      this.touching(A, "i4", A, "m4", I),
      this.touching(A, "m4", A, "r4", I),
      this.touching(A, "r4", A, "p4", I)
      // this.touching(hand, "p4", hand, "t3", last),
    );
  }
  triTipsTouching(A, I = !1) {
    return Math.min(
      this.touching(A, "t3", A, "i4", I),
      this.touching(A, "i4", A, "m4", I),
      this.touching(A, "m4", A, "t3", I)
    );
  }
}
class $y {
  constructor({
    xrHands: A,
    control: I,
    moveInertia: g,
    rotateInertia: B
  }) {
    this.lastGrip = {}, this.lastPivot = new vA(), this.rotateVelocity = 0, this.velocity = new vA(), this.xrHands = A, this.control = I, this.moveInertia = g ?? By, this.rotateInertia = B ?? Cy;
  }
  update(A) {
    var C, E, D, o, i;
    const I = {};
    for (const a of JQ) {
      const w = this.xrHands.hands[a];
      w && this.xrHands.tests[`${a}MiddleThumb`] && (I[a] = new vA().add(((C = w.t3) == null ? void 0 : C.position) ?? new vA()).add(((E = w.i4) == null ? void 0 : E.position) ?? new vA()).add(((D = w.m4) == null ? void 0 : D.position) ?? new vA()).add(((o = w.r4) == null ? void 0 : o.position) ?? new vA()).add(((i = w.p4) == null ? void 0 : i.position) ?? new vA()).multiplyScalar(1 / 5));
    }
    if (I.left && I.right && this.lastGrip.left && this.lastGrip.right) {
      const a = I.left.clone().add(I.right).multiplyScalar(0.5), w = this.lastGrip.left.clone().add(this.lastGrip.right).multiplyScalar(0.5);
      this.lastPivot = a;
      const G = a.clone().applyMatrix4(this.control.matrix);
      G.sub(w.clone().applyMatrix4(this.control.matrix)), G.multiplyScalar(1 / A), this.velocity.lerp(G, 1 - Math.exp(-20 * A));
      const h = Math.atan2(I.left.z - a.z, I.left.x - a.x), k = Math.atan2(
        this.lastGrip.left.z - w.z,
        this.lastGrip.left.x - w.x
      );
      let t = h - k;
      t > Math.PI ? t -= Math.PI * 2 : t < -Math.PI && (t += Math.PI * 2);
      const y = t / A, S = Math.exp(-20 * A);
      this.rotateVelocity = this.rotateVelocity * S + y * (1 - S);
    } else if (this.rotateVelocity *= Math.exp(-A / this.rotateInertia), I.left && this.lastGrip.left) {
      const a = I.left.clone().applyMatrix4(this.control.matrix);
      a.sub(this.lastGrip.left.clone().applyMatrix4(this.control.matrix)), a.multiplyScalar(1 / A), this.velocity.lerp(a, 1 - Math.exp(-20 * A));
    } else if (I.right && this.lastGrip.right) {
      const a = I.right.clone().applyMatrix4(this.control.matrix);
      a.sub(
        this.lastGrip.right.clone().applyMatrix4(this.control.matrix)
      ), a.multiplyScalar(1 / A), this.velocity.lerp(a, 1 - Math.exp(-20 * A));
    } else
      this.velocity.multiplyScalar(Math.exp(-A / this.moveInertia));
    const g = this.lastPivot.clone().negate(), B = new jg().makeTranslation(g).premultiply(new jg().makeRotationY(this.rotateVelocity * A)).premultiply(new jg().makeTranslation(this.lastPivot));
    this.control.matrix.multiply(B), this.control.matrix.decompose(
      this.control.position,
      this.control.quaternion,
      this.control.scale
    ), this.control.updateMatrixWorld(!0), this.control.position.sub(this.velocity.clone().multiplyScalar(A)), this.lastGrip = I;
  }
}
const oy = 1, wy = 2, sy = 2e-3, ay = 6e-3, Gy = 15e-4, hy = 0.15, yy = 0.15, ty = 0.1, Sy = 2, ky = 0, Ry = 500, cy = 500, Fy = 200, Ny = 400, Jy = 25, $A = 1e-4, My = {
  KeyW: new s.Vector3(0, 0, -1),
  KeyS: new s.Vector3(0, 0, 1),
  KeyA: new s.Vector3(-1, 0, 0),
  KeyD: new s.Vector3(1, 0, 0),
  KeyE: new s.Vector3(0, 1, 0),
  KeyQ: new s.Vector3(0, -1, 0)
}, Uy = {
  ArrowUp: new s.Vector3(0, 0, -1),
  ArrowDown: new s.Vector3(0, 0, 1),
  ArrowLeft: new s.Vector3(-1, 0, 0),
  ArrowRight: new s.Vector3(1, 0, 0),
  PageUp: new s.Vector3(0, 1, 0),
  PageDown: new s.Vector3(0, -1, 0)
};
new s.Vector3(0, 0, 1), new s.Vector3(0, 0, -1);
const ey = {
  Home: new s.Vector3(0, -1, 0),
  End: new s.Vector3(0, 1, 0),
  Insert: new s.Vector3(-1, 0, 0),
  Delete: new s.Vector3(1, 0, 0)
};
class At {
  constructor({ canvas: A }) {
    this.lastTime = 0, this.fpsMovement = new Ly({}), this.pointerControls = new Hy({ canvas: A });
  }
  update(A, I) {
    const g = performance.now(), B = (g - (this.lastTime || g)) / 1e3;
    this.lastTime = g;
    let C = this.fpsMovement.update(B, A);
    return this.pointerControls.update(B, A, I) && (C = !0), C;
  }
}
class Ly {
  constructor({
    moveSpeed: A,
    rollSpeed: I,
    stickThreshold: g,
    rotateSpeed: B,
    keycodeMoveMapping: C,
    keycodeRotateMapping: E,
    gamepadMapping: D,
    capsMultiplier: o,
    shiftMultiplier: i,
    ctrlMultiplier: a,
    xr: w
  } = {}) {
    this.enable = !0, this.extraMove = new s.Vector3(), this.moveSpeed = A ?? oy, this.rollSpeed = I ?? wy, this.stickThreshold = g ?? ty, this.rotateSpeed = B ?? Sy, this.keycodeMoveMapping = C ?? {
      ...My,
      ...Uy
    }, this.keycodeRotateMapping = E ?? {
      // ...QE_KEYCODE_ROTATE,
      ...ey
    }, this.gamepadMapping = D ?? {
      4: "rollLeft",
      5: "rollRight",
      6: "ctrl",
      7: "shift"
    }, this.capsMultiplier = o ?? 10, this.shiftMultiplier = i ?? 5, this.ctrlMultiplier = a ?? 1 / 5, this.xr = w, this.keydown = {}, this.keycode = {}, document.addEventListener("keydown", (G) => {
      this.keydown[G.key] = !0, this.keycode[G.code] = !0;
    }), document.addEventListener("keyup", (G) => {
      this.keydown[G.key] = !1, this.keycode[G.code] = !1;
    }), window.addEventListener("blur", () => {
      this.keydown = {}, this.keycode = {};
    });
  }
  // Call this method in your render loop with `control` set to the object to control
  // (`THREE.Camera` or a `THREE.Object3D` that contains it), with `deltaTime`
  // in seconds since the last update.
  update(A, I) {
    var w, G;
    if (!this.enable)
      return !1;
    const g = [new s.Vector2(), new s.Vector2()], B = navigator.getGamepads()[0];
    B && (g[0].set(B.axes[0], B.axes[1]), g[1].set(B.axes[2], B.axes[3]));
    const C = (B == null ? void 0 : B.buttons.map((h) => h.pressed)) || [], E = Array.from(((G = (w = this.xr) == null ? void 0 : w.getSession()) == null ? void 0 : G.inputSources) ?? []);
    for (const h of E) {
      const k = h.gamepad;
      if (k)
        switch (h.handedness) {
          case "none": {
            g[0].x += k.axes[0], g[0].y += k.axes[1], g[1].x += k.axes[2], g[1].y += k.axes[3];
            break;
          }
          case "left": {
            g[0].x += k.axes[2], g[0].y += k.axes[3];
            break;
          }
          case "right": {
            g[1].x += k.axes[2], g[1].y += k.axes[3];
            break;
          }
        }
    }
    for (const h of g)
      h.x = Math.abs(h.x) >= this.stickThreshold ? h.x : 0, h.y = Math.abs(h.y) >= this.stickThreshold ? h.y : 0;
    const D = new s.Vector3(
      g[1].x,
      g[1].y,
      0
    ).multiplyScalar(this.rotateSpeed);
    for (const [h, k] of Object.entries(this.keycodeRotateMapping))
      this.keycode[h] && D.add(k);
    for (const h in this.gamepadMapping)
      if (C[Number.parseInt(h)])
        switch (this.gamepadMapping[h]) {
          case "rollLeft":
            D.z += 1;
            break;
          case "rollRight":
            D.z -= 1;
            break;
        }
    D.multiply(
      new s.Vector3(this.rotateSpeed, this.rotateSpeed, this.rollSpeed)
    );
    let o = D.length() > $A;
    if (D.manhattanLength() > 0) {
      D.multiplyScalar(A);
      const h = new s.Euler().setFromQuaternion(
        I.quaternion,
        "YXZ"
      );
      h.y -= D.x, h.x = Math.max(
        -Math.PI / 2,
        Math.min(Math.PI / 2, h.x - D.y)
      ), h.z = Math.max(-Math.PI, Math.min(Math.PI, h.z + D.z)), I.quaternion.setFromEuler(h);
    }
    const i = new s.Vector3(g[0].x, 0, g[0].y);
    i.add(this.extraMove);
    for (const [h, k] of Object.entries(this.keycodeMoveMapping))
      this.keycode[h] && i.add(k);
    let a = 1;
    this.keydown.CapsLock && (a *= this.capsMultiplier), (this.keycode.ShiftLeft || this.keycode.ShiftRight) && (a *= this.shiftMultiplier), (this.keycode.ControlLeft || this.keycode.ControlRight) && (a *= this.ctrlMultiplier);
    for (const h in this.gamepadMapping)
      if (C[Number.parseInt(h)])
        switch (this.gamepadMapping[h]) {
          case "shift":
            a *= this.shiftMultiplier;
            break;
          case "ctrl":
            a *= this.ctrlMultiplier;
            break;
        }
    return i.length() > $A && (o = !0), i.applyQuaternion(I.quaternion), I.position.add(
      i.multiplyScalar(this.moveSpeed * a * A)
    ), o;
  }
}
class Hy {
  constructor({
    // The HTML canvas element to attach pointer events to
    canvas: A,
    // Speed of rotation (default DEFAULT_ROTATE_SPEED)
    rotateSpeed: I,
    // Speed of sliding when dragging with right/middle mouse button or two fingers
    // (default DEFAULT_SLIDE_SPEED)
    slideSpeed: g,
    // Speed of movement when using mouse scroll wheel (default DEFAULT_SCROLL_SPEED)
    scrollSpeed: B,
    // Swap the direction of rotation and sliding (default: false)
    swapRotateSlide: C,
    // Reverse the direction of rotation (default: false)
    reverseRotate: E,
    // Reverse the direction of sliding (default: false)
    reverseSlide: D,
    // Reverse the direction of swipe gestures (default: false)
    reverseSwipe: o,
    // Reverse the direction of scroll wheel movement (default: false)
    reverseScroll: i,
    // Inertia factor for movement (default: DEFAULT_MOVE_INERTIA)
    moveInertia: a,
    // Inertia factor for rotation (default: DEFAULT_ROTATE_INERTIA)
    rotateInertia: w,
    // Pointer rolling scale factor (default: DEFAULT_POINTER_ROLL_SCALE)
    pointerRollScale: G,
    // Callback for double press events (default: () => {})
    doublePress: h,
    // Time delay in ms for press move to start (default: DEFAULT_PRESS_MOVE_DELAY_MS)
    pressMoveDelayMs: k,
    // Time in ms for press move to accelerate (default: DEFAULT_PRESS_MOVE_ACCEL_MS)
    pressMoveAccelMs: t,
    // Speed of movement on press (default: 0)
    pressMoveSpeed: y,
    // Speed of movement on double press (default: pressMoveSpeed * 5.0)
    doublePressMoveSpeed: S,
    // Speed of movement on triple press (default: doublePressMoveSpeed * 5.0)
    triplePressMoveSpeed: R,
    // Whether to move toward the screen center or finger when pressing to move (default: true)
    pressMoveCenter: F
  }) {
    this.enable = !0, this.canvas = A, this.rotateSpeed = I ?? sy, this.slideSpeed = g ?? ay, this.scrollSpeed = B ?? Gy, this.swapRotateSlide = C ?? !1, this.reverseRotate = E ?? (uQ() || $I()), this.reverseSlide = D ?? !1, this.reverseSwipe = o ?? !1, this.reverseScroll = i ?? !1, this.moveInertia = a ?? yy, this.rotateInertia = w ?? hy, this.pointerRollScale = G ?? ky, this.doublePress = h ?? (() => {
    }), this.doublePressLimitMs = Ny, this.doublePressDistance = Jy, this.pressMoveDelayMs = k ?? Ry, this.pressMoveAccelMs = t ?? cy, this.pressMoveSpeed = y ?? 0, this.doublePressMoveSpeed = S ?? this.pressMoveSpeed * 5, this.triplePressMoveSpeed = R ?? this.doublePressMoveSpeed * 5, this.pressMoveCenter = F ?? !0, this.doublePressed = void 0, this.triplePressed = !1, this.lastUp = null, this.lastLastUp = null, this.rotating = null, this.sliding = null, this.lastDown = null, this.dualPress = !1, this.scroll = new s.Vector3(), this.rotateVelocity = new s.Vector3(), this.moveVelocity = new s.Vector3(), A.addEventListener("pointerdown", (c) => {
      const J = this.getPointerPosition(c), M = J.clone(), K = J.clone(), n = !this.swapRotateSlide && !this.rotating && (c.pointerType !== "mouse" || c.button === 0) || this.swapRotateSlide && this.sliding && !this.rotating && (c.pointerType !== "mouse" || c.button === 1), { pointerId: q } = c, L = performance.now();
      if (n)
        this.rotating = { initial: M, last: K, position: J, pointerId: q, timeStamp: L }, this.lastDown = this.rotating, A.setPointerCapture(c.pointerId), this.dualPress = !1;
      else if (!this.sliding) {
        const d = c.pointerType === "mouse" ? c.button : void 0;
        this.sliding = {
          initial: M,
          last: K,
          position: J,
          pointerId: q,
          button: d,
          timeStamp: L
        }, this.lastDown = this.sliding, A.setPointerCapture(c.pointerId), this.dualPress = this.rotating != null && L - this.rotating.timeStamp < Fy;
      }
      if (this.lastUp) {
        const d = this.lastUp.position.distanceTo(J), j = L - this.lastUp.timeStamp;
        if (d < this.doublePressDistance && j < this.doublePressLimitMs && (this.doublePressed = performance.now(), this.triplePressed = !1, this.lastLastUp)) {
          const p = this.lastLastUp.position.distanceTo(
            this.lastUp.position
          ), T = this.lastUp.timeStamp - this.lastLastUp.timeStamp;
          p < this.doublePressDistance && T < this.doublePressLimitMs && (this.triplePressed = !0);
        }
      }
    });
    const N = (c) => {
      var n, q;
      ((n = this.rotating) == null ? void 0 : n.pointerId) === c.pointerId ? (this.rotating = null, A.releasePointerCapture(c.pointerId), this.dualPress && this.sliding && (A.releasePointerCapture(this.sliding.pointerId), this.sliding = null)) : ((q = this.sliding) == null ? void 0 : q.pointerId) === c.pointerId && (this.sliding = null, A.releasePointerCapture(c.pointerId), this.dualPress && this.rotating && (A.releasePointerCapture(this.rotating.pointerId), this.rotating = null)), this.doublePressed = void 0, this.triplePressed = !1;
      const J = this.getPointerPosition(c), M = this.lastUp;
      this.lastLastUp = this.lastUp;
      const K = performance.now();
      if (this.lastUp = { position: J, timeStamp: K }, M && M.position.distanceTo(J) < this.doublePressDistance) {
        const d = K - M.timeStamp;
        d < this.doublePressLimitMs && this.doublePress({ position: J, intervalMs: d });
      }
    };
    document.addEventListener("pointerup", N), document.addEventListener("pointercancel", N), document.addEventListener("pointermove", (c) => {
      var J, M;
      ((J = this.rotating) == null ? void 0 : J.pointerId) === c.pointerId ? this.rotating.position = this.getPointerPosition(c) : ((M = this.sliding) == null ? void 0 : M.pointerId) === c.pointerId && (this.sliding.position = this.getPointerPosition(c));
    }), A.addEventListener("contextmenu", (c) => {
      c.preventDefault();
    }), A.addEventListener("wheel", (c) => {
      this.scroll.add(
        new s.Vector3(c.deltaX, c.deltaY, c.deltaZ)
      ), c.preventDefault();
    });
  }
  getPointerPosition(A) {
    const I = this.canvas.getBoundingClientRect();
    return new s.Vector2(
      A.clientX - I.left,
      A.clientY - I.top
    );
  }
  update(A, I, g) {
    var D, o;
    if (!this.enable)
      return !1;
    const B = performance.now();
    let C = !1;
    if (this.dualPress && this.rotating && this.sliding) {
      const i = [
        this.rotating.position.clone().sub(this.rotating.last),
        this.sliding.position.clone().sub(this.sliding.last)
      ], a = i[0].dot(i[1]);
      if (a >= 0.2) {
        const w = i[0].clone().add(i[1]), G = new s.Vector3(w.x, -w.y, 0);
        G.multiplyScalar(this.slideSpeed * (this.reverseSwipe ? 1 : -1)), G.applyQuaternion(I.quaternion), I.position.add(G), this.moveVelocity = G.clone().multiplyScalar(1 / A), G.length() > $A && (C = !0);
      } else if (a <= -0.2) {
        const w = this.sliding.last.clone().sub(this.rotating.last), G = w.length();
        w.multiplyScalar(1 / G).normalize();
        const h = new s.Vector2(-w.y, w.x), k = [i[0].dot(w), i[1].dot(w)], t = [i[0].dot(h), i[1].dot(h)], y = this.rotating.last.clone().add(this.sliding.last).multiplyScalar(0.5);
        let S = new s.Vector3();
        const R = g ?? (I instanceof s.Camera ? I : void 0);
        if (R) {
          const K = new s.Vector2(
            y.x / this.canvas.clientWidth * 2 - 1,
            -(y.y / this.canvas.clientHeight) * 2 + 1
          ), n = new s.Raycaster();
          n.setFromCamera(K, R), S = n.ray.direction;
        }
        const F = k[1] - k[0], N = S.multiplyScalar(F * this.slideSpeed);
        I.position.add(N), this.moveVelocity = N.clone().multiplyScalar(1 / A), N.length() > $A && (C = !0);
        const c = [
          Math.atan(t[0] / (-0.5 * G)),
          Math.atan(t[1] / (0.5 * G))
        ], J = 0.5 * (c[0] + c[1]) * this.pointerRollScale, M = new s.Euler().setFromQuaternion(
          I.quaternion,
          "YXZ"
        );
        M.z = Math.max(
          -Math.PI,
          Math.min(Math.PI, M.z + 0.5 * J)
        ), I.quaternion.setFromEuler(M), Math.abs(J) > $A && (C = !0);
      }
      this.rotating.last.copy(this.rotating.position), this.sliding.last.copy(this.sliding.position);
    } else {
      const i = new s.Vector3();
      if (this.rotating && !this.dualPress) {
        const w = this.rotating.position.clone().sub(this.rotating.last);
        this.rotating.last.copy(this.rotating.position), i.set(w.x, w.y, 0), i.multiplyScalar(this.rotateSpeed * (this.reverseRotate ? -1 : 1)), this.rotateVelocity = i.clone().multiplyScalar(1 / A), i.length() > $A && (C = !0);
      } else
        this.rotateVelocity.multiplyScalar(
          Math.exp(-A / this.rotateInertia)
        ), i.addScaledVector(this.rotateVelocity, A), this.rotateVelocity.length() * 0.1 > $A && (C = !0);
      const a = new s.Euler().setFromQuaternion(
        I.quaternion,
        "YXZ"
      );
      if (a.y -= i.x, a.x = Math.max(
        -Math.PI / 2,
        Math.min(Math.PI / 2, a.x - i.y)
      ), a.z *= Math.exp(-0 * A), I.quaternion.setFromEuler(a), this.sliding && !this.dualPress) {
        const w = this.sliding.position.clone().sub(this.sliding.last);
        this.sliding.last.copy(this.sliding.position);
        const G = this.sliding.button !== 2 ? new s.Vector3(w.x, 0, w.y) : new s.Vector3(w.x, -w.y, 0);
        G.multiplyScalar(this.slideSpeed * (this.reverseSlide ? -1 : 1)), G.applyQuaternion(I.quaternion), I.position.add(G), this.moveVelocity = G.clone().multiplyScalar(1 / A), G.length() > $A && (C = !0);
      } else {
        const w = new s.Vector3();
        if (this.sliding || this.rotating) {
          const h = ((D = this.lastDown) == null ? void 0 : D.last) ?? new s.Vector2(), k = g ?? (I instanceof s.Camera ? I : void 0);
          if (k) {
            const t = this.pressMoveCenter ? new s.Vector2(0, 0) : new s.Vector2(
              h.x / this.canvas.clientWidth * 2 - 1,
              -(h.y / this.canvas.clientHeight) * 2 + 1
            ), y = new s.Raycaster();
            y.setFromCamera(t, k), w.copy(y.ray.direction).normalize();
          }
          if (this.doublePressed) {
            this.pressHeld = !1;
            let t = (performance.now() - this.doublePressed) / this.pressMoveAccelMs;
            t = Math.max(0, Math.min(1, t)), w.multiplyScalar(
              (this.triplePressed ? this.triplePressMoveSpeed : this.doublePressMoveSpeed) * t
            );
          } else {
            let t = 0;
            this.lastDown && (t = (B - (((o = this.lastDown) == null ? void 0 : o.timeStamp) ?? B) - this.pressMoveDelayMs) / this.pressMoveAccelMs, this.lastDown.position.distanceTo(this.lastDown.initial) < this.doublePressDistance ? this.pressHeld === void 0 && t > 0 && (this.pressHeld = !0) : this.pressHeld === void 0 && (this.pressHeld = !1)), this.pressHeld ? w.multiplyScalar(
              this.pressMoveSpeed * Math.max(0, Math.min(1, t))
            ) : w.set(0, 0, 0);
          }
        } else
          this.pressHeld = void 0;
        const G = Math.exp(-A / this.moveInertia);
        this.moveVelocity.lerpVectors(w, this.moveVelocity, G), I.position.addScaledVector(this.moveVelocity, A), this.moveVelocity.length() * 0.1 > $A && (C = !0);
      }
    }
    const E = this.scroll.multiplyScalar(this.scrollSpeed);
    return E.set(E.x, E.z, E.y), this.reverseScroll && E.multiplyScalar(-1), E.applyQuaternion(I.quaternion), I.position.add(E), E.length() > $A && (C = !0), this.scroll.set(0, 0, 0), C;
  }
}
const Yy = (
  /* glsl */
  `
precision highp float;
precision highp int;

#include <splatDefines>

uniform float near;
uniform float far;
uniform mat4 projectionMatrix;
uniform bool encodeLinear;
uniform float time;
uniform bool debugFlag;
uniform float maxStdDev;
uniform float minAlpha;
uniform bool disableFalloff;
uniform float falloff;

uniform vec3 diskCenter;
uniform vec3 diskNormal;
uniform float diskRadius;
uniform bool diskTwoSided;

out vec4 fragColor;

in vec4 vRgba;
in vec2 vSplatUv;
in vec3 vNdc;
flat in uint vSplatIndex;
flat in float adjustedStdDev;

void main() {
    if (diskRadius != 0.0) {
        // Portal rendering:
        // - diskRadius > 0: render "behind portal" only through the disk (discard outside or in-front-of plane).
        // - diskRadius < 0: render "in front of portal" everywhere, but discard fragments behind the plane when looking through the disk.

        // View ray direction from NDC (view space is -Z forward).
        vec3 viewDir = normalize(vec3(
            vNdc.x / projectionMatrix[0][0],
            vNdc.y / projectionMatrix[1][1],
            -1.0
        ));

        // Reconstruct view-space *axial* depth (-viewPos.z) from NDC Z.
        float ndcZ = vNdc.z;
        float depth = (2.0 * near * far) / (far + near - ndcZ * (far - near));
        // Convert axial depth to ray-parameter t (viewPos = t * viewDir).
        float rayT = depth / max(1e-6, -viewDir.z);

        float radius = abs(diskRadius);
        float radius2 = radius * radius;
        bool renderBehind = (diskRadius > 0.0);

        vec3 diskN = normalize(diskNormal);

        // Ray-plane intersection for plane (diskCenter, diskN), with ray origin at (0,0,0).
        float denom = dot(viewDir, diskN);
        bool allowPortal = diskTwoSided ? (abs(denom) > 1e-6) : (denom < -1e-6);

        bool hitsDisk = false;
        float t = 0.0;
        if (allowPortal) {
            t = dot(diskCenter, diskN) / denom;
            if (t > 0.0) {
                vec3 q = t * viewDir - diskCenter;
                hitsDisk = (dot(q, q) <= radius2);
            }
        }

        // Small bias to avoid flicker at the plane.
        float eps = 1e-4 * max(1.0, abs(t));

        if (renderBehind) {
            // Behind-pass: only render through the portal disk, and only behind the plane along the ray.
            if (!hitsDisk) discard;
            if (rayT <= t + eps) discard;
        } else {
            // Front-pass: render everything, except when the ray goes through the disk, discard what's behind the plane.
            if (hitsDisk && (rayT >= t - eps)) discard;
        }
    }

    vec4 rgba = vRgba;

    float z2 = dot(vSplatUv, vSplatUv);
    if (z2 > (adjustedStdDev * adjustedStdDev)) {
        discard;
    }

    float a = rgba.a;
    float shifted = sqrt(z2) - max(0.0, a - 1.0);
    float exponent = -0.5 * max(1.0, a) * sqr(max(0.0, shifted));
    rgba.a = min(1.0, a) * exp(exponent);

    if (rgba.a < minAlpha) {
        discard;
    }
    if (encodeLinear) {
        rgba.rgb = srgbToLinear(rgba.rgb);
    }

    #ifdef PREMULTIPLIED_ALPHA
        fragColor = vec4(rgba.rgb * rgba.a, rgba.a);
    #else
        fragColor = rgba;
    #endif
}
`
);
class It {
  constructor(A) {
    this.portalPairs = [], this.lastCameraWorld = new s.Vector3().setScalar(Number.NaN), this.prefetchActive = !1, this.scratch = {
      quat: new s.Quaternion(),
      scale: new s.Vector3(),
      center0: new s.Vector3(),
      center1: new s.Vector3(),
      normal0: new s.Vector3(),
      normal1: new s.Vector3(),
      centerT: new s.Vector3(),
      normalT: new s.Vector3(),
      prevCameraWorld: new s.Vector3(),
      currCameraWorld: new s.Vector3(),
      hit: new s.Vector3(),
      offset: new s.Vector3(),
      camWorld: new s.Matrix4(),
      newCamWorld: new s.Matrix4(),
      invCamLocal: new s.Matrix4(),
      newLocalFrame: new s.Matrix4(),
      cameraWorldPos: new s.Vector3(),
      viewDir: new s.Vector3(),
      portalCenter: new s.Vector3(),
      toPortal: new s.Vector3()
    }, this.renderer = A.renderer, this.scene = A.scene, this.camera = A.camera, this.localFrame = A.localFrame, this.defaultPortalRadius = A.defaultPortalRadius ?? 1, this.portalCrossEps = A.portalCrossEps ?? 1e-6;
    const I = A.sparkOptions ?? {};
    this.portalRenderer = new dg({
      renderer: this.renderer,
      extraUniforms: {
        diskCenter: { value: new s.Vector3() },
        diskNormal: { value: new s.Vector3() },
        diskRadius: { value: 0 },
        diskTwoSided: { value: !1 }
      },
      fragmentShader: Yy,
      ...I
    }), this.scene.add(this.portalRenderer), this.behindRenderer = new dg({
      renderer: this.renderer,
      enableDriveLod: !1,
      ...I
    }), this.camera2 = this.camera.clone(), this.scene.add(this.camera2);
  }
  /**
   * Add a new portal pair to the system.
   * @param options Optional configuration for this pair
   * @returns The created PortalPair - position the entryPortal and exitPortal as needed
   */
  addPortalPair(A) {
    const I = {
      entryPortal: new s.Object3D(),
      exitPortal: new s.Object3D(),
      radius: (A == null ? void 0 : A.radius) ?? this.defaultPortalRadius,
      onCross: A == null ? void 0 : A.onCross,
      _entryBefore: new s.Matrix4(),
      _exitBefore: new s.Matrix4()
    };
    return this.scene.add(I.entryPortal), this.scene.add(I.exitPortal), this.portalPairs.push(I), I;
  }
  /**
   * Remove a portal pair from the system.
   */
  removePortalPair(A) {
    const I = this.portalPairs.indexOf(A);
    I !== -1 && (this.scene.remove(A.entryPortal), this.scene.remove(A.exitPortal), this.portalPairs.splice(I, 1));
  }
  /**
   * Get transform from entry portal to exit portal.
   */
  getEntryToExitTransform(A) {
    return A.entryPortal.matrixWorld.clone().invert().premultiply(A.exitPortal.matrixWorld);
  }
  /**
   * Get transform from exit portal to entry portal.
   */
  getExitToEntryTransform(A) {
    return A.exitPortal.matrixWorld.clone().invert().premultiply(A.entryPortal.matrixWorld);
  }
  /** Set portal disk uniforms for shader clipping */
  setPortalDiskUniforms(A, I, g, B) {
    A.updateMatrixWorld(!0), I.updateMatrixWorld(!0);
    const C = A.matrixWorld.clone().invert(), E = I.matrixWorld.clone().premultiply(C), D = new s.Quaternion(), o = this.portalRenderer.uniforms;
    E.decompose(
      o.diskCenter.value,
      D,
      new s.Vector3()
    ), o.diskNormal.value.set(0, 0, 1).applyQuaternion(D), o.diskRadius.value = g, o.diskTwoSided.value = B;
  }
  /** Extract portal plane from matrix */
  getPortalPlane(A, I, g) {
    A.decompose(I, this.scratch.quat, this.scratch.scale), g.set(0, 0, 1).applyQuaternion(this.scratch.quat).normalize();
  }
  /**
   * Detect if the user path crosses over a portal. If so, return the parametric position (0,1)
   * along the segment where the crossing occurs. If not, return null.
   */
  getSegmentDiskCrossing(A, I, g, B, C) {
    this.getPortalPlane(
      g,
      this.scratch.center0,
      this.scratch.normal0
    ), this.getPortalPlane(
      B,
      this.scratch.center1,
      this.scratch.normal1
    );
    const E = this.scratch.offset.copy(A).sub(this.scratch.center0).dot(this.scratch.normal0), D = this.scratch.offset.copy(I).sub(this.scratch.center1).dot(this.scratch.normal1);
    if (E > this.portalCrossEps && D > this.portalCrossEps || E < -this.portalCrossEps && D < -this.portalCrossEps)
      return null;
    const o = E - D;
    if (Math.abs(o) < this.portalCrossEps) return null;
    const i = E / o;
    return i < 0 || i > 1 || (this.scratch.hit.lerpVectors(A, I, i), this.scratch.centerT.copy(this.scratch.center0).lerp(this.scratch.center1, i), this.scratch.normalT.copy(this.scratch.normal0).lerp(this.scratch.normal1, i).normalize(), this.scratch.offset.copy(this.scratch.hit).sub(this.scratch.centerT), this.scratch.offset.addScaledVector(
      this.scratch.normalT,
      -this.scratch.offset.dot(this.scratch.normalT)
    ), this.scratch.offset.lengthSq() > C * C) ? null : i;
  }
  /** Teleport camera through portal */
  teleport(A) {
    this.scratch.camWorld.copy(this.camera.matrixWorld), this.scratch.newCamWorld.copy(this.scratch.camWorld).premultiply(A), this.scratch.invCamLocal.copy(this.camera.matrix).invert(), this.scratch.newLocalFrame.copy(this.scratch.newCamWorld).multiply(this.scratch.invCamLocal), this.scratch.newLocalFrame.decompose(
      this.localFrame.position,
      this.localFrame.quaternion,
      this.localFrame.scale
    ), this.localFrame.updateMatrixWorld(!0), this.camera.updateMatrixWorld(!0);
  }
  /**
   * Check for portal crossing and teleport if needed.
   * Checks all portal pairs and takes the earliest crossing.
   * Call this after updating controls but before render().
   */
  updateTeleportation() {
    if (this.portalPairs.length === 0) return;
    if (this.camera.getWorldPosition(this.scratch.currCameraWorld), !Number.isFinite(this.lastCameraWorld.x)) {
      this.lastCameraWorld.copy(this.scratch.currCameraWorld);
      return;
    }
    this.scratch.prevCameraWorld.copy(this.lastCameraWorld);
    let A = null, I = null, g = !0;
    for (const B of this.portalPairs) {
      B.entryPortal.updateMatrixWorld(!0), B.exitPortal.updateMatrixWorld(!0), B._entryBefore.copy(B.entryPortal.matrixWorld), B._exitBefore.copy(B.exitPortal.matrixWorld);
      const C = this.getSegmentDiskCrossing(
        this.scratch.prevCameraWorld,
        this.scratch.currCameraWorld,
        B._entryBefore,
        B.entryPortal.matrixWorld,
        B.radius
      );
      C !== null && (A === null || C < A) && (A = C, I = B, g = !0);
      const E = this.getSegmentDiskCrossing(
        this.scratch.prevCameraWorld,
        this.scratch.currCameraWorld,
        B._exitBefore,
        B.exitPortal.matrixWorld,
        B.radius
      );
      E !== null && (A === null || E < A) && (A = E, I = B, g = !1);
    }
    if (I === null) {
      this.lastCameraWorld.copy(this.scratch.currCameraWorld);
      return;
    }
    g ? this.teleport(this.getEntryToExitTransform(I)) : this.teleport(this.getExitToEntryTransform(I)), this.camera.getWorldPosition(this.lastCameraWorld), I.onCross && Promise.resolve(I.onCross(I, g)).catch(
      (B) => {
        console.error("Error in portal onCross callback:", B);
      }
    );
  }
  /**
   * Find the most relevant portal for rendering (closest to camera view direction).
   * Returns the portal pair and which portal (entry or exit) is primary.
   */
  findPrimaryPortal() {
    if (this.portalPairs.length === 0) return null;
    this.camera.getWorldPosition(this.scratch.cameraWorldPos), this.camera.getWorldDirection(this.scratch.viewDir);
    let A = Number.NEGATIVE_INFINITY, I = null, g = !0;
    for (const B of this.portalPairs) {
      B.entryPortal.getWorldPosition(this.scratch.portalCenter), this.scratch.toPortal.copy(this.scratch.portalCenter).sub(this.scratch.cameraWorldPos);
      const C = this.scratch.toPortal.length(), E = this.scratch.toPortal.normalize().dot(this.scratch.viewDir) / C;
      E > A && (A = E, I = B, g = !0), B.exitPortal.getWorldPosition(this.scratch.portalCenter), this.scratch.toPortal.copy(this.scratch.portalCenter).sub(this.scratch.cameraWorldPos);
      const D = this.scratch.toPortal.length(), o = this.scratch.toPortal.normalize().dot(this.scratch.viewDir) / D;
      o > A && (A = o, I = B, g = !1);
    }
    return I ? {
      pair: I,
      primaryIsEntry: g,
      primaryPortal: g ? I.entryPortal : I.exitPortal,
      otherPortal: g ? I.exitPortal : I.entryPortal
    } : null;
  }
  /**
   * Render the scene with portals using two-pass rendering.
   * Renders the most relevant portal pair (closest to camera view).
   * Call this instead of renderer.render() in your animation loop.
   */
  render() {
    const A = this.findPrimaryPortal();
    if (!A) {
      this.prefetchActive && (this.prefetchActive = !1), this.renderer.autoClear = !0, this.renderer.render(this.scene, this.camera);
      return;
    }
    this.prefetchActive || (this.prefetchActive = !0);
    const { pair: I, primaryIsEntry: g, primaryPortal: B, otherPortal: C } = A;
    (g ? this.camera.matrixWorld.clone().premultiply(this.getEntryToExitTransform(I)) : this.camera.matrixWorld.clone().premultiply(this.getExitToEntryTransform(I))).decompose(
      this.camera2.position,
      this.camera2.quaternion,
      this.camera2.scale
    ), this.camera2.updateMatrixWorld(!0), this.shareLodInstances(), this.setPortalDiskUniforms(this.camera2, C, I.radius, !0), this.renderer.autoClear = !0, this.behindRenderer.render(this.scene, this.camera2), this.setPortalDiskUniforms(this.camera, B, -I.radius, !0), this.renderer.autoClear = !1, this.portalRenderer.render(this.scene, this.camera);
  }
  /**
   * Share lodInstances from portalRenderer to behindRenderer.
   * Uses previous frame's values to ensure both passes render consistent splats.
   */
  shareLodInstances() {
    this.behindRenderer.lodInstances.clear();
    for (const [A, I] of this.portalRenderer.lodInstances)
      this.behindRenderer.lodInstances.set(A, I);
  }
  /**
   * Convenience hook for animation loop.
   * Calls updateTeleportation() then render().
   */
  animateLoopHook() {
    this.updateTeleportation(), this.render();
  }
  /** Update camera2 aspect ratio on window resize */
  updateAspect(A) {
    this.camera2.aspect = A, this.camera2.updateProjectionMatrix();
  }
  /** Dispose of resources */
  dispose() {
    this.scene.remove(this.portalRenderer), this.scene.remove(this.camera2);
    for (const A of this.portalPairs)
      this.scene.remove(A.entryPortal), this.scene.remove(A.exitPortal);
    this.portalPairs = [], this.portalRenderer.dispose(), this.behindRenderer.dispose();
  }
}
export {
  qh as DEFAULT_CONTROLLER_FAST_MULTIPLIER,
  fh as DEFAULT_CONTROLLER_GETFAST,
  xh as DEFAULT_CONTROLLER_GETMOVE,
  ph as DEFAULT_CONTROLLER_GETROTATE,
  uh as DEFAULT_CONTROLLER_GETSLOW,
  vy as DEFAULT_CONTROLLER_MOVE_HEADING,
  rh as DEFAULT_CONTROLLER_MOVE_SPEED,
  dh as DEFAULT_CONTROLLER_ROLL_SPEED,
  GB as DEFAULT_CONTROLLER_ROTATE_SPEED,
  lh as DEFAULT_CONTROLLER_SLOW_MULTIPLIER,
  Yy as DISK_PORTAL_FRAGMENT_SHADER,
  gI as ExtSplats,
  zy as FINGER_TIPS,
  Ly as FpsMovement,
  JQ as HANDS,
  oo as Hand,
  $y as HandMovement,
  io as JOINT_IDS,
  Wy as JOINT_INDEX,
  Sg as JOINT_RADIUS,
  Dy as JOINT_SEGMENTS,
  iy as JOINT_SEGMENT_STEPS,
  jy as JOINT_TIPS,
  jQ as JointEnum,
  Qy as JointSplats,
  HA as LN_SCALE_MAX,
  LA as LN_SCALE_MIN,
  Vy as NUM_JOINTS,
  EI as PackedSplats,
  rg as PagedSplats,
  Hy as PointerControls,
  Qg as Readback,
  iB as RgbaArray,
  zw as Sint8ToFloat,
  At as SparkControls,
  It as SparkPortals,
  dg as SparkRenderer,
  yB as SparkXr,
  cI as SplatAccumulator,
  Kg as SplatEdit,
  UG as SplatEditRgbaBlendMode,
  LG as SplatEditSdf,
  JG as SplatEditSdfType,
  HG as SplatEdits,
  KA as SplatFileType,
  Bg as SplatGenerator,
  Io as SplatLoader,
  TA as SplatMesh,
  ly as SplatModifier,
  sI as SplatPager,
  aB as SplatSkinning,
  Rh as SplatSkinningMode,
  rI as SplatTransformer,
  jw as Uint8ToFloat,
  lg as XrHand,
  _y as XrHands,
  Py as constructAxes,
  uy as constructGrid,
  by as constructSpherePoints,
  ry as defines,
  qy as dyno,
  hs as flipPixels,
  cg as floatToSint8,
  xA as floatToUint8,
  XA as fromHalf,
  Oy as generators,
  go as getSplatFileType,
  my as imageSplats,
  uQ as isAndroid,
  $I as isIos,
  Yg as isMobile,
  PQ as isOculus,
  Gs as isQuest2,
  AE as isVisionPro,
  Xy as lerpHandsSnapshots,
  Zy as modifiers,
  ys as pixelsToPngUrl,
  xy as readRgbaArray,
  hQ as setPackedSplat,
  Ty as textSplats,
  nA as toHalf,
  py as transcodeSpz,
  Hg as unpackSplat,
  dy as utils,
  fy as writeSpz
};
