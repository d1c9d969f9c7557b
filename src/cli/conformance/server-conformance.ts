// Runs the checks of a server, one after the other.

import { PilotfishError } from '../../base/error.js';
import { ServerBench } from './bench.js';
import { type ConformanceCheck, type ConformanceResult, resultOf } from './conformance-check.js';
import { greetingChecks } from './greeting-checks.js';
import { pictureChecks } from './picture-checks.js';
import type { ProbeOptions } from './probe.js';
import { refusalChecks } from './refusal-checks.js';
import { sessionChecks } from './session-checks.js';
import { textChecks } from './text-checks.js';

export const serverChecks: readonly ConformanceCheck<ServerBench>[] = [
  ...greetingChecks,
  ...textChecks,
  ...sessionChecks,
  ...refusalChecks,
  ...pictureChecks,
];

/**
 * @param only part of the names of the checks to run.
 * @throws PilotfishError `server-unreachable` where there is none.
 */
export async function* checkServer(
  url: string,
  options: ProbeOptions,
  only = '',
): AsyncGenerator<ConformanceResult> {
  const bench = new ServerBench(url, options);
  await bench.connect().catch((reason: Error) => {
    throw new PilotfishError(
      'server-unreachable',
      `no server answers at ${url}: ${reason.message}`,
    );
  });
  for (const check of serverChecks) {
    if (!check.name.includes(only)) continue;
    yield await resultOf(check, bench);
    bench.leave();
  }
}
