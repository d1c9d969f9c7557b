// Checks that a lost link is described in words: no bare close code where there is a word for it,
// and never an empty clause.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeCodeOf } from '../protocol/code.js';
import { closeMessage, dialMessage } from './link-messages.js';

test('the end of a connection is described in words', () => {
  const words = (code: number, reason = ''): string => closeMessage({ code, reason });
  assert.equal(words(1006), 'the connection broke');
  assert.equal(words(1000), 'the server ended the connection');
  assert.equal(words(1001), 'the server ended the connection');
  assert.equal(words(closeCodeOf('draining')), 'the server ended the connection (draining)');
  assert.equal(words(1009, 'too big'), 'the connection was ended (too big)');
  assert.equal(words(1011), 'the connection was ended (WebSocket code 1011)');
});

test('a failed dial is described in words, with the code of the system', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' });
  assert.equal(dialMessage(refused), 'connection refused (ECONNREFUSED)');
  assert.equal(
    dialMessage(new AggregateError([refused, refused])),
    'connection refused (ECONNREFUSED)',
  );
  assert.match(
    dialMessage(new Error('Unexpected server response: 404')),
    /not a Pilotfish server.*404/,
  );
  assert.equal(dialMessage(new Error('socket hang up')), 'connection reset');
  assert.equal(dialMessage(new Error('Opening handshake has timed out')), 'timed out');
  assert.equal(dialMessage(new Error('something else')), 'something else');
  assert.equal(dialMessage('text'), 'text');
});
