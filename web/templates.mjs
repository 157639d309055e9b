// The templates as the browser of templates lists them: the host's own front end knows their file names alone, in the
// order of the disk. Here they get an order, a title and a sentence; where that front end looks otherwise, nothing happens.

import { tr } from "./i18n/translate.mjs";

/** @type {Record<string, () => [string, string]>} file name -> title and description, in the order to show them in */
export const TEMPLATES = {
  panorama_to_world: () => [tr("Panorama to world"), tr("Needs no model and no GPU: the sample becomes a world to walk in.")],
  extend_world: () => [tr("Extend a world"), tr("Needs no model: go on from any place of a world.")],
  moge_panorama_to_world: () => [tr("Panorama to world, with MoGe"), tr("Distances from a MoGe model instead of a depth file.")],
  text_to_panorama: () => [tr("Text to panorama"), tr("A sentence becomes a panorama: FLUX.1 dev and a LoRA.")],
  photo_to_panorama: () => [tr("Photo to panorama"), tr("All that is around a photo: FLUX.1 Fill and a LoRA.")],
  panorama_to_video: () => [tr("Panorama to video"), tr("A panoramic video along a path: Wan 2.1 and a LoRA.")],
  panorama_video_to_world: () => [tr("Panorama to world, through video"), tr("Wan 2.1 films what the panorama hides, splats are fitted.")],
  panorama_lrm_to_world: () => [tr("Panorama to world, in one pass"), tr("Wan 2.1 and the reconstruction model of Matrix-3D.")],
  text_to_world: () => [tr("Text to world"), tr("From a sentence to a world to walk in: FLUX, MoGe and Wan.")],
};

/**
 * Put our templates in order whenever the list is fetched.
 * @param {any} api
 * @param {string} pack the folder that the host knows us by
 */
export function orderTemplates(api, pack) {
  const fetched = api.getWorkflowTemplates;
  if (typeof fetched !== "function") return;
  api.getWorkflowTemplates = async (/** @type {any[]} */ ...given) => {
    const all = await fetched.apply(api, given);
    const names = Object.keys(TEMPLATES);
    const place = (/** @type {string} */ name) => (names.includes(name) ? names.indexOf(name) : names.length);
    if (Array.isArray(all?.[pack])) all[pack].sort((/** @type {string} */ a, /** @type {string} */ b) => place(a) - place(b));
    return all;
  };
}

/** Write titles and sentences onto our templates' cards, whenever such a dialog is open. */
export function nameTemplates() {
  new MutationObserver((changes) => {
    for (const added of changes.flatMap((change) => [...change.addedNodes])) {
      if (!(added instanceof HTMLElement)) continue;
      nameCards(added);
      new MutationObserver(() => nameCards(added)).observe(added, { childList: true, subtree: true });
    }
  }).observe(document.body, { childList: true });
}

/** @param {HTMLElement} dialog */
function nameCards(dialog) {
  for (const [name, words] of Object.entries(TEMPLATES)) {
    const [title, sentence] = words();
    const card = dialog.querySelector(`[data-testid="template-workflow-${name}"]`);
    write(card?.querySelector("h3"), name, title);
    write(card?.querySelector("p"), name.replaceAll("_", " "), sentence);
  }
}

/**
 * @param {Element | null | undefined} place
 * @param {string} shown what the front end wrote
 * @param {string} words
 */
function write(place, shown, words) {
  if (place?.textContent?.trim() !== shown) return;
  place.textContent = words;
  place.setAttribute("title", words);
}
