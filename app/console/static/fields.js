// One control per feature. Each gives what was entered as it will be sent, and shows what the service says of it:
// the service alone decides what is valid, so that page and API never disagree.

import { element } from "./dom.js";
import { number, words } from "./format.js";

const MOST_OPTIONS = 30; // categories; a longer list is searched by typing
const LONGEST_POINTER = 80;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** The control of the manifest's `feature`, the page's `index`-th. */
export function makeField(feature, index) {
  const id = `feature-${index}`;
  if (feature.type === "boolean") return new Choices(feature, id);
  if (feature.type === "category" && feature.categories.length <= MOST_OPTIONS) return new Selection(feature, id);
  return new Entry(feature, id);
}

/** What all controls share: `node` to place, `value` to send (undefined: leave the feature out), `fill`, `complain`. */
class Field {
  constructor(feature, id) {
    this.feature = feature;
    this.id = id;
    this.error = element("p", { class: "error", id: `${id}-error`, hidden: true });
  }

  /** How the service names it in its errors: a JSON pointer (RFC 6901), which it shortens after 80 characters. */
  get pointer() {
    const letters = [...this.feature.name];
    const name = letters.length > LONGEST_POINTER ? `${letters.slice(0, LONGEST_POINTER).join("")}…` : this.feature.name;
    return `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  }

  /** Where the keyboard goes when the value has to be changed. */
  get control() {
    return this.node.querySelector("input, select");
  }

  /** Show the service's error on this value, or none. */
  complain(error) {
    this.error.hidden = error === null;
    this.error.textContent = error === null ? "" : sentence(error);
    this.node.classList.toggle("wrong", error !== null);
    for (const control of this.node.querySelectorAll("input, select")) {
      if (error === null) control.removeAttribute("aria-invalid");
      else control.setAttribute("aria-invalid", "true");
    }
  }
}

/** A number, or a category out of many: typed text, and a box to tick where the value may be missing. */
class Entry extends Field {
  constructor(feature, id) {
    super(feature, id);
    const numeric = feature.type === "number";
    this.input = element("input", {
      id,
      inputmode: numeric ? "decimal" : null,
      list: numeric ? null : `${id}-list`,
      "aria-describedby": `${id}-hint ${id}-error`,
      spellcheck: "false",
    });
    const parts = [
      element("div", { class: "label" }, element("label", { for: id }, feature.name)),
      this.input,
      element("p", { class: "hint", id: `${id}-hint` }, hint(feature)),
      this.error,
    ];
    if (!numeric) {
      const options = feature.categories.map((category) => element("option", { value: category }));
      parts.push(element("datalist", { id: `${id}-list` }, ...options));
    }
    if (feature.nullable) {
      this.missing = element("input", { type: "checkbox", id: `${id}-missing` });
      this.missing.addEventListener("change", () => (this.input.disabled = this.missing.checked));
      const label = element("label", { class: "missing", for: `${id}-missing` }, this.missing, "missing");
      label.append(element("span", { class: "hidden" }, `: ${feature.name}`));
      parts[0].append(label);
    }
    this.node = element("div", { class: "field" }, ...parts);
  }

  get value() {
    if (this.missing?.checked) return null;
    const text = this.input.value.trim();
    if (text === "") return undefined;
    const numeric = this.feature.type === "number" && NUMBER.test(text) && Number.isFinite(Number(text));
    return numeric ? Number(text) : text;
  }

  fill(value) {
    this.input.value = value ?? "";
    if (this.missing) this.input.disabled = this.missing.checked = value === null;
  }

  get control() {
    return this.missing?.checked ? this.missing : this.input;
  }
}

/** A category out of few. */
class Selection extends Field {
  constructor(feature, id) {
    super(feature, id);
    const { categories, nullable } = feature;
    // By place in the list: no category can then be mistaken for the missing one.
    const options = categories.map((category, place) => element("option", { value: place }, category));
    if (nullable) options.push(element("option", { value: "missing" }, "missing"));
    this.select = element("select", { id, "aria-describedby": `${id}-hint ${id}-error` }, ...options);
    this.node = element(
      "div",
      { class: "field" },
      element("div", { class: "label" }, element("label", { for: id }, feature.name)),
      this.select,
      element("p", { class: "hint", id: `${id}-hint` }, hint(feature)),
      this.error,
    );
  }

  get value() {
    return this.select.value === "missing" ? null : this.feature.categories[Number(this.select.value)];
  }

  fill(value) {
    this.select.value = value === null ? "missing" : String(this.feature.categories.indexOf(value));
  }
}

/** A boolean: two buttons to choose from, or three where it may be missing. */
class Choices extends Field {
  constructor(feature, id) {
    super(feature, id);
    const values = feature.nullable ? [true, false, null] : [true, false];
    this.radios = new Map(
      values.map((value) => [value, element("input", { type: "radio", name: id, id: `${id}-${value}` })]),
    );
    const labels = [...this.radios].map(([value, radio]) =>
      element("label", { for: radio.id }, radio, element("span", {}, value === null ? "missing" : String(value))),
    );
    this.node = element(
      "fieldset",
      { class: "field", "aria-describedby": `${id}-error` },
      element("legend", { class: "label" }, feature.name),
      element("div", { class: "choices" }, ...labels),
      this.error,
    );
  }

  get value() {
    for (const [value, radio] of this.radios) if (radio.checked) return value;
    return undefined;
  }

  fill(value) {
    for (const [own, radio] of this.radios) radio.checked = own === value;
  }
}

function hint(feature) {
  if (feature.type === "category") return `${feature.categories.length} categories`;
  if (feature.minimum === null || feature.maximum === null) return "number";
  return `${number(feature.minimum)} to ${number(feature.maximum)} in training`;
}

/** An error of the service as a sentence: why, and what to send instead. */
export function sentence({ reason, remedy }) {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}: ${remedy}.`;
}

/** What a feature takes, in a few words. */
export function kind(feature) {
  return words(feature.type) + (feature.nullable ? ", may be missing" : "");
}
