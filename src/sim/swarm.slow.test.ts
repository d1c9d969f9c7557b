// The worlds of the swarm beyond those of every check.

import { it } from 'node:test';
import { checkSwarm } from './swarm.suite.js';

it('every promise is kept under seeds 4 to 400, and faults of every kind are felt', () => {
  checkSwarm(4, 401);
});
