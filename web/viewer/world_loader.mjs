// Loads a world: its splats into a scene, and its walls, provenance and panorama.

import { tr } from "../i18n/translate.mjs";
import { fetchBytes, keepsOrigins } from "./fetching.mjs";
import { hasWorldInfo } from "./outside.mjs";
import { readMotions } from "./motion_file.mjs";
import { readOrigins } from "./provenance.mjs";
import { readPart } from "./source.mjs";
import { readWalls } from "./walls.mjs";

/** @typedef {import("./source.mjs").SplatFile} SplatFile */
/** @typedef {import("./splat_scene.mjs").SplatScene} SplatScene */
/** @typedef {import("./overlay.mjs").Overlay} Overlay */
/** @typedef {{ file: SplatFile, address: string }} Source a world and where its bytes are */

/**
 * The loaded world; its splats and panorama are in the scene.
 * @typedef {object} Loaded
 * @property {number} count of splats
 * @property {boolean} isWorld a world with a known start pose
 * @property {import("./walls.mjs").Walls | null} walls
 * @property {Uint8Array | null} origins origin of each splat
 * @property {number} loop seconds of its motion, 0 for none
 */

export class WorldLoader {
  /** @param {Overlay} overlay shows the progress @param {() => Promise<SplatScene>} openScene gives the scene to load into */
  constructor(overlay, openScene) {
    this.overlay = overlay;
    this.openScene = openScene;
    this.loading = new AbortController();
  }

  /** Cancel the loading. */
  abort() {
    this.loading.abort();
  }

  /**
   * Load a world; cancels the one being loaded.
   * @param {Source} source
   * @param {Source | null} other shown to the right of the compare slider
   * @returns {Promise<Loaded | null>} null: canceled
   * @throws {Error} when it cannot be shown
   */
  async load(source, other) {
    this.abort();
    const { signal } = (this.loading = new AbortController());
    this.overlay.notify(""); // clear the note of the previous world
    this.overlay.showMessage(tr("Opening world"), { kind: "busy", detail: source.file.filename });
    try {
      const { scene, count, isWorld } = await this.open(source, null, signal);
      signal.throwIfAborted();
      const parts = await this.openParts(source, scene, signal);
      signal.throwIfAborted();
      if (other) await this.open(other, { isWorld }, signal);
      signal.throwIfAborted();
      if (!other) scene.dropOther();
      return { count, isWorld, ...parts };
    } catch (error) {
      if (signal.aborted) return null;
      throw error;
    }
  }

  /**
   * @param {Source} source
   * @param {{ isWorld: boolean } | null} first the world that it is compared with
   * @param {AbortSignal} signal
   */
  async open({ file, address }, first, signal) {
    const bytes = await fetchBytes(file, address, signal, (detail, fraction) =>
      this.overlay.showMessage(tr("Loading world"), { kind: "busy", detail, fraction }),
    );
    const isWorld = first?.isWorld ?? (hasWorldInfo(file) || keepsOrigins(bytes));
    const scene = await this.openScene();
    this.overlay.showMessage(tr("Decoding splats"), { kind: "busy", detail: file.filename });
    const count = await scene.load(bytes, file.filename, file.axes ?? "RDF", first !== null, isWorld).catch((error) => {
      throw new Error(tr("Could not display {name}: {why}", { name: file.filename, why: error?.message ?? error }));
    });
    return { scene, count, isWorld };
  }

  /**
   * Load walls, origins and panorama of a world. A part that cannot be loaded is reported and left out.
   * @param {Source} source the addresses of the parts follow from its own
   * @param {SplatScene} scene
   * @param {AbortSignal} signal
   */
  async openParts({ file, address }, scene, signal) {
    /**
     * @template T
     * @param {unknown} part @param {(why: string) => string} complain @param {(address: string) => Promise<T>} open
     * @returns {Promise<T | null>}
     */
    const read = async (part, complain, open) => {
      const where = typeof part === "string" ? part : readPart(part, address);
      if (!where) return null;
      return open(where).catch((error) => {
        if (!signal.aborted) this.overlay.notify(complain(error.message), "error");
        return null;
      });
    };
    const bytesOf = async (/** @type {string} */ where) => {
      const response = await fetch(where, { signal });
      const { ok, status } = response;
      if (!ok) throw new Error(status === 404 ? tr("its file no longer exists, run the workflow again") : tr("HTTP status {status}", { status }));
      return new Uint8Array(await response.arrayBuffer());
    };
    const imageOf = async (/** @type {string} */ where) => {
      const image = new Image();
      image.src = where;
      await image.decode().catch(() => Promise.reject(new Error(tr("its file is missing or damaged"))));
      return image;
    };
    scene.setPanorama(null);
    const [walls, origins, motions, panorama] = await Promise.all([
      read(file.walls, (why) => tr("Could not load the walls: {why}.", { why }), async (where) => readWalls(await bytesOf(where))),
      read(
        file.origins,
        (why) => tr("Could not load the provenance of the splats: {why}.", { why }),
        async (where) => readOrigins(await bytesOf(where)),
      ),
      read(
        file.motions_address ?? file.motions,
        (why) => tr("Could not load the motion of the splats: {why}.", { why }),
        async (where) => {
          const found = await readMotions(await bytesOf(where));
          if (!signal.aborted) scene.world.setMotion(found);
          return found;
        },
      ),
      read(file.panorama, (why) => tr("Could not load the panorama: {why}.", { why }), imageOf),
    ]);
    if (!signal.aborted) scene.setPanorama(panorama, file.panorama_pose ?? null);
    return { walls, origins, loop: motions?.loop ?? 0 };
  }
}
