// Binds keyboard, mouse, touch and wheel of a viewer's element. Events are handled only while the viewer has the focus.

import { actionOfKey } from "./actions.mjs";
import { meaning } from "./keys.mjs";
import { stickInput, twoFingerMove } from "./touch.mjs";

/** @typedef {import("./viewer.mjs").WalkViewer} WalkViewer */
/** @typedef {import("./touch.mjs").Point} Point */

const STICK_RADIUS = 44;

/**
 * @param {WalkViewer} viewer
 * @returns {() => void} removes all listeners
 */
export function bindInput(viewer) {
  const off = new AbortController();
  bindKeys(viewer, off.signal);
  bindPointers(viewer, off.signal);
  bindWheel(viewer, off.signal);
  bindStick(viewer, off.signal);
  document.addEventListener("visibilitychange", () => releaseAll(viewer), { signal: off.signal });
  window.addEventListener("gamepadconnected", () => viewer.gamepad.watch(), { signal: off.signal });
  viewer.element.addEventListener("focusin", () => viewer.gamepad.watch(), { signal: off.signal });
  return () => off.abort();
}

/** Release all keys, as their keyup event may be missed. @param {WalkViewer} viewer */
function releaseAll(viewer) {
  viewer.motion.changeInput(() => {
    viewer.motion.pressedKeys.clear();
    viewer.motion.stick = { right: 0, forward: 0 };
  });
  viewer.overlay.moveStick(0, 0);
}

/** @param {WalkViewer} viewer @param {AbortSignal} signal */
function bindKeys(viewer, signal) {
  const { element } = viewer;
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey) return; // shortcuts of the browser and the editor
      const isReading = !viewer.overlay.help.hidden && event.code !== "KeyH" && event.key !== "?" && event.key !== "Escape";
      if (isReading) return event.stopPropagation(); // arrow keys scroll the help
      if (event.key !== "Tab") event.stopPropagation(); // the graph editor has shortcuts of its own
      const what = meaning(event) ?? actionOfKey(event.code)?.id ?? null;
      if (event.key === "Escape") return leave(viewer);
      if (!what) return;
      event.preventDefault();
      if (what !== "move" && what !== "modifier") {
        if (!event.repeat) viewer.act(what);
      } else if (!viewer.motion.pressedKeys.has(event.code)) {
        viewer.motion.changeInput(() => viewer.motion.pressedKeys.add(event.code), event.timeStamp);
      }
    },
    { signal },
  );
  element.addEventListener(
    "keyup",
    (event) => {
      if (viewer.motion.pressedKeys.has(event.code)) {
        event.stopPropagation();
        viewer.motion.changeInput(() => viewer.motion.pressedKeys.delete(event.code), event.timeStamp);
      }
    },
    { signal },
  );
  element.addEventListener(
    "focusout",
    (event) => {
      if (!element.contains(/** @type {Node | null} */ (event.relatedTarget))) releaseAll(viewer);
    },
    { signal },
  );
}

/** @param {WalkViewer} viewer */
function leave(viewer) {
  if (!viewer.overlay.help.hidden) viewer.overlay.toggleHelp(false);
  else if (!document.fullscreenElement) /** @type {HTMLElement} */ (document.activeElement)?.blur();
}

