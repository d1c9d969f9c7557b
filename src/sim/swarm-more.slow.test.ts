// Runs the second half of the worlds that `npm test` plays.

import { it } from 'node:test';
import { checkSwarm } from './swarm.suite.js';

it('every promise is kept under seeds 201 to 400, and faults of every kind are felt', () => {
  checkSwarm(201, 401);
});
