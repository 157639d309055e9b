// How far splats are widened in the picture. Pure.
//
// Splats are fitted to pictures, in which each is widened by a low-pass of 0.3 square pixels. In a larger picture those
// pixels are larger: without more low-pass the splats of a world shrink apart there, and a pattern of tiles shows.

export const LOWPASS_PX2 = 0.3; // as the fits have it, ours and others'
const FITTED_FOCAL_PX = { ours: 160, others: 1000 }; // of the pictures they are fitted to: crops of 256 pixels, photographs
const MOST_OF_SPACING = 0.45; // dense worlds are fitted to finer pictures: no more than this part of the way between splats

/**
 * Standard deviation of the low-pass in the pictures that splats were fitted to.
 * @param {boolean} isOurs fitted to panoramas by this pack
 * @param {number} count of splats; those of a panorama lie all around the eye
 * @returns {number} radians
 */
export function fittedLowpass(isOurs, count) {
  const radians = Math.sqrt(LOWPASS_PX2) / (isOurs ? FITTED_FOCAL_PX.ours : FITTED_FOCAL_PX.others);
  const spacing = Math.sqrt((4 * Math.PI) / Math.max(count, 1));
  return isOurs ? Math.min(radians, MOST_OF_SPACING * spacing) : radians;
}

/**
 * The same low-pass in a picture of another size, but never less than that of the fit, against flicker.
 * @param {number} radians
 * @param {number} fovY radians, vertical
 * @param {number} height pixels
 * @returns {number} square pixels
 */
export const lowpassIn = (radians, fovY, height) => Math.max(LOWPASS_PX2, (radians * (height / 2 / Math.tan(fovY / 2))) ** 2);
