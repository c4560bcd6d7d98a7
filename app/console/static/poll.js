// Asking again and again, as long as somebody looks.

/**
 * Call `task` at once and then `seconds` after each time it has ended, but only while the page is visible; one that
 * comes back into view asks at once. The task handles its own errors.
 */
export function whileVisible(seconds, task) {
  let timer = 0;
  let running = false;

  async function turn() {
    clearTimeout(timer);
    if (running || document.hidden) return;
    running = true;
    try {
      await task();
    } finally {
      running = false;
      timer = setTimeout(turn, seconds * 1000);
    }
  }

  document.addEventListener("visibilitychange", turn);
  turn();
}
