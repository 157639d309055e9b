// How much of the source panorama is seen over the splats. Pure.

const [WHOLE, NONE] = [0.01, 0.05]; // of the distance of what is around: so far away it still fits; there it does not

/**
 * How much of a panorama may be seen from near where it was taken: elsewhere everything lies in other directions.
 * @param {number} away from there, world units
 * @param {number} median distance of the splats
 * @returns {number} 1: it fits; 0: it does not
 */
export const fitOfPanorama = (away, median) => Math.min(1, Math.max(0, (NONE - away / median) / (NONE - WHOLE)));
