// Runs the transport suite over a link in memory, and tests how such a link treats bytes in flight.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryLink } from './memory-transport.suite.js';
import { transportSuite } from './transport.suite.js';

/** Tasks that run when told to. */
function taskQueue(): { schedule: (task: () => void) => void; run: () => void } {
  const tasks: (() => void)[] = [];
  return {
    schedule: (task) => {
      tasks.push(task);
    },
    run: () => {
      for (let task = tasks.shift(); task; task = tasks.shift()) task();
    },
  };
}

transportSuite('memory', async () => {
  const { schedule, run } = taskQueue();
  const { device, server, cut } = memoryLink(schedule);
  return { device, server, cut, settle: async () => run(), dispose: async () => {} };
});

describe('a memory link', () => {
  it('delivers nothing before its time', () => {
    const { schedule, run } = taskQueue();
    const { device, server } = memoryLink(schedule);
    const heard: number[] = [];
    server.listen({ message: (bytes) => heard.push(bytes.length), closed: () => {} });
    device.send(new Uint8Array(3));
    assert.deepEqual(heard, []);
    assert.equal(device.bufferedBytes, 3);
    run();
    assert.deepEqual(heard, [3]);
    assert.equal(device.bufferedBytes, 0);
  });

  it('loses what is under way when it is cut, and stays lost', () => {
    const { schedule, run } = taskQueue();
    const { device, server, cut } = memoryLink(schedule);
    const heard: string[] = [];
    const listener = {
      message: () => heard.push('message'),
      closed: ({ code }: { code: number }) => heard.push(String(code)),
    };
    device.listen(listener);
    server.listen(listener);
    run();
    device.send(new Uint8Array(3));
    device.close(1000, '');
    cut();
    cut();
    device.send(new Uint8Array(3));
    server.close(4001, '');
    run();
    assert.deepEqual(heard, ['1006', '1006']);
    assert.equal(device.bufferedBytes, 0);
  });
});
