// A page that is nothing but a world: world.html?filename=world.spz&type=output&subfolder=&pose=x,y,z,yaw,pitch
//
// The file lies in one of the host's own folders and comes through its /view route, which refuses all others.
// `pose` (world units and degrees) and `metric=1` (show metres) are optional.

import { poseFromText } from "./pose.mjs";
import { fileFromQuery, queryOf } from "./source.mjs";
import { WalkViewer } from "./viewer.mjs";

const query = new URLSearchParams(location.search);
const viewer = new WalkViewer({ isPage: true });
document.body.append(viewer.element);

const file = fileFromQuery(query);
if (file) {
  document.title = file.filename;
  const address = new URL(`../../../view?${queryOf(file)}`, location.href).href; // we lie in /extensions/PACK/viewer/
  viewer.show(file, address, poseFromText(query.get("pose")));
  viewer.element.focus();
} else {
  viewer.fail("Name a world in the address: world.html?filename=world.spz&type=output (type: output, input or temp).");
}
