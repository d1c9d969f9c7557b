// Checks that every request ends, with its text or with a code, within a bounded time after it was
// made and the last fault was over.

import type { Observer } from '../observer.js';
import type { CheckerContext } from './checker.js';

/** Most events at one time. */
const standstillMax = 20_000;

export function checkLiveness({ world, violate }: CheckerContext): Observer {
  let lastMs = -1;
  let count = 0;

  /** Virtual time has to move: cores that answer each other at once would never end. */
  const step = (): void => {
    const { nowMs } = world();
    if (nowMs !== lastMs) {
      lastMs = nowMs;
      count = 0;
    } else if (++count === standstillMax) {
      violate('liveness', `${standstillMax} events at ${nowMs} ms`);
    }
  };

  return { onServerStep: step, onDeviceStep: step };
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
  const { name, ask, transcript, askedAtMs } = first;
  const { scheme, mode, tokensMax } = ask.request;
  const waited = Math.round(world().nowMs - askedAtMs);
  return `${live.length} answers are open; ${name} (${scheme}, ${mode}) has ${transcript.finalCount} of ${tokensMax} tokens after ${waited} ms`;
}
