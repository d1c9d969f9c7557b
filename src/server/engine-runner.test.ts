// Checks that failures of the engine become events, and that the operator hears of some of them.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { slotId } from '../base/brand.js';
import { PilotfishError } from '../base/error.js';
import type { Engine } from '../engine/engine.js';
import type { ServerInput } from './core/event.js';
import { EngineRunner } from './engine-runner.js';

it('every failure is answered, and noted at the first, second, fourth and eighth time', async () => {
  const save = () => Promise.reject(new PilotfishError('engine-failed', 'told to fail'));
  const events: ServerInput[] = [];
  const notes: string[] = [];
  const runner = new EngineRunner(
    { save } as unknown as Engine,
    (event) => events.push(event),
    (text) => notes.push(text),
  );
  for (let id = 1; id <= 9; id++) runner.run({ kind: 'save', id, slot: slotId(0) });
  await new Promise(setImmediate);
  assert.equal(events.filter(({ kind }) => kind === 'failed').length, 9);
  assert.deepEqual(
    notes,
    ['', ', 2 times by now', ', 4 times by now', ', 8 times by now'].map(
      (times) => `the engine failed to save a cache${times}: told to fail`,
    ),
  );
});
