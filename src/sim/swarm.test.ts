// Runs a few worlds of the swarm on every check; swarm.slow.test.ts runs more, `npm run
// sim:long` runs ten thousand.

import { it } from 'node:test';
import { checkNarrow, checkSwarm } from './swarm.suite.js';

it('every promise is kept under seeds 56 to 58, and faults of every kind are felt', () => {
  checkSwarm(56, 59);
});

it('every promise is kept where links carry less than a message a flush, under seeds 3 and 4', () => {
  checkNarrow(3, 5);
});
