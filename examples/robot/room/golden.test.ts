// Repeats the views, sights, actions and moves that the training's own room has written.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { packageRoot } from '../../../src/cli/package-root.js';
import { side } from './camera.js';
import { palette } from './drawings.js';
import { moved, type Pose, type Room } from './room.js';
import { descriptionOf, expertAction, viewOf } from './sights.js';

interface GoldenCase {
  readonly room: Room;
  readonly pose: Pose;
  /** [96] runs of each row: index, count, index, count ... */
  readonly rows: readonly (readonly number[])[];
  readonly sights: readonly (readonly [name: string, bearing: number, distance: number])[];
  readonly description: string;
  readonly goal: string;
  readonly action: readonly [turn: number, forward: number, stop: boolean];
  readonly moved: Pose;
}

const golden = JSON.parse(
  readFileSync(join(packageRoot, 'training', 'eyes', 'golden.json'), 'utf8'),
) as { readonly palette: readonly (readonly number[])[]; readonly cases: readonly GoldenCase[] };

function runsOf(row: Uint8Array): number[] {
  const runs: number[] = [];
  for (const pixel of row) {
    if (runs.at(-2) === pixel) runs[runs.length - 1]!++;
    else runs.push(pixel, 1);
  }
  return runs;
}

describe("the room beside the training's", () => {
  it('has its palette', () => assert.deepEqual(palette, golden.palette));

  it('has at least eight golden views', () => assert.ok(golden.cases.length >= 8));

  for (const [index, one] of golden.cases.entries()) {
    it(`sees, says and does the same in golden view ${index}`, () => {
      const { pixels, sights } = viewOf(one.room, one.pose);
      const rows = Array.from({ length: side }, (_, y) =>
        runsOf(pixels.subarray(y * side, (y + 1) * side)),
      );
      assert.deepEqual(rows, one.rows);
      const round = (value: number): number => Math.round(value * 1e6) / 1e6;
      assert.deepEqual(
        sights.map(({ name, bearing, distance }) => [name, round(bearing), round(distance)]),
        one.sights,
      );
      assert.equal(descriptionOf(sights), one.description);
      const { turn, forward, stop } = expertAction(sights, one.goal);
      assert.deepEqual([turn, forward, stop], one.action);
      assert.deepEqual(moved(one.room, one.pose, turn, forward), one.moved);
    });
  }
});
