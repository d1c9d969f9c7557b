// Runs a few worlds in which servers draft on every check; drafts.slow.test.ts runs more.

import { it } from 'node:test';
import { checkDrafts } from './swarm.suite.js';

it('every promise is kept where servers draft, under seeds 34 to 36', () => {
  checkDrafts(34, 37);
});
