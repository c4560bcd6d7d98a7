// The page: what serves is asked first, the form and the card follow from its manifest, the charts from its metrics.

import { getJson } from "./api.js";
import { showCard, showHealth } from "./card.js";
import { byId, write } from "./dom.js";
import { PredictionForm } from "./form.js";
import { words } from "./format.js";
import { Live } from "./live.js";
import { watchState } from "./state.js";

const form = new PredictionForm();
const live = new Live();
let version = null;

watchState(async (health) => {
  live.retry();
  if (health.model_version !== version) {
    const manifest = await getJson("model").catch(() => null); // it left between two answers
    if (manifest === null) return false;
    version = manifest.version;
    showTitle(manifest);
    showCard(manifest);
    form.show(manifest);
  }
  showHealth(health);
  return true;
});
live.start();

function showTitle(manifest) {
  document.title = `${manifest.name} · model console`;
  write(byId("model-name"), manifest.name);
  write(byId("model-summary"), `${words(manifest.estimator)} · ${manifest.task} of ${manifest.target}`);
}
