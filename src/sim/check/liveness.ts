// Checks that every request ends, with its text or with a code, within a bounded time after it was
// made and the last fault was over. Until then its user gets something new within a bounded time,
// as long as its link stands and no fault lasts.

import type { Observer } from '../observer.js';
import type { SimAnswer } from '../sim-answer.js';
import type { CheckerContext } from './checker.js';

/** Most events at one time. */
const standstillMax = 20_000;
/** How long a user may hear nothing new, as a share of the grace that a whole answer has. */
const silenceShare = 1 / 6;
/** How often answers are looked at: looking at all of them costs more than an event. */
const lookMs = 1_000;

export function checkLiveness({ world, violate }: CheckerContext): Observer {
  let lastMs = -1;
  let count = 0;
  let lookAtMs = 0;
  /** When the user of each open answer last heard something new. */
  const heardMs = new Map<SimAnswer, number>();
  /** Since when the link of each device stands. */
  const upMs = new Map<number, number>();

  /** Virtual time has to move: cores that answer each other at once would never end. */
  const step = (): void => {
    const { nowMs } = world();
    if (nowMs !== lastMs) {
      lastMs = nowMs;
      count = 0;
    } else if (++count === standstillMax) {
      violate('liveness', `${standstillMax} events at ${nowMs} ms`);
    }
    if (nowMs >= lookAtMs) look(nowMs);
  };

  const look = (nowMs: number): void => {
    lookAtMs = nowMs + lookMs;
    const { quietFromMs, plan } = world();
    const silenceMaxMs = plan.scenario.graceMs * silenceShare;
    for (const [answer, answerMs] of heardMs) {
      const sinceMs = Math.max(answerMs, quietFromMs, upMs.get(answer.device) ?? Infinity);
      if (nowMs - sinceMs <= silenceMaxMs) continue;
      const still = `nothing new for ${Math.round(nowMs - sinceMs)} ms on a link that stands`;
      violate('liveness', `${stateOf(answer)} and ${still}`);
      return;
    }
  };

  return {
    onServerStep: step,
    onDeviceStep: step,
    onAsk: (answer) => heardMs.set(answer, world().nowMs),
    onTell(answer, { kind }) {
      if (kind === 'ended' || kind === 'failed') heardMs.delete(answer);
      else if (kind !== 'retracted') heardMs.set(answer, world().nowMs);
    },
    onLoss: (answer) => heardMs.delete(answer),
    onLink({ index }, isUp) {
      if (isUp) upMs.set(index, world().nowMs);
      else upMs.delete(index);
    },
    onDeviceCrash: ({ index }) => upMs.delete(index),
  };
}

/**
 * To be called when a run has ended before its work was done.
 *
 * @returns what is still open, or null.
 */
export function openWork({ world }: Pick<CheckerContext, 'world'>): string | null {
  const live = world().devices.flatMap((device) => [...device.live.values()]);
  const [first] = live;
  if (first === undefined) return null;
  const waited = Math.round(world().nowMs - first.askedAtMs);
  return `${live.length} answers are open; ${stateOf(first)} after ${waited} ms`;
}

function stateOf({ name, ask, transcript }: SimAnswer): string {
  const { scheme, mode, tokensMax } = ask.request;
  return `${name} (${scheme}, ${mode}) has ${transcript.finalCount} of ${tokensMax} tokens`;
}
