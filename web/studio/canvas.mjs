// What the views of the studio share: elements, canvases, marks of a path, and dragging.

/** @typedef {import("./drawing.mjs").Key} Key */
/** @typedef {(x: number, y: number, isDone: boolean) => void} Move follows the pointer, in CSS pixels of the element */

const MOST_PIXELS = 2;
export const COLORS = { path: "#7fb2ff", bad: "#ff5c50", key: "#ffd166", line: "rgba(10,12,15,0.85)", holes: "#ffab57", near: "#7fb2ff" };
export const REACH_PX = 12; // of the pointer
const STILL_PX = 3; // a smaller movement is a click

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {string} [className] @param {Record<string, string>} [attributes]
 * @returns {HTMLElementTagNameMap[T]}
 */
export function make(tag, className = "", attributes = {}) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** A pane of the studio with one canvas. @param {string} name @param {string} title @param {string} label */
export function makePane(name, title, label) {
  const box = make("div", `m3d-studio-pane ${name}`, { tabindex: "0", role: "application", "aria-label": label });
  const canvas = make("canvas");
  const caption = make("div", "m3d-hud");
  caption.textContent = title;
  box.append(canvas, caption);
  return { box, canvas, caption };
}

/** Size a canvas for the screen and scale its context to CSS pixels. @param {HTMLCanvasElement} canvas @param {HTMLElement} box */
export function prepare(canvas, box) {
  const { clientWidth: width, clientHeight: height } = box;
  const zoom = box.getBoundingClientRect().width / (width || 1);
  const density = Math.min(MOST_PIXELS, Math.max(0.5, (window.devicePixelRatio || 1) * zoom));
  const [w, h] = [Math.max(1, Math.round(width * density)), Math.max(1, Math.round(height * density))];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  pen.setTransform(density, 0, 0, density, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.lineJoin = pen.lineCap = "round";
  pen.font = "11px system-ui, sans-serif";
  return { pen, width, height };
}

/** @param {HTMLElement} box @param {MouseEvent} event @returns {[number, number]} CSS pixels of the box itself */
export function placeIn(box, event) {
  const { left, top, width } = box.getBoundingClientRect();
  const zoom = width / (box.clientWidth || 1);
  return [(event.clientX - left) / zoom, (event.clientY - top) / zoom];
}

/**
 * @param {HTMLElement} box
 * @param {AbortSignal} signal
 * @param {(event: PointerEvent, x: number, y: number) => Move | null} begin
 */
export function bindDrag(box, signal, begin) {
  /** @type {Move | null} */
  let move = null;
  box.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button === 1) return;
      box.focus({ preventScroll: true });
      box.setPointerCapture(event.pointerId);
      move = begin(event, ...placeIn(box, event));
    },
    { signal },
  );
  box.addEventListener("pointermove", (event) => move?.(...placeIn(box, event), false), { signal });
  const end = (/** @type {PointerEvent} */ event) => {
    if (!move) return;
    event.stopPropagation();
    const last = move;
    move = null;
    last(...placeIn(box, event), true);
  };
  for (const name of /** @type {const} */ (["pointerup", "pointercancel"])) box.addEventListener(name, end, { signal });
}

/** Follow the pointer only once it has moved from where it was pressed. @param {number} x @param {number} y @param {Move} move @returns {Move} */
export function onceMoved(x, y, move) {
  let isMoved = false;
  return (px, py, isDone) => {
    isMoved ||= Math.hypot(px - x, py - y) >= STILL_PX;
    if (isMoved) move(px, py, isDone);
  };
}

/**
 * @param {CanvasRenderingContext2D} pen
 * @param {([number, number] | null)[]} points
 * @param {number[]} colliding indices of colliding points
 * @param {number} width a line longer than half of it wraps around the border and is omitted
 */
export function drawPath(pen, points, colliding, width) {
  const bad = new Set(colliding);
  for (const pass of [0, 1]) {
    for (let k = 1; k < points.length; k++) {
      const [a, b] = [points[k - 1], points[k]];
      if (!a || !b || Math.abs(a[0] - b[0]) > width / 2) continue;
      pen.strokeStyle = pass ? (bad.has(k) || bad.has(k - 1) ? COLORS.bad : COLORS.path) : COLORS.line;
      pen.lineWidth = pass ? 2.5 : 5;
      pen.beginPath();
      pen.moveTo(...a);
      pen.lineTo(...b);
      pen.stroke();
    }
  }
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} k @param {boolean} isChosen */
export function drawKey(pen, x, y, k, isChosen) {
  pen.beginPath();
  pen.arc(x, y, isChosen ? 9 : 8, 0, 7);
  pen.fillStyle = isChosen ? COLORS.key : "#e8eaed";
  pen.fill();
  pen.strokeStyle = "#14171b";
  pen.lineWidth = 2;
  pen.stroke();
  pen.fillStyle = "#14171b";
  pen.textAlign = "center";
  pen.fillText(String(k + 1), x, y + 4);
  pen.textAlign = "start";
}

/** Draw the position of the selected frame. @param {CanvasRenderingContext2D} pen @param {[number, number]} at @param {number | null} yaw */
export function drawEye(pen, [x, y], yaw) {
  pen.fillStyle = "rgba(255,255,255,0.28)";
  if (yaw !== null) {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.arc(x, y, 30, yaw - Math.PI / 2 - 0.8, yaw - Math.PI / 2 + 0.8);
    pen.fill();
  }
  pen.beginPath();
  pen.arc(x, y, 4, 0, 7);
  pen.fillStyle = "#fff";
  pen.fill();
  pen.strokeStyle = "#14171b";
  pen.lineWidth = 1.5;
  pen.stroke();
}
