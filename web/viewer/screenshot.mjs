// Screenshots of a chosen size. Pure except for saving.

/** Width and height of the selectable sizes, besides the view's own size. */
export const SCREENSHOT_SIZES = [[1280, 720], [1920, 1080], [2560, 1440], [3840, 2160]];
const MOST_PIXELS = 4096; // along a side; 4K fits

/**
 * @param {string} text such as "3840x2160"; anything else means the view's own size
 * @returns {[number, number] | null}
 */
export function sizeOfText(text) {
  const [width, height] = (text.match(/^(\d+)x(\d+)$/) ?? []).slice(1).map(Number);
  const isSize = width >= 16 && height >= 16 && Math.max(width, height) <= MOST_PIXELS;
  return isSize ? [width, height] : null;
}

/**
 * @param {string | undefined} filename of the world
 * @param {Date} now
 */
export function screenshotName(filename, now) {
  const stem = (filename ?? "world").replace(/\.\w+$/, "").replace(/_$/, "");
  return `${stem}_${now.toISOString().slice(0, 19).replace(/[-:T]/g, "")}.png`;
}

/** @param {Blob} blob @param {string} name */
export function saveBlob(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
