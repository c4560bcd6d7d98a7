// Elements, made without markup: what a model, a server or a person wrote only ever becomes text.

const SVG = "http://www.w3.org/2000/svg";

/** The element that the page names `id`. */
export const byId = (id) => document.getElementById(id);

/** An HTML element; attributes that are null or false are left out, true stands for an empty one. */
export function element(tag, attributes = {}, ...children) {
  return prepare(document.createElement(tag), attributes, children);
}

/** The same for a part of a drawing. */
export function shape(tag, attributes = {}, ...children) {
  return prepare(document.createElementNS(SVG, tag), attributes, children);
}

/** Write `text` into `node` only where it differs, so that nothing is read out twice. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function prepare(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}
