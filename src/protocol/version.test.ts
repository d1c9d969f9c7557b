// Tests which version two ends agree on.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { negotiateVersion, versionMax, versionMin } from './version.js';

describe('the version of a connection', () => {
  it('is the highest that both sides speak', () => {
    assert.equal(negotiateVersion({ versionMin: 1, versionMax: 1 }), 1);
    assert.equal(negotiateVersion({ versionMin: 1, versionMax: 9 }), versionMax);
    assert.equal(negotiateVersion({ versionMin, versionMax }), versionMax);
  });

  it('is none where the ranges do not meet', () => {
    assert.equal(
      negotiateVersion({ versionMin: versionMax + 1, versionMax: versionMax + 5 }),
      null,
    );
    assert.equal(negotiateVersion({ versionMin: 0, versionMax: versionMin - 1 }), null);
  });
});
