// The API key, where the service asks for one. It is kept for this tab alone and sent to this service alone.

import { byId, write } from "./dom.js";

const NAME = "api-key";

let refused = null; // why the key, or its absence, was refused; until another is given nothing is asked in vain

/** Whether requests carry a key. A link cannot. */
export const keyed = () => sessionStorage.getItem(NAME) !== null;

/** The headers that a request needs for it. */
export const keyHeaders = () => (keyed() ? { "x-api-key": sessionStorage.getItem(NAME) } : {});

/** Why there is no use in asking, or null. */
export const refusal = () => refused;

/** Ask the person for a key, as the service wants one `because`. */
export function demandKey(because) {
  refused = because;
  write(byId("key-reason"), `The service says: ${because}.`);
  if (!byId("key-form").hidden) return;
  byId("key-form").hidden = false;
  byId("key").focus();
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(NAME, byId("key").value.trim());
  refused = null;
  byId("key-form").hidden = true;
  byId("key").value = "";
  byId("content").focus();
});
