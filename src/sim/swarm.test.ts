// The first worlds of the swarm, in every check; swarm.slow.test.ts goes on, `npm run sim:long` runs ten thousand.

import { it } from 'node:test';
import { checkSwarm } from './swarm.suite.js';

it('every promise is kept under seeds 1 to 3, and faults of every kind are felt', () => {
  checkSwarm(1, 4);
});
