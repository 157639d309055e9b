// How far splats are widened in the picture. Pure.

export const LOWPASS_PX2 = 0.3; // as the fits have it, ours and others'
const FOCAL_PX = 1000; // of the photographs that others are fitted to

/**
 * The low-pass of a picture: that of the fit, in pixels of the fit where those are larger, never less, against flicker.
 * @param {number} fovY radians, vertical
 * @param {number} height pixels
 * @returns {number} square pixels
 */
export const lowpassIn = (fovY, height) => LOWPASS_PX2 * Math.max(1, height / 2 / Math.tan(fovY / 2) / FOCAL_PX) ** 2;
