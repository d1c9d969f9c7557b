// Tests that the committed kernel equals the compiled source.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

test('the committed kernel equals a fresh build of its source', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['tools/kernel.mjs', '--check'], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${stdout}${stderr}`);
});
