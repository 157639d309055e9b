// A standalone page with a world: world.html?filename=world.spz&type=output&subfolder=&pose=x,y,z,yaw,pitch
//
// The file is in one of the host's folders and is loaded over its /view route, which refuses all others.
// `pose` (world units and degrees), `metric=1` (show meters) and `sidecar=1` (read world.world.json of world.spz, which
// Save Splats writes: its axes, start and scale) are optional.

import { language, tr } from "../i18n/translate.mjs";
import { poseFromText } from "./pose.mjs";
import { fileFromQuery, queryOf, readSidecar, sidecarOf } from "./source.mjs";
import { WalkViewer } from "./viewer.mjs";

document.documentElement.lang = language();
const query = new URLSearchParams(location.search);
const viewer = new WalkViewer({ isPage: true });
document.body.append(viewer.element);

const file = fileFromQuery(query);
if (file) {
  document.title = file.filename;
  // This module is in /extensions/PACK/viewer/.
  const addressOf = (/** @type {import("./source.mjs").SplatFile} */ f) =>
    new URL(`../../../view?${queryOf(f)}`, location.href).href;
  const described = query.get("sidecar") === "1" ? describe(file, addressOf(sidecarOf(file))) : Promise.resolve(file);
  described.then(
    (whole) => viewer.show(whole, addressOf(file), poseFromText(query.get("pose"))),
    (error) => viewer.fail(tr("{name}: {why}.", { name: file.filename, why: error.message })),
  );
  viewer.element.focus();
} else {
  viewer.fail(tr("Specify a world in the URL: world.html?filename=world.spz&type=output (type: output, input or temp)."));
}

/**
 * @param {import("./source.mjs").SplatFile} file
 * @param {string} address of its sidecar
 */
async function describe(file, address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(tr("could not load its world.json (HTTP status {status})", { status: response.status }));
  return { ...file, ...readSidecar(await response.json()) };
}
