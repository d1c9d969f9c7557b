// Drives a robot to its goal in real time: a tick of the control loop every 20 ms, whether the eyes
// have answered or not.

import { setTimeout as sleep } from 'node:timers/promises';
import { actionFrom } from './action.js';
import { ControlLoop, type LoopCounts, loopDefaults, tickMs } from './control-loop.js';
import type { Eyes } from './eyes/eyes.js';
import { Robot } from './robot.js';
import type { Errand } from './room/draw-errand.js';
import type { Pose } from './room/room.js';

export interface DriveReport {
  readonly errand: Errand;
  readonly isDone: boolean;
  readonly seconds: number;
  readonly counts: LoopCounts;
  readonly path: readonly Pose[];
  /** [asked] where the pictures were taken. */
  readonly looks: readonly Pose[];
  readonly touchCount: number;
  /** Why answers failed, each reason once. */
  readonly failures: readonly string[];
}

/** What a live view shows. */
export interface DriveState {
  readonly robot: Robot;
  readonly counts: LoopCounts;
  readonly said: string;
  readonly seconds: number;
}

/** An errand that takes longer has failed. */
const secondsMax = 90;

/** @param onTick called after every tick. @param signal ends the errand. */
export async function driveErrand(
  errand: Errand,
  eyes: Eyes,
  signal: AbortSignal,
  onTick: (state: DriveState) => void = () => undefined,
): Promise<DriveReport> {
  const robot = new Robot(errand);
  const loop = new ControlLoop(loopDefaults);
  const looks: Pose[] = [];
  const failures = new Set<string>();
  const startMs = performance.now();
  const secondsNow = (): number => (performance.now() - startMs) / 1_000;
  let [said, asking] = ['', new AbortController()];

  const ask = async (request: number): Promise<void> => {
    looks.push(robot.pose);
    asking = new AbortController();
    const { signal: cancelled } = asking;
    try {
      const text = await eyes.act(robot.view, errand.goal, cancelled);
      const action = actionFrom(text);
      if (action === null) failures.add(`no action: ${text}`);
      said = text;
      loop.answered(request, action, performance.now());
    } catch (reason) {
      // A request that was given up ends with an error of no interest.
      if (cancelled.aborted) return;
      failures.add(reason instanceof Error ? reason.message : `${reason}`);
      loop.answered(request, null, performance.now());
    }
  };

  const tick = (): void => {
    for (const effect of loop.tick(performance.now(), robot.takeSenses())) {
      if (effect.kind === 'step') robot.move(effect.step);
      else if (effect.kind === 'cancel') asking.abort();
      else void ask(effect.request);
    }
    onTick({ robot, counts: loop.counts, said, seconds: secondsNow() });
  };

  for (let ticks = 0; !loop.isOver && !signal.aborted && secondsNow() < secondsMax; ticks++) {
    // A timer that is late makes no tick longer: those that are due follow at once.
    const dueMs = startMs + ticks * tickMs - performance.now();
    if (dueMs > 0) await sleep(dueMs);
    tick();
  }
  asking.abort();
  return {
    errand,
    isDone: loop.isOver && robot.isAtGoal,
    seconds: secondsNow(),
    ...{ counts: loop.counts, path: robot.path, looks, touchCount: robot.touchCount },
    failures: [...failures],
  };
}
