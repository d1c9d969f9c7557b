// Checks which addresses --server takes, in every command.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serverUrl } from './server-address.js';

test('bare hosts get the scheme and the port, whole addresses stay as they are', () => {
  assert.equal(serverUrl('127.0.0.1:7555'), 'ws://127.0.0.1:7555');
  assert.equal(serverUrl('jetson.local'), 'ws://jetson.local:7433');
  assert.equal(serverUrl('localhost:80'), 'ws://localhost:80');
  assert.equal(serverUrl('[::1]'), 'ws://[::1]:7433');
  assert.equal(serverUrl('wss://edge.example/x'), 'wss://edge.example/x');
  assert.equal(serverUrl('ws://h:1'), 'ws://h:1');
});

test('what is no address is refused, and a seed in its place is recognised', () => {
  for (const bad of ['http://a', '', 'a b', 'host:port', '::1', '127.0.0.1:99999']) {
    assert.throws(() => serverUrl(bad), { code: 'usage', message: /--server takes host/ }, bad);
  }
  assert.throws(() => serverUrl('42'), { message: /the seed is --seed/ });
});
