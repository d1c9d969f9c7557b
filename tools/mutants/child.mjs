// Tries mutants in one process: loads a room with all of its mutants and its tests once, learns
// which test reaches which mutant, and runs those again for each. The parent ends it where a mutant
// loops. Started by tools/mutants.mjs.

import { register } from 'node:module';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';

/** Random tests draw the same cases for every mutant, and do not look for the shortest failure. */
fc.configureGlobal({ seed: 1, endOnFailure: true });
let state = 1;
Math.random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

const say = (message) => process.send(message);

const { texts, testFiles, mutantCount, activeAtLoad } = await new Promise((resolve) =>
  process.once('message', resolve),
);
const reached = new Uint8Array(mutantCount);
let active = activeAtLoad;
globalThis.$mutants = {
  is(id) {
    reached[id] = 1;
    return id === active;
  },
};
const reachedIds = () => [...reached.keys()].filter((id) => reached[id] === 1);

register('./hooks.mjs', import.meta.url, { data: { texts: new Map(texts) } });

const { beginFile, tests } = await import('./test-list.mjs');

async function load() {
  for (const file of testFiles) {
    beginFile(file);
    await import(pathToFileURL(file).href);
  }
}

async function passes(test) {
  try {
    await test.run();
    return true;
  } catch {
    return false;
  }
}

/** Runs every test without a mutant. */
async function learn() {
  await load();
  say({ kind: 'loaded', reached: reachedIds() });
  for (const [index, test] of tests.entries()) {
    say({ kind: 'starts', test: index, limitMs: 120_000 });
    reached.fill(0);
    const started = performance.now();
    const isPassed = await passes(test);
    const { file, name } = test;
    const ms = performance.now() - started;
    say({ kind: 'learnt', test: index, file, name, ms, isPassed, reached: reachedIds() });
  }
  say({ kind: 'ready' });
}

/** The first of these tests that fails. */
async function attempt({ id, runs }) {
  active = id;
  for (const { test, limitMs } of runs) {
    say({ kind: 'starts', test, limitMs });
    if (await passes(tests[test])) continue;
    active = -1;
    // A mutant may have left something in a module that outlives it: then the failure may not be
    // its own.
    const isClean = await passes(tests[test]);
    say({ kind: 'killed', id, test, isClean });
    return;
  }
  active = -1;
  say({ kind: 'survived', id });
}

process.on('message', (message) => {
  if (message.kind === 'try') void attempt(message);
});
// A mutant may leave a promise that nobody hears.
process.on('unhandledRejection', () => undefined);
if (activeAtLoad === -1) await learn();
else {
  try {
    await load();
    say({ kind: 'ready' });
  } catch {
    say({ kind: 'broken' });
  }
}
