// The screen-space low-pass filter of splats. Pure.

export const LOWPASS_PX2 = 0.3; // as in 3DGS training, this pack's and others'
const FOCAL_PX = 1000; // typical of the photographs that others are fitted to

/**
 * The low-pass for a view: that of training, scaled to the pixels of the training images where those are larger; never less,
 * against aliasing.
 * @param {number} fovY radians, vertical
 * @param {number} height pixels
 * @returns {number} square pixels
 */
export const lowpassIn = (fovY, height) => LOWPASS_PX2 * Math.max(1, height / 2 / Math.tan(fovY / 2) / FOCAL_PX) ** 2;
