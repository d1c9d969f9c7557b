// Runs the first worlds of the swarm on every check; swarm.slow.test.ts continues, `npm run
// sim:long` runs ten thousand.

import { it } from 'node:test';
import { checkNarrow, checkSwarm } from './swarm.suite.js';

it('every promise is kept under seeds 1 to 3, and faults of every kind are felt', () => {
  checkSwarm(1, 4);
});

it('every promise is kept where links carry less than a message a flush, under seeds 3 and 4', () => {
  checkNarrow(3, 5);
});
