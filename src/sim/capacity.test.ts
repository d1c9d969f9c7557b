// Checks that the search for the most users finds the edge anywhere, in as few looks as possible.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mostUsers } from './capacity.js';

describe('the most users', () => {
  it('are found to within 3 %, from none to all that are looked at', async () => {
    for (let edge = 0; edge <= 700; edge++) {
      let looks = 0;
      const found = await mostUsers(512, async (users) => {
        looks++;
        return users <= edge;
      });
      const wanted = Math.min(512, edge);
      assert.ok(found <= wanted, `${found} of ${wanted}`);
      assert.ok(wanted - found <= Math.max(0, 0.03 * wanted), `${found} of ${wanted}`);
      assert.ok(looks <= 18, `${looks} looks for ${edge}`);
    }
  });
});
