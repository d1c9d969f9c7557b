// Checks that long bodies share a limit, that small ones are always accepted, and that space is
// released once.

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { ApiError } from './api-error.js';
import { BodyBudget } from './body-budget.js';

const KiB = 1024;
const requestOf = (headers: Record<string, string>): IncomingMessage =>
  ({ headers }) as unknown as IncomingMessage;
const lasting = (bytes: number): IncomingMessage => requestOf({ 'content-length': `${bytes}` });
const chunked = requestOf({ 'transfer-encoding': 'chunked' });

const isBusy = (reason: unknown): boolean =>
  reason instanceof ApiError && reason.code === 'server_busy';

describe('room for bodies', () => {
  it('is refused beyond its bound, and had again once one is given back', () => {
    const budget = new BodyBudget(400 * KiB, 200 * KiB);
    const first = budget.take(lasting(200 * KiB));
    budget.take(lasting(200 * KiB));
    assert.throws(() => budget.take(lasting(100 * KiB)), isBusy);
    first();
    budget.take(lasting(100 * KiB));
    // A second release of the same body frees nothing.
    first();
    assert.throws(() => budget.take(lasting(150 * KiB)), isBusy);
  });

  it('counts a body of unknown length as the longest', () => {
    const budget = new BodyBudget(300 * KiB, 200 * KiB);
    budget.take(chunked);
    assert.throws(() => budget.take(chunked), isBusy);
  });

  it('is always there for small bodies, and not needed for what is refused unread', () => {
    const budget = new BodyBudget(0, 200 * KiB);
    for (let index = 0; index < 1000; index++) budget.take(lasting(64 * KiB));
    budget.take(lasting(201 * KiB));
    assert.throws(() => budget.take(lasting(65 * KiB)), isBusy);
  });
});
