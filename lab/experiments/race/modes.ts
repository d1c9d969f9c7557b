// One bed in virtual time, served in every mode: streaming, stop-and-wait at its best draft length, pipeline, race.

import type { RunService } from '../../../src/sim/service/run-service.js';
import {
  pipeline,
  race,
  type ServiceFixture,
  type ServiceResult,
  serve,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';

export interface ModeResult {
  readonly mode: 'streaming' | 'stop-and-wait' | 'pipeline' | 'race';
  /** Of stop-and-wait: the best of a few. */
  readonly draftLength: number | null;
  readonly served: ServiceResult;
}

const draftLengths = [1, 2, 4, 8];

/**
 * Streaming first.
 *
 * @param streamed of a like bed, where it is played already.
 */
export async function playModes(
  play: RunService,
  fixture: ServiceFixture,
  streamed: Promise<ServiceResult> = serve(play, fixture, stream),
): Promise<ModeResult[]> {
  const roundsOf = async (draftLength: number) => ({
    draftLength,
    served: await serve(play, fixture, stopAndWait(draftLength)),
  });
  const [rounds, ...others] = await Promise.all([
    Promise.all(draftLengths.map(roundsOf)),
    streamed,
    serve(play, fixture, pipeline),
    serve(play, fixture, race),
  ]);
  const [best] = rounds.sort((a, b) => a.served.tokenMs.value - b.served.tokenMs.value);
  return [
    { mode: 'streaming', draftLength: null, served: others[0] },
    { mode: 'stop-and-wait', ...best! },
    { mode: 'pipeline', draftLength: null, served: others[1] },
    { mode: 'race', draftLength: null, served: others[2] },
  ];
}
