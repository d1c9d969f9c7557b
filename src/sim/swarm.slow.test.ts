// Runs more worlds of the swarm than the quick test does.

import { it } from 'node:test';
import { checkNarrow, checkSwarm } from './swarm.suite.js';

it('every promise is kept under seeds 7 to 400, and faults of every kind are felt', () => {
  checkSwarm(7, 401);
});

it('every promise is kept where links carry less than a message a beat, under seeds 5 to 60', () => {
  checkNarrow(5, 61);
});
