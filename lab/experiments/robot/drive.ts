// Drives errands one after another in one virtual world: the example's control loop, the shipped
// cores of device and server between it and the models, and the link.

import { actionFrom, actionText } from '../../../examples/robot/action.js';
import {
  ControlLoop,
  type LoopCounts,
  loopDefaults,
  tickMs,
} from '../../../examples/robot/control-loop.js';
import { Robot } from '../../../examples/robot/robot.js';
import { drawErrand } from '../../../examples/robot/room/draw-errand.js';
import type { Pose } from '../../../examples/robot/room/room.js';
import { expertAction } from '../../../examples/robot/room/sights.js';
import type { Statistics } from '../../../src/device/core/statistics.js';
import { plainSampling } from '../../../src/math/sampling.js';
import type { SimAnswer } from '../../../src/sim/sim-answer.js';
import { World } from '../../../src/sim/world.js';
import { actionTokens, promptOf, textOf } from './pieces.js';
import { type RobotPlace, type Way, worldPlan } from './place.js';
import { ActionModels } from './text-models.js';

export interface ErrandResult extends LoopCounts {
  readonly isDone: boolean;
  readonly ms: number;
  /** Steps ahead that something was in the way of, while an answer was late. */
  readonly lateTouches: number;
  readonly path: readonly Pose[];
}

export interface DriveResult {
  readonly errands: readonly ErrandResult[];
  /** Of answers that ended. */
  readonly statistics: readonly Statistics[];
}

/** An errand that takes longer has failed. */
const errandMsMax = 60_000;
const connectMs = 500;
/** A link is lost for 2 s at this time of every errand. */
export const dropOut = { atMs: 2_000, forMs: 2_000 } as const;

/** Tells the loop of an action, or of none. */
type Tell = (text: string | null) => void;

/** Asks models about pictures; the request is the one before's successor. */
interface Eyes {
  ask(answer: Int32Array, tell: Tell): void;
  cancel(): void;
}

/** @param errandSeeds of the rooms. */
export function drive(
  way: Way,
  place: RobotPlace,
  errandSeeds: readonly number[],
  seed: number,
): DriveResult {
  const models = new ActionModels();
  const told = new Map<SimAnswer, () => void>();
  const statistics: Statistics[] = [];
  const plan = { ...worldPlan(way, place, seed), models };
  const world = new World(plan, [
    {
      onTell(answer) {
        if (answer.transcript.end === null) return;
        statistics.push(answer.transcript.end.statistics);
        told.get(answer)?.();
        told.delete(answer);
      },
    },
  ]);
  const eyes = way.isAlone
    ? aloneEyes(world, models, place)
    : serverEyes(world, models, way, place, told);
  const errands: ErrandResult[] = [];
  const next = (): void => {
    const room = errandSeeds[errands.length];
    if (room === undefined) return;
    runErrand(world, eyes, place, new Robot(drawErrand(room)), (result) => {
      errands.push(result);
      next();
    });
  };
  world.recover(connectMs, next);
  world.run();
  return { errands, statistics };
}

function runErrand(
  world: World,
  eyes: Eyes,
  { hasDropOuts }: RobotPlace,
  robot: Robot,
  done: (result: ErrandResult) => void,
): void {
  const loop = new ControlLoop(loopDefaults);
  const startMs = world.nowMs;
  let lateTouches = 0;
  const tick = (): void => {
    const ms = world.nowMs - startMs;
    if (hasDropOuts && ms === dropOut.atMs) loseLink(world);
    const touchesBefore = robot.touchCount;
    for (const effect of loop.tick(world.nowMs, robot.takeSenses())) {
      if (effect.kind === 'step') robot.move(effect.step);
      else if (effect.kind === 'cancel') eyes.cancel();
      else {
        const action = actionText(expertAction(robot.view.sights, robot.errand.goal));
        eyes.ask(actionTokens(action), (text) =>
          loop.answered(effect.request, text === null ? null : actionFrom(text), world.nowMs),
        );
      }
    }
    if (loop.isLate) lateTouches += robot.touchCount - touchesBefore;
    if (!loop.isOver && ms < errandMsMax) {
      world.recover(tickMs, tick);
      return;
    }
    eyes.cancel();
    const isDone = loop.isOver && robot.isAtGoal;
    done({ ...loop.counts, isDone, ms, lateTouches, path: robot.path });
  };
  tick();
}

function loseLink(world: World): void {
  const [device] = world.devices;
  device!.outUntilMs = world.nowMs + dropOut.forMs;
  device!.link?.cut({ device: 0, server: 0 });
}

/** The models of a server, and of the device where the way has one. */
function serverEyes(
  world: World,
  models: ActionModels,
  way: Way,
  { encodeMs }: RobotPlace,
  told: Map<SimAnswer, () => void>,
): Eyes {
  let current: { answer: SimAnswer | null; isOver: boolean } = { answer: null, isOver: true };
  const write = (
    request: typeof current,
    prompt: Int32Array,
    said: readonly number[],
    tell: Tell,
  ): void => {
    if (request.isOver) return;
    world.ask(askOf(way, Int32Array.of(...prompt, ...said), world));
    const answer = world.answers.at(-1)!;
    request.answer = answer;
    told.set(answer, () => {
      if (request.isOver) return;
      const { end, tokens } = answer.transcript;
      if (end?.kind !== 'ended') {
        request.isOver = true;
        tell(null);
        return;
      }
      const all = [...said, ...tokens.map(({ token }) => token)];
      // One token a request: the next one asks for the next.
      if (end.reason !== 'end-of-text') write(request, prompt, all, tell);
      else {
        request.isOver = true;
        tell(textOf(all));
      }
    });
  };
  const cancel = (): void => {
    if (current.isOver) return;
    current.isOver = true;
    const { answer } = current;
    if (answer !== null) world.devices[0]!.feed({ kind: 'cancel', answer: answer.id });
  };
  return {
    cancel,
    ask: (answer, tell) => {
      cancel();
      const request = { answer: null, isOver: false };
      current = request;
      const prompt = promptOf(models.show(answer));
      world.recover(encodeMs, () => write(request, prompt, [], tell));
    },
  };
}

function askOf({ mode, draftLength, isTokenwise }: Way, ids: Int32Array, world: World) {
  return {
    ...{ id: world.nextAskIds(1), device: 0, atMs: world.nowMs },
    request: {
      prompt: { kind: 'ids', ids } as const,
      ...{
        sampling: { ...plainSampling, temperature: 0 },
        seed: 1n,
        scheme: 'greedy' as const,
        mode,
      },
      ...{ tokensMax: isTokenwise ? 1 : 32, windowMax: 64, cut: null, fallback: 'wait' as const },
      stopRule: {
        kind: draftLength === null ? ('adaptive' as const) : ('fixed' as const),
        draftLengthMax: draftLength ?? 16,
      },
    },
  };
}

/** The device's own draft model, which sees nothing. */
function aloneEyes(world: World, models: ActionModels, { draftMs }: RobotPlace): Eyes {
  let count = 0;
  return {
    cancel: () => {
      count++;
    },
    ask: (_answer, tell) => {
      const request = ++count;
      const said = models.blindAnswer();
      world.recover(draftMs * said.length, () => {
        if (request === count) tell(textOf(said));
      });
    },
  };
}
