// What the host knows of a scene and of a path through it. Of questions of one kind the latest counts.

import { forgetImage } from "../viewer/pano_painter.mjs";
import { writeDrawing } from "./drawing.mjs";

/** @typedef {import("./drawing.mjs").Key} Key */
/** @typedef {import("./drawing.mjs").MapWindow} MapWindow */
/**
 * What the host knows of a path.
 * @typedef {object} Found
 * @property {Key[]} poses
 * @property {number[]} holes share per frame
 * @property {(number | null)[]} clearance per frame
 * @property {number[]} colliding frames
 * @property {number} length
 * @property {string} unit
 * @property {number} holes_mean
 * @property {number} holes_most
 * @property {number | null} clearance_least
 */
/** @typedef {{ token: string, span: number, unit: string, presets: string[], given?: Key[] }} Scene */
/** @typedef {{ json(name: string, question: object): Promise<any>, picture(name: string, question: object): Promise<HTMLImageElement> }} Ask */
/** @typedef {{ frames: number, closed: boolean, ease: boolean, clearance: number }} Options */
/**
 * @typedef {object} Listener
 * @property {() => void} onFound the path was checked, or there is none
 * @property {() => void} onPicture another image has arrived
 * @property {(error: unknown) => void} onError
 */

const CHECK_MS = 90;
const MAP_MS = 180;
export const MAP_PX = 640; // width of the map image
const MOST_FRAMES = 1000;
const CENTER = [0, 0, 0, 0, 0];

export class StudioClient {
  /** @param {Ask} ask @param {Listener} listener */
  constructor(ask, listener) {
    this.ask = ask;
    this.listener = listener;
    /** @type {Scene | null} */
    this.scene = null;
    /** @type {Found | null} */
    this.found = null;
    /** @type {{ image: HTMLImageElement, view: MapWindow } | null} */
    this.mapPicture = null;
    /** @type {HTMLImageElement | null} */
    this.panoramaPicture = null;
    /** @type {HTMLImageElement | null} */
    this.viewPicture = null;
    /** @type {Promise<void>} of the latest check */
    this.settled = Promise.resolve();
    this.isChecking = false;
    this.isDisposed = false;
    this.asked = { check: 0, map: 0, view: 0 }; // numbers of the latest requests
    this.timer = 0; // of the map
  }

  /** @param {string} preset @returns {Promise<Key[] | undefined>} its key poses; undefined after an error */
  async preset(preset) {
    return (await this.tryAsk("preset", { preset })).keys;
  }

  /** @param {string} name @param {object} question @returns {Promise<any>} empty after an error */
  async tryAsk(name, question) {
    try {
      return await this.ask.json(name, { token: this.scene?.token, ...question });
    } catch (error) {
      this.listener.onError(error);
      return {};
    }
  }

  /**
   * Request the path and its collisions, soon.
   * @param {() => { keys: Key[], options: Options }} path called when the request is sent
   */
  check(path) {
    if (!this.scene) return;
    this.asked.check++;
    if (this.isChecking) return;
    this.isChecking = true;
    this.settled = this.checkUntilDone(path);
  }

  /** One request at a time; later changes are requested afterwards. @param {() => { keys: Key[], options: Options }} path */
  async checkUntilDone(path) {
    let number = -1;
    while (number !== this.asked.check && !this.isDisposed) {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
      number = this.asked.check;
      await this.checkNow(number, path());
    }
    this.isChecking = false;
  }

  /** @param {number} number of the question @param {{ keys: Key[], options: Options }} path */
  async checkNow(number, { keys, options }) {
    if (!keys.length) {
      this.found = null;
      return this.listener.onFound();
    }
    const { frames, closed, ease, clearance } = options;
    const path = writeDrawing(keys); // to the digit as the graph gets it
    const found = await this.tryAsk("check", { path, frames: Math.min(MOST_FRAMES, frames), closed, ease, clearance });
    if (number !== this.asked.check || this.isDisposed || !found.poses) return;
    this.found = found;
    this.listener.onFound();
  }

  /** @throws {Error} when the host does not give it */
  async loadPanorama() {
    this.panoramaPicture = await this.ask.picture("panorama", { token: this.scene?.token });
  }

  /** Request the map, soon. @param {() => MapWindow} view called when the request is sent */
  loadMap(view) {
    const number = ++this.asked.map;
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.loadMapNow(number, { ...view() }), MAP_MS);
  }

  /** @param {number} number of the question @param {MapWindow} view */
  async loadMapNow(number, view) {
    if (!this.scene) return;
    const span = view.span * (Math.max(view.width, view.height) / Math.max(1, Math.min(view.width, view.height)));
    try {
      const image = await this.ask.picture("map", { token: this.scene.token, x: view.x, z: view.z, span, size: MAP_PX });
      if (number !== this.asked.map || this.isDisposed) return;
      this.mapPicture = { image, view: { ...view, span, width: MAP_PX, height: MAP_PX } };
      this.listener.onPicture();
    } catch (error) {
      this.listener.onError(error);
    }
  }

  /** Request the guidance render. @param {number} frame */
  async loadView(frame) {
    const number = ++this.asked.view;
    if (!this.scene) return;
    try {
      const image = await this.ask.picture("view", { token: this.scene.token, pose: this.found?.poses[frame] ?? CENTER });
      if (number !== this.asked.view || this.isDisposed) return;
      if (this.viewPicture) forgetImage(this.viewPicture);
      this.viewPicture = image;
      this.listener.onPicture();
    } catch (error) {
      this.listener.onError(error);
    }
  }

  dispose() {
    this.isDisposed = true;
    clearTimeout(this.timer);
    if (this.viewPicture) forgetImage(this.viewPicture);
  }
}
