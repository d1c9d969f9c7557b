// Tests that a side thread ends what takes too long or too much, and serves what comes after it.

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { SideThread } from './side-thread.js';

type Request = 'echo' | 'loop' | 'fill';

const serve = new URL('./serve-side.js', import.meta.url).href;
const script = `
  import { serveSide } from ${JSON.stringify(serve)};
  const held = [];
  serveSide((request) => {
    while (request === 'loop');
    while (request === 'fill') held.push(new Array(1e5).fill({}));
    return request;
  });
`;
const thread = new SideThread<Request, string>({
  script: new URL(`data:text/javascript,${encodeURIComponent(script)}`),
  ...{ data: null, limitMs: 2_000, heapMiB: 32 },
});
const exceeded = (what: string): Error => new Error(`it takes ${what}`);

describe('a side thread', () => {
  after(() => thread.close());

  it('answers, ends what exceeds its time or its memory, and answers again', async () => {
    assert.equal(await thread.ask('echo', exceeded), 'echo');
    await assert.rejects(thread.ask('loop', exceeded), /more than 2000 ms/);
    assert.equal(await thread.ask('echo', exceeded), 'echo');
    await assert.rejects(thread.ask('fill', exceeded), /more memory than it may/);
    assert.equal(await thread.ask('echo', exceeded), 'echo');
    assert.equal(thread.restartCount, 2);
  });
});
