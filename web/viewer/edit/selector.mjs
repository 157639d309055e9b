// Asks the server which splats are selected, and shows them. While one answer is on its way only the latest question waits.

import { highlighted, ownColors } from "./highlight.mjs";

export class Selector {
  /**
   * @param {import("../viewer.mjs").WalkViewer} viewer
   * @param {(operations: string) => Promise<Uint8Array | null>} ask one byte per splat; null: not before a run
   * @param {(count: number | null, error: string) => void} onShown
   */
  constructor(viewer, ask, onShown) {
    this.viewer = viewer;
    this.ask = ask;
    this.onShown = onShown;
    /** @type {string | null} */
    this.waiting = null;
    this.isAsking = false;
    /** @type {Uint8Array | null} of each splat, 1: selected */
    this.selected = null;
    this.isShown = true;
    /** @type {{ mesh: unknown, rgba: Uint8Array } | null} */
    this.own = null;
  }

  /** @param {string} operations as text */
  async refresh(operations) {
    this.waiting = operations;
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      while (this.waiting !== null) {
        const question = this.waiting;
        this.waiting = null;
        this.selected = await this.ask(question);
        this.paint();
      }
    } catch (error) {
      this.selected = null;
      this.paint();
      this.onShown(null, error instanceof Error ? error.message : String(error));
    } finally {
      this.isAsking = false;
    }
  }

  /** Show what is selected in the world as it is loaded now. */
  paint() {
    const world = this.viewer.scene?.world;
    const splats = world?.mesh?.packedSplats;
    if (!world || !splats) return;
    const { selected } = this;
    if (!selected || selected.length !== splats.numSplats || !selected.includes(1)) {
      world.recolor(null);
      this.onShown(selected ? 0 : null, "");
      this.viewer.requestFrame();
      return;
    }
    if (this.own?.mesh !== world.mesh) {
      const rgba = ownColors(splats.numSplats, (paint) =>
        splats.forEachSplat((index, _center, _scales, _turn, opacity, color) => paint(index, color, opacity)),
      );
      this.own = { mesh: world.mesh, rgba };
    }
    const { rgba, count } = highlighted(/** @type {{ rgba: Uint8Array }} */ (this.own).rgba, selected);
    world.recolor(rgba);
    this.onShown(count, "");
    this.viewer.requestFrame();
  }
}
