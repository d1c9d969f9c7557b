// A lost link is put into words: no bare close code where there is a word for it, and never an empty clause.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeCodeOf } from '../protocol/code.js';
import { closeMessage, dialMessage } from './link-messages.js';

test('an end of a connection is said in words', () => {
  const words = (code: number, reason = ''): string => closeMessage({ code, reason });
  assert.equal(words(1006), 'the connection broke');
  assert.equal(words(1000), 'the server ended the connection');
  assert.equal(words(1001), 'the server ended the connection');
  assert.equal(words(closeCodeOf('draining')), 'the server ended the connection (draining)');
  assert.equal(words(1009, 'too big'), 'the connection was ended (too big)');
  assert.equal(words(1011), 'the connection was ended (WebSocket code 1011)');
});

test('a dial in vain is said in words, with the code of the system', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:1'), { code: 'ECONNREFUSED' });
  assert.equal(dialMessage(refused), 'nothing listens there (ECONNREFUSED)');
  assert.equal(
    dialMessage(new AggregateError([refused, refused])),
    'nothing listens there (ECONNREFUSED)',
  );
  assert.match(dialMessage(new Error('Unexpected server response: 404')), /no server of.*404/);
  assert.equal(dialMessage(new Error('socket hang up')), 'it hung up');
  assert.equal(dialMessage(new Error('Opening handshake has timed out')), 'no answer in time');
  assert.equal(dialMessage(new Error('something else')), 'something else');
  assert.equal(dialMessage('text'), 'text');
});
