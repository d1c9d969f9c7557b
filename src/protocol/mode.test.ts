// Checks which schemes run in which modes, and in which of them a device may draft.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { schemes } from '../math/scheme.js';
import { isOffered, modes, modeTraits } from './mode.js';

it('race, auto and co-located run the schemes whose text depends on no draft, the others all', () => {
  for (const mode of modes) {
    const isFree = ['pipeline', 'stop-and-wait', 'stream'].includes(mode);
    const offered = schemes.filter((scheme) => isOffered(scheme, mode));
    assert.deepEqual(offered, isFree ? schemes : ['greedy', 'coupled'], mode);
  }
});

it('a device drafts in all modes but stream and co-located, and is told sources from version 4', () => {
  const named = (isIn: (mode: (typeof modes)[number]) => boolean) => modes.filter(isIn);
  const draftless = named((mode) => !modeTraits[mode].takesDrafts);
  assert.deepEqual(draftless, ['stream', 'co-located']);
  const unasked = named((mode) => modeTraits[mode].writesUnasked);
  assert.deepEqual(unasked, ['race', 'stream', 'auto', 'co-located']);
  const telling = named((mode) => modeTraits[mode].tellsSources);
  assert.deepEqual(telling, ['auto', 'co-located']);
  assert.deepEqual(
    telling.map((mode) => modeTraits[mode].since),
    [4, 4],
  );
});
