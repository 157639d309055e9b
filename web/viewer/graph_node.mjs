// What our widgets have in common: how they live inside a node of the graph editor.

/**
 * Let wheel and middle button reach the graph while the view has not the focus, as over any other part of a
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

let frames = 0; // made on this page

/**
 * Put a frame for a view into a node: the editor sets its size, the view fills it. It is neither in the prompt nor
 * among the workflow's widget values, which stay those of the inputs.
 *
 * Its type is its own: the Vue renderer reuses what it drew for a widget of the same node id, name and type, so a
 * workflow that takes the place of another one would show an empty frame.
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
  node.setSize?.([Math.max(node.size[0], startSize[0]), Math.max(node.size[1], startSize[1])]);
  return frame;
}

/**
 * Keep a widget's value in the workflow and in the prompt, but not on the node.
 * @param {any} widget
 */
export function hideWidget(widget) {
  widget.hidden = true;
  widget.options = { ...widget.options, hidden: true };
  widget.computeSize = () => [0, -4]; // for renderers that do not know `hidden`
}

/**
 * Run `more` after a method of an object, which keeps its own.
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
