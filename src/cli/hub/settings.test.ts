// Checks the sources of the hub's address, token and offline switch, and their order.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hubSettings } from './settings.js';

/** Names no folder that exists, so that no token of this machine is found. */
const home = { HF_HOME: '/nonexistent' };

test('without settings the hub is the public one, asked without a token', () => {
  const { endpoint, token, offline } = hubSettings(home);
  assert.deepEqual(
    { endpoint, token, offline },
    { endpoint: 'https://huggingface.co', token: null, offline: false },
  );
});

test('endpoint, token and offline come from the environment', () => {
  const env = {
    ...home,
    HF_ENDPOINT: 'http://mirror:8080/hf/',
    HF_TOKEN: ' hf_abc\n',
    HF_HUB_OFFLINE: '1',
  };
  const { endpoint, token, offline } = hubSettings(env);
  assert.deepEqual(
    { endpoint, token, offline },
    { endpoint: 'http://mirror:8080/hf', token: 'hf_abc', offline: true },
  );
});

test('a token that a login saved is used, and one in the environment comes before it', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-home-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'token'), 'hf_saved\n');
  assert.equal(hubSettings({ HF_HOME: folder }).token, 'hf_saved');
  assert.equal(hubSettings({ ...home, HF_TOKEN_PATH: join(folder, 'token') }).token, 'hf_saved');
  assert.equal(hubSettings({ HF_HOME: folder, HF_TOKEN: 'hf_env' }).token, 'hf_env');
});

test('settings that cannot be used are refused, and a token is never repeated', () => {
  assert.throws(() => hubSettings({ ...home, HF_ENDPOINT: 'mirror' }), {
    code: 'usage',
    message: /HF_ENDPOINT/,
  });
  assert.throws(() => hubSettings({ ...home, HF_ENDPOINT: 'file:///etc' }), { code: 'usage' });
  assert.throws(() => hubSettings({ ...home, HF_HUB_OFFLINE: 'perhaps' }), { code: 'usage' });
  assert.throws(
    () => hubSettings({ ...home, HF_TOKEN: 'secret' }),
    (error: Error) => /HF_TOKEN/.test(error.message) && !error.message.includes('secret'),
  );
});
