// Where speculation stops paying as a server fills up, and whether its advice on draft lengths finds the place: fixed
// lengths of devices that are deaf to advice, the best of them chosen afterwards, beside devices that hear it.

import {
  race,
  type ServiceResult,
  type Serving,
  serve,
  speedOf,
  stopAndWait,
  stream,
} from '../../../src/sim/service/serve.js';
import type { ExperimentContext } from '../../report/experiment.js';
import type { Table } from '../../report/result.js';
import type { SledServer } from '../sled.js';
import { answerTokens, fleetOf, mixedFleet } from './fleet.js';

const deviceCounts = [1, 4, 16, 64];
const draftLengths = [1, 2, 4, 8];
const longest = 8;

/** As shipped: the device weighs its own pace, link and luck, the server says what its passes can bear. */
const measured: Serving = {
  ...stopAndWait(longest),
  stopRule: { kind: 'adaptive', draftLengthMax: longest },
};

export interface AdviceResult {
  readonly server: string;
  readonly deviceCount: number;
  readonly streamed: ServiceResult;
  /** [draft lengths] deaf to advice. */
  readonly fixed: readonly { readonly draftLength: number; readonly served: ServiceResult }[];
  /** At most the longest of them, as the device measures and the server advises. */
  readonly advised: ServiceResult;
  readonly race: ServiceResult;
  readonly deafRace: ServiceResult;
}

/** Plays devices that follow the advice on draft lengths and ones that do not, on each server. */
export function playAdvice(
  context: ExperimentContext,
  servers: readonly SledServer[],
): Promise<AdviceResult[]> {
  const { isQuick } = context;
  return Promise.all(
    servers.flatMap((server) => {
      const most = Math.max(...server.deviceCounts);
      const counts = deviceCounts.filter((count) => count <= (isQuick ? 4 : most));
      return counts.map((count) => playPlace(context, server, count));
    }),
  );
}

async function playPlace(
  { isQuick, seed, play, note }: ExperimentContext,
  { name, pass }: SledServer,
  deviceCount: number,
): Promise<AdviceResult> {
  const length = deviceCount >= 16 || isQuick ? 2 : 6;
  const seeds = Array.from({ length }, (_, index) => seed * 1_000 + index);
  const fixture = { deviceCount, devices: fleetOf(mixedFleet), pass, answerTokens, seeds };
  const deaf = { ...fixture, devices: fleetOf(mixedFleet, { ignoresAdvice: true }) };
  const fixedOf = async (draftLength: number) => ({
    draftLength,
    served: await serve(play, deaf, stopAndWait(draftLength)),
  });
  const [fixed, streamed, advised, raced, deafRace] = await Promise.all([
    Promise.all(draftLengths.map(fixedOf)),
    serve(play, fixture, stream),
    serve(play, fixture, measured),
    serve(play, fixture, race),
    serve(play, deaf, race),
  ]);
  note(`advice, ${name}, devices ${deviceCount}`);
  return { server: name, deviceCount, fixed, streamed, advised, race: raced, deafRace };
}

/** Of the fixed lengths, chosen on the figures that are shown. */
export const bestFixed = ({ fixed }: AdviceResult): AdviceResult['fixed'][number] =>
  fixed.reduce((a, b) => (a.served.tokenMs.value <= b.served.tokenMs.value ? a : b));

export const adviceTable = (result: readonly AdviceResult[]): Table => ({
  id: 'advice',
  title:
    'advice on draft lengths beside the best length in hindsight: speeds of a user, of central streaming',
  keys: [
    { name: 'server', title: 'target', unit: '' },
    { name: 'devices', title: 'devices', unit: '' },
    { name: 'best', title: 'best fixed length', unit: '' },
  ],
  values: [
    { name: 'fixed', title: 'best fixed, deaf', unit: '', origin: 'simulated' },
    { name: 'longest', title: `${longest} drafted, deaf`, unit: '', origin: 'simulated' },
    { name: 'advised', title: `adaptive up to ${longest}, advised`, unit: '', origin: 'simulated' },
    { name: 'advisedLength', title: 'tested a pass, advised', unit: '', origin: 'simulated' },
    { name: 'deafRace', title: 'race, deaf', unit: '', origin: 'simulated' },
    { name: 'race', title: 'race, advised', unit: '', origin: 'simulated' },
  ],
  rows: result.map((one) => {
    const best = bestFixed(one);
    const speed = (served: ServiceResult) => speedOf(served, one.streamed);
    return {
      keys: [one.server, one.deviceCount, best.draftLength],
      values: [
        speed(best.served),
        speed(one.fixed.at(-1)!.served),
        speed(one.advised),
        one.advised.draftLength,
        speed(one.deafRace),
        speed(one.race),
      ],
    };
  }),
  isShown: true,
});
