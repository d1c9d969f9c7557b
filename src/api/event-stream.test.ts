// Events for a reader that does not read: what says nothing is left out, what says something is
// bounded.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { Writable } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { EventStream, unreadBytesMax } from './event-stream.js';

const cover = { padBytes: 1_024, aggregateMs: 10 };

/** A stream to a reader that takes nothing. */
function unread(t: TestContext) {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const response = new Writable({ write: () => undefined });
  let slowCount = 0;
  const stream = new EventStream(
    Object.assign(response, { writeHead: () => undefined }) as unknown as ServerResponse,
    {},
    () => slowCount++,
    cover,
  );
  return {
    stream,
    response,
    slowCount: () => slowCount,
    beats: (count: number) => t.mock.timers.tick(count * cover.aggregateMs),
  };
}

describe('a stream on a beat to a reader that does not read', () => {
  it('is not cut off for beats that say nothing', (t) => {
    const { response, beats, slowCount } = unread(t);
    beats((2 * unreadBytesMax) / cover.padBytes);
    assert.equal(slowCount(), 0);
    assert.ok(response.writableLength < unreadBytesMax / 8, `${response.writableLength} bytes`);
  });

  it('is cut off for text beyond the limit', (t) => {
    const { stream, response, beats, slowCount } = unread(t);
    for (let count = 0; count * cover.padBytes <= unreadBytesMax; count++) {
      stream.write('data: x\n\n');
      beats(1);
    }
    assert.equal(slowCount(), 1);
    assert.ok(response.destroyed);
  });
});
