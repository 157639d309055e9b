// Light or dark theme, following the page around.

/**
 * @param {string} color as getComputedStyle or a style sheet gives it: #rgb, #rrggbb or rgb(...)
 * @returns {number | null} brightness from 0 to 1
 */
export function brightnessOf(color) {
  const text = color.trim();
  const short = text.match(/^#([0-9a-f]{3,8})$/i)?.[1];
  let parts = /** @type {number[]} */ ([]);
  if (short && (short.length === 3 || short.length === 4)) parts = [...short.slice(0, 3)].map((c) => parseInt(c + c, 16));
  else if (short && short.length >= 6) parts = [0, 2, 4].map((i) => parseInt(short.slice(i, i + 2), 16));
  else if (text.startsWith("rgb")) parts = (text.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
  if (parts.length !== 3 || !parts.every(Number.isFinite)) return null;
  return (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) / 255;
}

/** Whether the page is light: by the editor's palette, otherwise by the system's preference. */
export function isPageLight() {
  const palette = getComputedStyle(document.body).getPropertyValue("--comfy-menu-bg");
  const brightness = brightnessOf(palette);
  if (brightness !== null) return brightness > 0.5;
  return window.matchMedia?.("(prefers-color-scheme: light)").matches ?? false;
}

/**
 * @param {() => void} listener called when the page may have changed its colors
 * @returns {() => void} stops watching
 */
export function onThemeChanged(listener) {
  const watching = new MutationObserver(listener);
  for (const element of [document.documentElement, document.body]) {
    watching.observe(element, { attributes: true, attributeFilter: ["class", "style", "data-theme"] });
  }
  const query = window.matchMedia?.("(prefers-color-scheme: light)");
  query?.addEventListener("change", listener);
  return () => {
    watching.disconnect();
    query?.removeEventListener("change", listener);
  };
}
