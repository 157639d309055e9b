// The line that a lasso or a brush is drawing, over the view.

export class Sketch {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    const holder = document.createElement("div");
    holder.innerHTML = '<svg class="m3d-sketch" aria-hidden="true"><path/></svg>';
    this.svg = /** @type {SVGSVGElement} */ (holder.firstElementChild);
    this.shape = /** @type {SVGPathElement} */ (this.svg.firstElementChild);
    root.append(this.svg);
  }

  /** @param {number[][]} points fractions of the view @returns {string} */
  pathOf(points) {
    const { width, height } = this.root.getBoundingClientRect();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    return points.map(([x, y], i) => `${i ? "L" : "M"}${(x * width).toFixed(1)} ${(y * height).toFixed(1)}`).join("");
  }

  /** @param {number[][]} points of a lasso */
  area(points) {
    this.draw(`${this.pathOf(points)}Z`, "area", 1.5);
  }

  /** @param {number[][]} points @param {number} radius fraction of the height */
  stroke(points, radius) {
    this.draw(`${this.pathOf(points)}l0.01 0`, "stroke", 2 * radius * this.root.getBoundingClientRect().height);
  }

  /** The brush where the pointer is. @param {number[]} place @param {number} radius */
  ring([x, y], radius) {
    const { width, height } = this.root.getBoundingClientRect();
    const r = radius * height;
    this.pathOf([]);
    this.draw(`M${x * width - r} ${y * height}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`, "ring", 1.5);
  }

  /** @param {string} path @param {string} kind @param {number} width */
  draw(path, kind, width) {
    this.shape.setAttribute("d", path);
    this.shape.setAttribute("class", kind);
    this.shape.setAttribute("stroke-width", String(width));
  }

  clear() {
    this.shape.removeAttribute("d");
  }
}
