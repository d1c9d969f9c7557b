// Runs a few worlds of the swarm on every check; swarm.slow.test.ts runs more, `npm run
// sim:long` runs ten thousand.

import { it } from 'node:test';
import { checkNarrow, checkSwarm } from './swarm.suite.js';

it('every promise is kept under seeds 20 to 22, and faults of every kind are felt', () => {
  checkSwarm(20, 23);
});

it('every promise is kept where links carry less than a message a flush, under seeds 3 and 4', () => {
  checkNarrow(3, 5);
});
