#!/usr/bin/env node
// Starts the `pilotfish` command from the bundle that tools/bundle.mjs makes, which loads in a
// third of the time. The compiled files themselves run where they are newer than the bundle, and
// where traces are asked for, which shall name them.

import { readFileSync, statSync } from 'node:fs';

const bundle = new URL('../../bundle/', import.meta.url);

/** The compiler's record of what it compiled last; packages hold none. */
const record = new URL('../../.src.tsbuildinfo', import.meta.url);

/** Whether there is a bundle, and the compiler has changed nothing since it was made. */
function isCurrent(): boolean {
  try {
    const madeOf = readFileSync(new URL('made-of.txt', bundle), 'utf8');
    const compiled = statSync(record, { throwIfNoEntry: false });
    return compiled === undefined || madeOf === `${compiled.size} ${compiled.mtimeMs}`;
  } catch {
    return false;
  }
}

const isTraced = process.env['PILOTFISH_DEBUG'] === '1';
await import(isCurrent() && !isTraced ? new URL('start.js', bundle).href : './start.js');
