// Charts as inline SVG: one path per series, redrawn in place, with figures beside it that say the same in text.

import { element, shape, write } from "./dom.js";

const WIDTH = 1000; // of the drawing's own units: it is stretched to the place it gets
const HEIGHT = 300;
const GAP = 3; // between bars

/**
 * A chart over time in `figure`. A series has a `kind` (line, area or bars), a `name` that the style sheet
 * knows, a `value` of a point, null where there is none, and for bars the `base` they stand on.
 */
export class TimeChart {
  #figure;
  #series;
  #format;
  #floor;

  /** `format` makes axis labels of values, `floor` is the least that the axis reaches to. */
  constructor(figure, series, format, floor) {
    this.#figure = figure;
    this.#series = series;
    this.#format = format;
    this.#floor = floor;
    this.keys = element("dl", { class: "keys" });
    this.top = element("span", { class: "tick high" });
    this.middle = element("span", { class: "tick middle" });
    const foot = element("span", { class: "tick foot" }, "0");
    this.paths = series.map(({ kind, name }) => shape("path", { class: `${kind} ${name}` }));
    const grid = [0, HEIGHT / 2, HEIGHT].map((y) => shape("path", { class: "grid", d: `M0 ${y}H${WIDTH}` }));
    this.drawing = shape(
      "svg",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" },
      ...grid,
      ...this.paths,
    );
    this.start = element("span");
    figure.append(
      this.keys,
      element("div", { class: "plot" }, this.drawing, this.top, this.middle, foot),
      element("p", { class: "axis", "aria-hidden": "true" }, this.start, element("span", {}, "now")),
    );
  }

  /** Draw the last `span` seconds of `points`; `keys` are the figures beside it, each `[name, label, text]`. */
  draw({ points, now, span }, keys) {
    showKeys(this.keys, keys);
    const values = points.flatMap((point) => this.#series.map(({ value, base }) => value(point) + (base?.(point) ?? 0)));
    const highest = Math.max(0, ...values);
    const top = roundUp(Math.max(highest, this.#floor));
    write(this.top, this.#format(top));
    write(this.middle, this.#format(top / 2));
    write(this.start, `${span / 60} min ago`);
    const x = (at) => round(WIDTH * Math.max(0, 1 - (now - at) / span));
    const y = (value) => round(HEIGHT * (1 - value / top));
    this.#series.forEach((series, index) => this.paths[index].setAttribute("d", OUTLINES[series.kind](points, series, x, y)));
    const told = keys.map(([, label, text]) => `${label} ${text}`).join(", ");
    this.drawing.setAttribute(
      "aria-label",
      `${this.#figure.querySelector("h3").textContent} over the last ${span} seconds: ${told}; highest ${this.#format(highest)}.`,
    );
  }
}

const OUTLINES = {
  line(points, { value }, x, y) {
    return runs(points, value)
      .map((run) => `M${run.map((point) => `${x(point.at)} ${y(value(point))}`).join("L")}h.01`)
      .join("");
  },

  area(points, { value }, x, y) {
    return runs(points, value)
      .map((run) => {
        const line = run.map((point) => `${x(point.at)} ${y(value(point))}`).join("L");
        return `M${x(run[0].at)} ${HEIGHT}L${line}V${HEIGHT}Z`;
      })
      .join("");
  },

  bars(points, { value, base }, x, y) {
    return points
      .filter((point) => value(point))
      .map((point) => {
        const foot = base?.(point) ?? 0;
        const left = x(point.at - point.seconds);
        const right = Math.max(left, x(point.at) - GAP);
        return `M${left} ${y(foot)}V${y(foot + value(point))}H${right}V${y(foot)}Z`;
      })
      .join("");
  },
};

/** The points with a value, parted where one has none. */
function runs(points, value) {
  const found = [[]];
  for (const point of points) {
    if (value(point) !== null) found.at(-1).push(point);
    else if (found.at(-1).length) found.push([]);
  }
  return found.filter((run) => run.length);
}

/** The next of 1, 2, 5, 10, 20, … */
function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value * 0.999999);
}

const round = (value) => Math.round(value * 10) / 10;

/** Write the figures `keys` into the list `node`, which is made anew only where their labels differ. */
export function showKeys(node, keys) {
  const labels = keys.map(([name, label]) => `${name}\n${label}`).join("\n\n");
  if (node.dataset.labels !== labels) {
    node.dataset.labels = labels;
    node.replaceChildren(
      ...keys.map(([name, label]) => element("div", { class: name || null }, element("dt", {}, label), element("dd"))),
    );
  }
  keys.forEach(([, , text], index) => write(node.children[index].lastChild, text));
}
