// What the widgets of this pack share: embedding a view in a node of the graph editor.

/**
 * Forward wheel and middle button to the graph while the view does not have the focus, as over any other part of a
 * node. The Vue renderer does so by itself; over the canvas renderer an element hides the canvas.
 * @param {HTMLElement} frame
 * @param {HTMLElement} element the view inside
 * @param {any} app
 */
export function forwardToGraph(frame, element, app) {
  const isHidingCanvas = () => !(/** @type {any} */ (window).LiteGraph?.vueNodesMode) && app.canvas?.canvas;
  frame.addEventListener(
    "wheel",
    (event) => {
      if (!isHidingCanvas() || element.contains(document.activeElement)) return;
      event.preventDefault();
      app.canvas.canvas.dispatchEvent(new WheelEvent("wheel", event));
    },
    { passive: false },
  );
  frame.addEventListener("pointerdown", (event) => {
    if (event.button !== 1 || !isHidingCanvas()) return;
    event.preventDefault();
    app.canvas.canvas.dispatchEvent(new PointerEvent("pointerdown", event));
  });
}

let frames = 0; // created on this page

/**
 * Add a frame for a view to a node: the editor sets its size, the view fills it. It is neither in the prompt nor among the
 * workflow's widget values, which remain those of the inputs.
 *
 * Its type is unique: the Vue renderer reuses the element of a widget with the same node id, name and type, so a workflow
 * that replaces another one would show an empty frame.
 * @param {any} node of the graph editor
 * @param {{ name: string, type: string, leastHeight: number, startSize: number[] }} options
 * @returns {HTMLElement}
 */
export function addFrame(node, { name, type, leastHeight, startSize }) {
  const frame = document.createElement("div");
  frame.style.cssText = "width:100%;height:100%;box-sizing:border-box;padding:2px";
  const widget = node.addDOMWidget(name, `${type}_${++frames}`, frame, {
    serialize: false, // not in the prompt
    hideOnZoom: false,
    getMinHeight: () => leastHeight,
  });
  widget.serialize = false; // nor in the workflow
  const isVue = /** @type {any} */ (window).LiteGraph?.vueNodesMode; // hides advanced inputs, so it needs less height
  const needed = isVue ? 0 : (node.computeSize?.()[1] ?? 0); // at once: the canvas renderer would grow the node a frame later
  node.setSize?.([Math.max(node.size[0], startSize[0]), Math.max(node.size[1], startSize[1], needed)]);
  return frame;
}

/**
 * Hide a widget on the node; its value stays in the workflow and in the prompt.
 * @param {any} widget
 */
export function hideWidget(widget) {
  widget.hidden = true;
  widget.options = { ...widget.options, hidden: true };
  widget.computeSize = () => [0, -4]; // for renderers that do not know `hidden`
}

/**
 * Call `more` after a method of an object.
 * @param {any} node or another object of the graph
 * @param {string} name
 * @param {(...args: any[]) => void} more
 */
export function after(node, name, more) {
  const own = node[name];
  node[name] = function (/** @type {any[]} */ ...args) {
    const result = own?.apply(this, args);
    more(...args);
    return result;
  };
}
