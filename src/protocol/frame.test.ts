// Checks that two requests for traffic shaping come to the stronger one in each part.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { noShaping, strongerShaping } from './frame.js';

it('of two shapings of traffic each part is the stronger one', () => {
  const padded = { padBytes: 256, aggregateMs: 20 };
  const paced = { padBytes: 64, aggregateMs: 100 };
  const both = { padBytes: 256, aggregateMs: 100 };
  assert.deepEqual(strongerShaping(padded, paced), both);
  assert.deepEqual(strongerShaping(paced, padded), both);
  assert.deepEqual(strongerShaping(padded, noShaping), padded);
});
