// The state of the service, from /health: ready, not ready (starting or draining), or no answer.

import { NoAnswer, Refused, getJson } from "./api.js";
import { byId, write } from "./dom.js";
import { whileVisible } from "./poll.js";

const SECONDS = 2;
const NAMES = { ready: "Ready", "not-ready": "Not ready", gone: "No answer" };

/**
 * Show the state and keep it up to date. `onReady` gets the body of /health whenever the service has become ready, and
 * when another version of the model or another release answers; until it returns true it is called again.
 */
export function watchState(onReady) {
  let last = "";
  whileVisible(SECONDS, async () => {
    const { state, detail, health } = await observe();
    byId("state").dataset.state = state;
    write(byId("state-name"), NAMES[state]);
    write(byId("state-detail"), detail);
    const now = JSON.stringify(health);
    if (health === null) last = "";
    else if (now !== last && (await onReady(health))) last = now;
  });
}

async function observe() {
  try {
    const health = await getJson("health");
    return { state: "ready", detail: health.release ? `release ${health.release}` : "no release set", health };
  } catch (error) {
    if (error instanceof Refused) return { state: "not-ready", detail: error.message, health: null };
    if (error instanceof NoAnswer) return { state: "gone", detail: "asking again", health: null };
    throw error;
  }
}
