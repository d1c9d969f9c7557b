// Checks errands in virtual time with the scripted expert: most end at their goal, whatever the
// eyes take, and a view of one can be drawn.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ControlLoop, loopDefaults, tickMs } from './control-loop.js';
import { runSvg } from './picture/svg.js';
import { terminalView } from './picture/terminal-view.js';
import { Robot } from './robot.js';
import { drawErrand } from './room/draw-errand.js';
import { isFree } from './room/room.js';
import { expertAction } from './room/sights.js';

const secondsMax = 60;

/** @param latencyMs from picture to answer. */
function drive(seed: number, latencyMs: number): { robot: Robot; loop: ControlLoop } {
  const robot = new Robot(drawErrand(seed));
  const loop = new ControlLoop(loopDefaults);
  let due: { atMs: number; tell: () => void } | null = null;
  for (let nowMs = 0; nowMs < 1_000 * secondsMax && !loop.isOver; nowMs += tickMs) {
    if (due !== null && due.atMs <= nowMs) {
      due.tell();
      due = null;
    }
    for (const effect of loop.tick(nowMs, robot.takeSenses())) {
      if (effect.kind === 'step') robot.move(effect.step);
      else if (effect.kind === 'cancel') due = null;
      else {
        const action = expertAction(robot.view.sights, robot.errand.goal);
        const atMs = nowMs + latencyMs;
        due = { atMs, tell: () => loop.answered(effect.request, action, atMs) };
      }
    }
  }
  return { robot, loop };
}

describe('errands of the scripted expert', () => {
  const seeds = Array.from({ length: 40 }, (_, index) => 1_000 + index);

  for (const latencyMs of [60, 250, 700]) {
    // Seeds are fixed, so that no run differs from another.
    it(`end at the goal in nine of ten rooms with ${latencyMs} ms from picture to action`, () => {
      const done = seeds.filter((seed) => {
        const { robot, loop } = drive(seed, latencyMs);
        return loop.isOver && robot.isAtGoal;
      });
      assert.ok(done.length >= 0.9 * seeds.length, `${done.length} of ${seeds.length}`);
    });
  }

  it('never leave the floor that is free', () => {
    for (const seed of seeds.slice(0, 10)) {
      const { robot } = drive(seed, 250);
      const { room } = robot.errand;
      assert.ok(robot.path.every(({ x, y }) => isFree(room, x, y)));
    }
  });

  it('are the same for the same seed, and differ for others', () => {
    assert.deepEqual(drawErrand(5), drawErrand(5));
    assert.notDeepEqual(drawErrand(5), drawErrand(6));
  });

  it('can be drawn from above and in a terminal', () => {
    const { robot, loop } = drive(1_000, 250);
    const { errand, path } = robot;
    const svg = runSvg({ errand, path, looks: path.filter((_, index) => index % 9 === 0) });
    assert.equal(svg.match(/<svg/g)?.length, 1);
    assert.ok(svg.includes(errand.goal) && svg.trimEnd().endsWith('</svg>'));
    const lines = terminalView({ robot, counts: loop.counts, said: '{"turn": 0}', seconds: 3 });
    assert.ok(
      lines.length > 20 && lines.some((line) => line.includes(`Go to the ${errand.goal}.`)),
    );
  });
});
