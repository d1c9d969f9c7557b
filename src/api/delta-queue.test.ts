// Checks what a reader of a generation gets from one read.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DeltaQueue } from './delta-queue.js';

const delta = (text: string) => ({ text, token: null, logprobs: null });

describe('a queue of deltas', () => {
  it('gives a waiting reader all that comes in one turn of the event loop', async () => {
    const queue = new DeltaQueue(() => undefined);
    const reader = queue[Symbol.asyncIterator]();
    const read = reader.next();
    queue.push(delta('one'));
    await Promise.resolve();
    queue.push(delta(' two'));
    const { value } = await read;
    assert.deepEqual(value, [delta('one'), delta(' two')]);
  });
});
