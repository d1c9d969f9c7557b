// Ends a test process in which one test takes too long, and names the test. node's own
// --test-timeout limits whole files and does not say which test hung. Loaded into each process of a
// run by test.mjs.

import { availableParallelism, loadavg } from 'node:os';
import { afterEach, beforeEach } from 'node:test';

const quickMs = 60_000;
/** Slow and model tests: no promise of speed, but none may hang. */
const otherMs = 10 * 60_000;

// The runner loads this file too, and has no tests of its own.
if (process.env.NODE_TEST_CONTEXT) {
  const idleMs = /\.(slow|model)\.test\.m?js$/.test(process.argv[1] ?? '') ? otherMs : quickMs;
  /** Where many wait for each core, a test waits for its turn as well. */
  const limitMs = () => idleMs * Math.max(1, loadavg()[0] / availableParallelism());
  const timers = new Map();
  const watch = (test, startedMs) => {
    const look = () => {
      const tookMs = performance.now() - startedMs;
      if (tookMs < limitMs()) return watch(test, startedMs);
      console.error(`"${test.name}" took more than ${Math.floor(tookMs / 1000)} s`);
      process.exit(1);
    };
    timers.set(test, setTimeout(look, idleMs).unref());
  };
  beforeEach((test) => watch(test, performance.now()));
  afterEach((test) => {
    clearTimeout(timers.get(test));
    timers.delete(test);
  });
}
