// The low-pass of this pack's fits, as part of the splats.
//
// Splats are fitted to images in which each splat is widened by a low-pass. At a higher resolution that low-pass is smaller,
// so the splats of a world have gaps there, and the background shows through in a pattern of tiles. Widening them in screen
// space is right only at the training cameras: nearer, or where a slanted surface is viewed frontally, the gaps are larger.
// So the splats are widened in world space. They are flat: each grows within its plane until, from the center of the
// panorama, it covers what it covered in the fit.
//
// Source: Z. Yu et al., Mip-Splatting, 2024 (the 3D smoothing filter, here flat, with the low-pass of the fit).

import { dyno } from "../vendor/spark.mjs";
import { LOWPASS_PX2 } from "./lowpass.mjs";

const FOCAL_PX = 222; // of the training images: crops of 256 pixels with a field of view of 60 degrees
const MOST_OF_SIZE = 0.7; // of a splat's own size: dense worlds are fitted to finer images, extended ones from several positions
const LEAST_FACING = 1 / 8; // cosine; splats at grazing angles grow in thickness instead

/**
 * In the plane of a splat whose normal makes the cosine c with the ray from the origin, the low-pass L becomes
 * L^2 (1 + p p^T / c^2), p being the ray's direction in that plane: projected to the origin that is L^2 again.
 * @returns {any} for `SplatMesh.objectModifier`; the splats' origin is the center of their panorama
 */
export const widening = () =>
  dyno.dynoBlock({ gsplat: dyno.Gsplat }, { gsplat: dyno.Gsplat }, ({ gsplat }) => {
    const widened = new dyno.Dyno({
      inTypes: { gsplat: dyno.Gsplat },
      outTypes: { gsplat: dyno.Gsplat },
      inputs: { gsplat },
      globals: () => [dyno.defineGsplat],
      statements: (/** @type {any} */ { inputs, outputs }) => statements(inputs.gsplat, outputs.gsplat).split("\n"),
    });
    return { gsplat: widened.outputs.gsplat };
  });

/** @param {string} from @param {string} to names in the shader */
const statements = (from, to) => `
${to} = ${from};
{
  vec3 size = ${from}.scales;
  vec4 turn = ${from}.quaternion;
  int n = size.x <= size.y && size.x <= size.z ? 0 : (size.y <= size.z ? 1 : 2); // the normal
  int a = (n + 1) % 3;
  int b = (n + 2) % 3;
  float reach = length(${from}.center);
  vec3 ray = quatVec(vec4(-turn.xyz, turn.w), ${from}.center / max(reach, 1e-9)); // along the splat's axes
  float lowpass = min(${(Math.sqrt(LOWPASS_PX2) / FOCAL_PX).toFixed(7)} * reach, ${MOST_OF_SIZE.toFixed(3)} * min(size[a], size[b]));
  float square = lowpass * lowpass;
  float slant = 1.0 / max(ray[n] * ray[n], ${(LEAST_FACING ** 2).toFixed(7)});
  float aa = size[a] * size[a] + square * (1.0 + slant * ray[a] * ray[a]);
  float bb = size[b] * size[b] + square * (1.0 + slant * ray[b] * ray[b]);
  float ab = square * slant * ray[a] * ray[b];
  float mean = 0.5 * (aa + bb);
  float apart = length(vec2(0.5 * (aa - bb), ab)); // difference of the variances along the new axes from their mean
  float angle = apart > 0.0 ? 0.5 * atan(ab, 0.5 * (aa - bb)) : 0.0; // of the new axes
  vec4 more = vec4(0.0, 0.0, 0.0, cos(0.5 * angle));
  more[n] = sin(0.5 * angle);
  ${to}.scales[a] = sqrt(mean + apart);
  ${to}.scales[b] = sqrt(max(mean - apart, 0.0));
  ${to}.scales[n] = sqrt(size[n] * size[n] + square * (1.0 - slant * ray[n] * ray[n]));
  ${to}.quaternion = quatQuat(turn, more);
}`;
