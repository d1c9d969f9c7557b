// Checks what hostile devices in mode auto cost few and many others, at any price of a row.

import { it } from 'node:test';
import { checkAttacks } from './hostile-drafts.suite.js';

for (const honestCount of [1, 3, 8]) {
  for (const rowMs of [0, 0.1, 1, 4]) {
    it(`hostile devices cost ${honestCount} others little, at ${rowMs} ms a row`, () => {
      checkAttacks(honestCount, rowMs);
    });
  }
}
