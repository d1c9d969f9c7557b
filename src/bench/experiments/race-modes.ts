// One bed in virtual time, served in every mode: streaming, stop-and-wait at its best draft length, pipeline, race.

import {
  type Bed,
  pipeline,
  race,
  type Served,
  serve,
  stopAndWait,
  stream,
} from './virtual-service.js';

export interface ModePlayed {
  readonly mode: 'streaming' | 'stop-and-wait' | 'pipeline' | 'race';
  /** Of stop-and-wait: the best of a few. */
  readonly draftLength: number | null;
  readonly served: Served;
}

const draftLengths = [1, 2, 4, 8];

/**
 * Streaming first.
 *
 * @param streamed of a like bed, where it is known already.
 */
export function playModes(bed: Bed, streamed: Served = serve(bed, stream)): ModePlayed[] {
  const rounds = draftLengths
    .map((draftLength) => ({ draftLength, served: serve(bed, stopAndWait(draftLength)) }))
    .sort((a, b) => a.served.tokenMs.value - b.served.tokenMs.value);
  return [
    { mode: 'streaming', draftLength: null, served: streamed },
    { mode: 'stop-and-wait', ...rounds[0]! },
    { mode: 'pipeline', draftLength: null, served: serve(bed, pipeline) },
    { mode: 'race', draftLength: null, served: serve(bed, race) },
  ];
}
