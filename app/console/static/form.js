// The form of a model: a field per feature, one request at a time, and the service's errors at the fields they name.

import { NoAnswer, Refused, predict } from "./api.js";
import { byId, element, write } from "./dom.js";
import { makeField, sentence } from "./fields.js";
import { reveal, showPrediction, showProblem } from "./result.js";

/** Asks the model that `show` was last given. */
export class PredictionForm {
  #manifest = null;
  #fields = [];
  #asked = 0;

  constructor() {
    byId("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    byId("example").addEventListener("click", () => this.#fillExample());
  }

  /** Make the fields of `manifest` and fill in its example; what was typed stays where the features are the same. */
  show(manifest) {
    const same = this.#manifest !== null && features(this.#manifest) === features(manifest);
    this.#manifest = manifest;
    if (same) return;
    this.#fields = manifest.features.map(makeField);
    byId("fields").replaceChildren(...this.#fields.map((field) => field.node));
    const { length } = this.#fields;
    write(byId("form-summary"), `One row of ${length} ${length === 1 ? "feature" : "features"}.`);
    byId("predict").disabled = byId("example").disabled = false;
    this.#fillExample();
  }

  #fillExample() {
    const values = new Map(Object.entries(this.#manifest.example.instance));
    for (const field of this.#fields) {
      field.fill(values.get(field.feature.name) ?? null);
      field.complain(null);
    }
  }

  async #submit() {
    const asked = ++this.#asked;
    const entries = this.#fields.map((field) => [field.feature.name, field.value]);
    const given = entries.filter(([, value]) => value !== undefined);
    byId("form").setAttribute("aria-busy", "true");
    try {
      const outcome = await predict(Object.fromEntries(given));
      if (asked !== this.#asked) return; // asked again meanwhile: the later answer counts
      this.#complain(new Map());
      showPrediction(outcome, this.#manifest);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof NoAnswer)) throw error;
      if (asked === this.#asked) this.#explain(error);
    } finally {
      if (asked === this.#asked) byId("form").removeAttribute("aria-busy");
    }
  }

  /** Show why there is no prediction: at the fields, and beside the form whatever belongs to none of them. */
  #explain(error) {
    const errors = new Map((error.problem?.errors ?? []).map((each) => [each.pointer, each]));
    const wrong = this.#complain(errors);
    const links = wrong.map((field) => {
      const link = element("a", { href: `#${field.control.id}` }, field.feature.name);
      link.addEventListener("click", (event) => {
        event.preventDefault();
        field.control.focus();
      });
      return element("li", {}, link, ` ${errors.get(field.pointer).reason}`);
    });
    const others = [...errors.values()].filter(({ pointer }) => !wrong.some((field) => field.pointer === pointer));
    showProblem(error, [...links, ...others.map((each) => element("li", {}, `${each.pointer} ${sentence(each)}`))]);
    if (wrong.length) wrong[0].control.focus();
    else reveal();
  }

  /** Give each field its error, if any; the fields that have one. */
  #complain(errors) {
    for (const field of this.#fields) field.complain(errors.get(field.pointer) ?? null);
    return this.#fields.filter((field) => errors.has(field.pointer));
  }
}

/** What makes a form: two models with the same of it share the fields and what was typed there. */
function features(manifest) {
  return JSON.stringify(
    manifest.features.map(({ name, type, nullable, categories }) => [name, type, nullable, categories]),
  );
}
