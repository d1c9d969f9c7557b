// Checks what hostile devices in mode auto cost others; the slow test has more kinds of servers.

import { it } from 'node:test';
import { checkAttacks } from './hostile-drafts.suite.js';

it('a hostile device in mode auto slows eight others by a twentieth at most', () => {
  checkAttacks(8, 1);
});

it('a hostile device in mode auto slows one other by less than a third of what it gains', () => {
  checkAttacks(1, 4);
});
