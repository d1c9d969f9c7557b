// Lets requests wait for a generator that is about to be ready: a device that has just started
// connects to its server meanwhile.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Generator } from './generator.js';

/** A device that has no server tries again every ten seconds at least. */
export const startMsMaxDefault = 12_000;
const lookMs = 50;

/**
 * Waits while a generator is starting, at most `msMax`.
 *
 * @param isGone whether the client has left.
 */
export async function untilStarted(
  generator: Pick<Generator, 'readiness'>,
  isGone: () => boolean,
  msMax: number,
): Promise<void> {
  const untilMs = performance.now() + msMax;
  while (generator.readiness === 'starting' && performance.now() < untilMs && !isGone()) {
    await sleep(lookMs);
  }
}
