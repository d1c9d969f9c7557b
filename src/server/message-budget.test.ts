// Checks the budget that unfinished messages of all connections share: the largest holder is cut
// off, and small ones never are.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { describe, it } from 'node:test';
import { MessageBudget } from './message-budget.js';

const KiB = 1024;

class Line {
  readonly socket = new EventEmitter();
  readonly #receive: (bytes: number) => void;
  overloadedCount = 0;

  constructor(budget: MessageBudget) {
    this.#receive = budget.watch(this.socket, () => this.overloadedCount++);
  }

  receive(bytes: number): void {
    for (let left = bytes; left > 0; left -= 16 * KiB) {
      this.#receive(Math.min(left, 16 * KiB));
    }
  }
}

describe('the budget of unfinished messages', () => {
  it('cuts off who holds most when there is no more room, and once', () => {
    const budget = new MessageBudget(512 * KiB);
    const [large, small, third] = [new Line(budget), new Line(budget), new Line(budget)];
    large.receive(400 * KiB);
    small.receive(200 * KiB);
    assert.equal(large.overloadedCount + small.overloadedCount, 0);
    third.receive(128 * KiB);
    assert.deepEqual(
      [large, small, third].map(({ overloadedCount }) => overloadedCount),
      [1, 0, 0],
    );
    large.receive(2048 * KiB);
    small.receive(200 * KiB);
    assert.deepEqual(
      [large, small, third].map(({ overloadedCount }) => overloadedCount),
      [1, 0, 0],
    );
  });

  it('has room again for what messages, control frames and closed connections gave back', () => {
    const budget = new MessageBudget(512 * KiB);
    const lines = [new Line(budget), new Line(budget)];
    for (let round = 0; round < 8; round++) {
      for (const line of lines) line.receive(300 * KiB);
      lines[0]!.socket.emit('message', Buffer.alloc(0), true);
      lines[1]!.socket.emit('close');
    }
    const pings = new Line(budget);
    for (let count = 0; count < 100_000; count++) {
      pings.receive(131);
      pings.socket.emit('ping', Buffer.alloc(125));
    }
    assert.ok([...lines, pings].every(({ overloadedCount }) => overloadedCount === 0));
  });

  it('never counts small messages, however many connections send them', () => {
    const budget = new MessageBudget(1);
    const lines = Array.from({ length: 100 }, () => new Line(budget));
    for (const line of lines) line.receive(64 * KiB);
    assert.ok(lines.every(({ overloadedCount }) => overloadedCount === 0));
    lines[0]!.receive(2);
    assert.deepEqual(lines.map(({ overloadedCount }) => overloadedCount).indexOf(1), 0);
  });
});
