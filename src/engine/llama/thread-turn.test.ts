// Checks that threads wait for each other's turn.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { inThreadTurn } from './thread-turn.js';

const roundCount = 2000;
const script = `
  const { workerData } = require('node:worker_threads');
  import(workerData.module).then(({ inThreadTurn }) => {
    const total = new Int32Array(workerData.total);
    for (let round = 0; round < ${roundCount}; round++) {
      inThreadTurn(workerData.turn, () => {
        const before = total[0];
        for (let wait = 0; wait < 20; wait++) Atomics.load(total, 1);
        total[0] = before + 1;
      });
    }
  });
`;

it('threads take turns', async () => {
  const [turn, total] = [new SharedArrayBuffer(4), new SharedArrayBuffer(8)];
  const module = new URL('./thread-turn.js', import.meta.url).href;
  const workers = [0, 1, 2].map(
    () => new Worker(script, { eval: true, workerData: { module, turn, total } }),
  );
  await Promise.all(workers.map((worker) => once(worker, 'exit')));
  assert.equal(new Int32Array(total)[0], 3 * roundCount);
});

it('a turn ends with an error too', () => {
  const turn = new SharedArrayBuffer(4);
  assert.throws(() =>
    inThreadTurn(turn, () => {
      throw new Error('told to fail');
    }),
  );
  assert.equal(
    inThreadTurn(turn, () => 7),
    7,
  );
});
