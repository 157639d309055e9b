// The world of a self-contained page (written by matrix3d_core/io/html_world.py): no host, no network.

import { language } from "../i18n/translate.mjs";
import { WalkViewer } from "./viewer.mjs";

/**
 * @param {import("./source.mjs").SplatFile} file
 * @param {Blob} bytes
 * @param {Blob | null} [motions] of the splats, see motion_file.mjs
 */
export function openWorld(file, bytes, motions = null) {
  document.documentElement.lang = language();
  const viewer = new WalkViewer({ isPage: true });
  document.body.append(viewer.element);
  if (motions) file.motions_address = URL.createObjectURL(motions);
  viewer.show(file, URL.createObjectURL(bytes));
  viewer.element.focus();
}
