// Runs more worlds in which servers draft, with a draft model that keeps failing.

import { it } from 'node:test';
import { checkDrafts } from './swarm.suite.js';

it('every promise is kept where servers draft, under seeds 1 to 100', () => {
  checkDrafts(1, 101);
});
