// Opacity of the source panorama over the splats. Pure.

const [WHOLE, NONE] = [0.01, 0.05]; // of the median distance of the splats: up to the first the panorama matches, from the second on it does not

/**
 * How well a panorama matches the splats near its center; farther away parallax misaligns them.
 * @param {number} away distance from its center, world units
 * @param {number} median distance of the splats
 * @returns {number} 1: it matches; 0: it does not
 */
export const fitOfPanorama = (away, median) => Math.min(1, Math.max(0, (NONE - away / median) / (NONE - WHOLE)));
