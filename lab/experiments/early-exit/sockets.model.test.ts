// What the table over sockets rests on: the recorded text comes out in every cell, and hints come before their verdicts.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { runServiceHere } from '../../../src/sim/service/run-service.js';
import { benchModels } from '../../weights/bench-models.js';
import { playSockets, socketCells } from './sockets.js';

const files = benchModels('/nowhere', () => undefined);
/** The bundled target as it is: the same path through process, sockets and relay, in seconds. */
const models = { ...files, inflatedTarget: files.target, inflatedExit: files.exit };

it('writes the recorded texts in every cell, and hears hints while passes run', async () => {
  const context = {
    models,
    isQuick: true,
    minutes: null,
    seed: 1,
    play: runServiceHere,
    note: () => undefined,
  };
  const { rows, isSameText } = await playSockets(
    { ...context, signal: { aborted: false } },
    {
      ...{
        draftMs: 2,
        rowShare: 0.25,
        layer: 4,
        draftLength: 4,
        budget: { tokensMax: 24, chanceMin: 0.01 },
      },
      ...{ roundTripsMs: [10], textCount: 2, tokenCount: 24 },
    },
  );
  assert.ok(isSameText);
  assert.deepEqual(
    rows.map(({ keys }) => keys),
    socketCells.map(([mode, variant]) => [mode, 4, 10, variant]),
  );
  for (const { keys, values } of rows) {
    const [tokenMs, , , , right, leadMs] = values;
    assert.ok(tokenMs!.value > 0);
    assert.equal(right !== null, keys[3] === 'all', `${keys}`);
    if (leadMs) assert.ok(leadMs.value > 0, `${keys}: ${leadMs.value} ms`);
  }
});
