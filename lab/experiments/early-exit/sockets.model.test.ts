// What the table over sockets rests on: the recorded text comes out in every cell, and no hint
// comes behind its verdict.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { benchModels } from '../../weights/bench-models.js';
import { runSockets, socketVariants } from './sockets.js';

const files = benchModels('/nowhere', () => undefined);
/** The bundled target as it is: the same path through process, sockets and relay, in seconds. */
const models = { ...files, inflatedTarget: files.target, inflatedExit: files.exit };

it('writes the recorded texts in every cell, and hears no hint behind its verdict', async () => {
  const { rows, isSameText } = await runSockets(
    { models, note: () => undefined, signal: { aborted: false } },
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
    rows.map(({ mode, draftLength, roundTripMs, way }) => [mode, draftLength, roundTripMs, way]),
    socketVariants.map(({ mode, ahead }) => [mode, 4, 10, ahead]),
  );
  for (const { mode, way, tokenMs, right, leadMs } of rows) {
    assert.ok(tokenMs.value > 0);
    assert.equal(right !== null, way === 'all', `${mode} ${way}`);
    // Passes of less than a millisecond: on a busy machine a hint and its verdict come together.
    if (leadMs) assert.ok(leadMs.value >= 0, `${mode} ${way}: ${leadMs.value} ms`);
  }
});
