// Runs the worlds of the swarm beyond those of every check; swarm-more.slow.test.ts has as many
// again, beside it on another core.

import { it } from 'node:test';
import { checkNarrow, checkSwarm } from './swarm.suite.js';

it('every promise is kept under seeds 1 to 200, and faults of every kind are felt', () => {
  checkSwarm(1, 201);
});

it('every promise is kept where links carry less than a message a flush, under seeds 5 to 60', () => {
  checkNarrow(5, 61);
});