/** @param {WalkViewer} viewer @param {AbortSignal} signal */
function bindPointers(viewer, signal) {
  const { element } = viewer;
  /** @type {Map<number, Point>} */
  const down = new Map();
  const isOnControl = (/** @type {Event} */ event) =>
    event.target instanceof Element && event.target.closest(".m3d-bar, .m3d-help, .m3d-stick, .m3d-message, .m3d-path, .m3d-compare, .m3d-panorama-fade, .m3d-settings");

  element.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button === 1) return; // the middle button moves the graph
      event.stopPropagation(); // or the editor would drag the node
      if (isOnControl(event)) return;
      element.focus({ preventScroll: true });
      element.setPointerCapture(event.pointerId);
      element.dataset.dragging = "";
      down.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (event.pointerType === "touch") viewer.overlay.showStick();
    },
    { signal },
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      const since = event.getCoalescedEvents?.()[0]?.timeStamp ?? event.timeStamp;
      if (document.pointerLockElement === element) return viewer.drag(event.movementX, event.movementY, "look", since);
      const before = down.get(event.pointerId);
      if (!before) return;
      event.stopPropagation();
      const now = { x: event.clientX, y: event.clientY };
      if (down.size === 2) {
        const other = [...down].filter(([id]) => id !== event.pointerId).map(([, point]) => point)[0];
        const { height } = element.getBoundingClientRect();
        const way = twoFingerMove([before, other], [now, other], height || 1);
        viewer.motion.push(way.right, way.forward);
      } else if (down.size === 1) {
        const isPan = (event.buttons & 2) !== 0 || event.shiftKey;
        const how = event.pointerType === "touch" ? "grab" : isPan ? "pan" : "look";
        viewer.drag(now.x - before.x, now.y - before.y, how, since);
      }
      down.set(event.pointerId, now);
    },
    { signal },
  );
  for (const name of /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"])) {
    element.addEventListener(
      name,
      (event) => {
        if (down.delete(event.pointerId)) event.stopPropagation();
        if (down.size === 0) delete element.dataset.dragging;
      },
      { signal },
    );
  }
  for (const name of ["mousedown", "dblclick", "click"]) {
    element.addEventListener(name, (event) => event.stopPropagation(), { signal });
  }
  element.addEventListener(
    "contextmenu",
    (event) => {
      event.preventDefault();
      event.stopPropagation();
    },
    { signal },
  );
  document.addEventListener(
    "pointerlockchange",
    () => viewer.overlay.setPressed("lock", document.pointerLockElement === element),
    { signal },
  );
  document.addEventListener(
    "fullscreenchange",
    () => viewer.overlay.setPressed("fullscreen", document.fullscreenElement === element),
    { signal },
  );
}

/** @param {WalkViewer} viewer @param {AbortSignal} signal */
function bindWheel(viewer, signal) {
  const { element } = viewer;
  element.addEventListener(
    "wheel",
    (event) => {
      if (!element.contains(document.activeElement)) return; // no focus: let the page zoom or scroll
      if (event.target instanceof Element && event.target.closest(".m3d-help, .m3d-settings")) return event.stopPropagation();
      event.preventDefault();
      event.stopPropagation();
      const pixels = event.deltaMode === 1 ? event.deltaY * 30 : event.deltaY;
      viewer.wheel(Math.min(3, Math.max(-3, -pixels / 100)));
    },
    { signal, passive: false },
  );
}

/** @param {WalkViewer} viewer @param {AbortSignal} signal */
function bindStick(viewer, signal) {
  const { stick } = viewer.overlay;
  /** @param {PointerEvent | null} event null: released */
  const push = (event) => {
    const box = stick.getBoundingClientRect();
    const dx = event ? event.clientX - (box.left + box.width / 2) : 0;
    const dy = event ? event.clientY - (box.top + box.height / 2) : 0;
    const shrink = Math.min(1, STICK_RADIUS / (Math.hypot(dx, dy) || 1));
    viewer.overlay.moveStick(dx * shrink, dy * shrink);
    viewer.motion.changeInput(() => (viewer.motion.stick = stickInput(dx, dy, STICK_RADIUS)));
  };
  stick.addEventListener(
    "pointerdown",
    (event) => {
      viewer.element.focus({ preventScroll: true });
      stick.setPointerCapture(event.pointerId);
      push(event);
    },
    { signal },
  );
  stick.addEventListener(
    "pointermove",
    (event) => {
      if (stick.hasPointerCapture(event.pointerId)) push(event);
    },
    { signal },
  );
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) {
    stick.addEventListener(name, () => push(null), { signal });
  }
}
