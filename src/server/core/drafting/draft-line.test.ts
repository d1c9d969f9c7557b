// Checks how drafts of device and server are put in a line, and cut to what may be tested.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  cutDrafts,
  deviceLine,
  firstDrafts,
  joinDrafts,
  lineLength,
  mergedLine,
  noServerDrafts,
  type ServerDrafts,
} from './draft-line.js';

function draftsOf(tokens: readonly number[], chance = 0.5): ServerDrafts {
  return {
    tokens: Int32Array.from(tokens),
    sources: tokens.map(() => 'model'),
    chances: tokens.map((_, index) => chance + index / 1000),
    confidences: tokens.map((_, index) => index),
  };
}

/** Drafts of the device that count, tokens of the server, and its first confidence. */
function merged(
  device: readonly number[],
  prefix: readonly number[],
  drafts: ServerDrafts,
  deviceChance = 0.5,
) {
  const proposal = { prefix: Int32Array.from(prefix), drafts };
  const line = mergedLine(Int32Array.from(device), proposal, deviceChance);
  const { deviceCount, server } = line;
  assert.equal(lineLength(line), deviceCount + server.tokens.length);
  for (const part of [server.sources, server.chances, server.confidences]) {
    assert.equal(part.length, server.tokens.length);
  }
  return [deviceCount, [...server.tokens], server.confidences[0] ?? null];
}

describe('a line of drafts', () => {
  it("has the server's drafts behind the device's that they follow", () => {
    assert.deepEqual(merged([], [], draftsOf([7, 8])), [0, [7, 8], 0]);
    assert.deepEqual(merged([5, 6], [5, 6], draftsOf([7, 8])), [2, [7, 8], 0]);
  });

  it("keeps the server's drafts that the device has drafted since only once", () => {
    assert.deepEqual(merged([5, 7], [5], draftsOf([7, 8, 9])), [2, [8, 9], 1]);
    assert.deepEqual(merged([5, 7, 8], [5], draftsOf([7, 8])), [3, [], null]);
    assert.deepEqual(merged([5, 7, 8, 9], [5], draftsOf([7, 8])), [4, [], null]);
  });

  it('drops drafts of the server behind drafts that are not in line any more', () => {
    assert.deepEqual(merged([4, 6], [5, 6], draftsOf([7])), [2, [], null]);
    assert.deepEqual(merged([5], [5, 6], draftsOf([7])), [1, [], null]);
  });

  it('takes the likelier end of the line where device and server differ', () => {
    assert.deepEqual(merged([5, 7, 1, 2], [5], draftsOf([7, 8]), 0.9), [4, [], null]);
    assert.deepEqual(merged([5, 7, 1, 2], [5], draftsOf([7, 8, 9], 0.9), 0.3), [2, [8, 9], 1]);
    // One draft of the device against three of the server, all equally likely.
    assert.deepEqual(merged([1], [], draftsOf([7, 8, 9])), [0, [7, 8, 9], 0]);
    assert.deepEqual(merged([1, 2, 3], [], draftsOf([7])), [3, [], null]);
  });

  it('is joined and cut', () => {
    const joined = joinDrafts(draftsOf([1, 2]), draftsOf([3], 0.8));
    assert.deepEqual([...joined.tokens], [1, 2, 3]);
    assert.deepEqual(joined.chances, [0.5, 0.501, 0.8]);
    assert.deepEqual(joined.confidences, [0, 1, 0]);
    assert.equal(joined.sources.length, 3);
    assert.deepEqual([...firstDrafts(joined, 2).tokens], [1, 2]);
    assert.deepEqual(firstDrafts(joined, 2).chances, [0.5, 0.501]);
    assert.equal(firstDrafts(joined, 3), joined);
    assert.equal(firstDrafts(joined, -1).tokens.length, 0);
    assert.equal(joinDrafts(joined, noServerDrafts), joined);
    assert.equal(lineLength(deviceLine(4)), 4);
  });

  it('ends with a draft that ends the text', () => {
    const end = new Set([2]);
    const cut = (countMax: number) => [...cutDrafts(draftsOf([5, 2, 6]), countMax, end).tokens];
    assert.deepEqual(cut(9), [5, 2]);
    assert.deepEqual(cut(1), [5]);
    assert.deepEqual([...cutDrafts(draftsOf([5, 6, 7]), 2, end).tokens], [5, 6]);
    assert.deepEqual([...cutDrafts(draftsOf([2, 6]), 9, end).tokens], [2]);
  });
});
