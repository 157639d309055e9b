// The templates in the template browser: the host's front end lists them by file name, in the order of the disk. Here they
// get an order, a title and a description; in front ends with another structure this does nothing.

import { tr } from "./i18n/translate.mjs";

/** @type {Record<string, () => [string, string]>} file name -> title and description, in the order to show them in */
export const TEMPLATES = {
  panorama_to_world: () => [tr("Panorama to world"), tr("Turns the sample panorama into a walkable world. No model, no GPU.")],
  extend_world: () => [tr("Extend a world"), tr("Continues from any place in a world. No model.")],
  instant_world: () => [tr("Instant world"), tr("Splits a panorama into layers and turns them into splats in seconds.")],
  living_world: () => [tr("Living world"), tr("Clouds drift, a fountain falls: an exact loop in the viewer and as a video.")],
  add_object: () => [tr("Add an object"), tr("Puts a GLB into a world: on the ground, lit by the panorama, with a shadow.")],
  remove_object: () => [tr("Remove an object"), tr("Selects an object in the view, erases it and fills what it hid.")],
  relight_world: () => [tr("Relight a world"), tr("Another hour, night or fog; shadows of the world's own surfaces; HDRI export.")],
  restyle_world: () => [tr("Restyle a world"), tr("Another look on the same shapes: palettes, cartoon, ink, evening, night.")],
  edit_world: () => [tr("Edit a world"), tr("FLUX.1 Fill paints a place of a world; only its splats change.")],
  photo_to_world: () => [tr("Photo to world"), tr("Turns one photo into a walkable world: DINOv2-small, no generative model.")],
  moge_panorama_to_world: () => [tr("Panorama to world, with MoGe"), tr("Depth from a MoGe model instead of a depth file.")],
  text_to_panorama: () => [tr("Text to panorama"), tr("Panorama from a prompt: FLUX.1 dev and a LoRA.")],
  photo_to_panorama: () => [tr("Photo to panorama"), tr("Outpaints a photo to a panorama: FLUX.1 Fill and a LoRA.")],
  panorama_to_video: () => [tr("Panorama to video"), tr("Panoramic video along a camera path: Wan 2.1 and a LoRA.")],
  panorama_video_to_world: () => [tr("Panorama to world, via video"), tr("Wan 2.1 inpaints occluded regions; splats are fitted.")],
  panorama_lrm_to_world: () => [tr("Panorama to world, feed-forward"), tr("Wan 2.1 and Matrix-3D's reconstruction model (LRM).")],
  text_to_world: () => [tr("Text to world"), tr("From a prompt to a walkable world: FLUX, MoGe and Wan.")],
  mini_text_to_world: () => [tr("Text to world, small models"), tr("The same on any machine: the models come with the pack.")],
};

/**
 * Sort this pack's templates whenever the list is fetched.
 * @param {any} api
 * @param {string} pack the name of this pack's folder
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

/** Write titles and descriptions onto the cards of this pack's templates, whenever the dialog is open. */
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
  for (const [name, texts] of Object.entries(TEMPLATES)) {
    const [title, sentence] = texts();
    const card = dialog.querySelector(`[data-testid="template-workflow-${name}"]`);
    write(card?.querySelector("h3"), name, title);
    write(card?.querySelector("p"), name.replaceAll("_", " "), sentence);
  }
}

/**
 * @param {Element | null | undefined} place
 * @param {string} shown what the front end wrote
 * @param {string} text
 */
function write(place, shown, text) {
  if (place?.textContent?.trim() !== shown) return;
  place.textContent = text;
  place.setAttribute("title", text);
}
