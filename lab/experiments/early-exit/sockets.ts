// Drafts ahead over real sockets: one device, the inflated target with a trained exit in a process
// of its own, passes and hints that take what they take. Emulated: the device's pace and the link.

import { PilotfishError } from '../../../src/base/error.js';
import type { Client } from '../../../src/device/index.js';
import { medianEstimate } from '../../../src/math/estimate.js';
import type { Mode } from '../../../src/protocol/frame.js';
import { evenLink } from '../../../src/sim/profiles/link-profiles.js';
import { type TimedAnswer, write } from '../../loop/fleet.js';
import {
  LoopFixture,
  llamaServer,
  type RecordedTexts,
  recordTexts,
  replayTask,
} from '../../loop/loop-fixture.js';
import { replayDrafter } from '../../loop/replay-drafter.js';
import type { ExperimentContext } from '../../report/experiment.js';
import { pick, type Run } from '../fixture.js';
import { columnsOf, type ExitAnswers } from './values.js';
import { type AheadKind, budgetOf, type DraftPace, type Variant } from './variant.js';

interface SocketVariant {
  readonly mode: Mode;
  readonly ahead: AheadKind;
}

/** In pipeline and race there is nothing but drafting ahead: `none` is stop-and-wait's. */
export const socketVariants: readonly SocketVariant[] = [
  { mode: 'stop-and-wait', ahead: 'none' },
  { mode: 'stop-and-wait', ahead: 'own' },
  { mode: 'stop-and-wait', ahead: 'all' },
  { mode: 'pipeline', ahead: 'own' },
  { mode: 'pipeline', ahead: 'all' },
  { mode: 'race', ahead: 'own' },
  { mode: 'race', ahead: 'all' },
];

interface SocketGrid extends Pick<Variant, 'draftLength' | 'budget'>, DraftPace {
  readonly layer: number;
  readonly roundTripsMs: readonly number[];
  readonly textCount: number;
  /** Of each text. */
  readonly tokenCount: number;
}

type SocketContext = Pick<ExperimentContext, 'models' | 'note' | 'signal'>;

/**
 * The same texts under every variant, turn by turn.
 *
 * @returns rows, and whether every text is that of its recording, to the last token.
 * @throws PilotfishError `cancelled`; `engine-failed` where the server's process ended.
 */
export async function runSockets({ models, note, signal }: SocketContext, grid: SocketGrid) {
  const modelPath = models.inflatedTarget();
  const { textCount, tokenCount, draftMs, rowShare, budget } = grid;
  const { runnersUpMax } = budgetOf({ ahead: 'all', budget });
  const paths = { target: modelPath, draft: models.draft() };
  const texts = await recordTexts(paths, textCount, tokenCount, runnersUpMax);
  const exit = { headPath: models.inflatedExit(grid.layer, modelPath) };
  const shape = { exit, slotCount: 1, contextLength: 512, deterministic: true };
  const server = llamaServer({ modelPath, ...shape });
  const loop = await LoopFixture.open(server, texts.vocabulary, evenLink(0));
  const drafter = replayDrafter(texts.recordings, draftMs, 512, rowShare);
  const devices = new Map<AheadKind, Client>();
  const rows: ReturnType<typeof rowsOf> = [];
  let isSameText = true;
  try {
    // How a device drafts ahead is said once: a device for each kind.
    for (const ahead of new Set(socketVariants.map((variant) => variant.ahead)))
      devices.set(ahead, await loop.connect(drafter, budgetOf({ ahead, budget })));
    for (const roundTripMs of grid.roundTripsMs) {
      loop.link = evenLink(roundTripMs);
      const runs = await runRoundTrip(texts, devices, grid.draftLength, signal);
      rows.push(...rowsOf(runs, grid, roundTripMs));
      isSameText &&= runs.every(({ result }) =>
        result.every(
          ({ tokens }, index) => `${tokens}` === `${[...texts.recordings[index]!.text]}`,
        ),
      );
      note(`over sockets, round trip ${roundTripMs} ms`);
    }
  } finally {
    await loop.close();
    await texts.close();
  }
  return { rows, isSameText };
}

type SocketRun = Run<SocketVariant, TimedAnswer[]>;

async function runRoundTrip(
  texts: RecordedTexts,
  devices: ReadonlyMap<AheadKind, Client>,
  draftLength: number,
  signal: ExperimentContext['signal'],
): Promise<readonly SocketRun[]> {
  const runs = socketVariants.map((variant): SocketRun => ({ variant, result: [] }));
  for (const turn of texts.recordings.keys()) {
    // Each variant comes first in some text: none is always the one behind a pause.
    for (const step of runs.keys()) {
      if (signal.aborted) throw new PilotfishError('cancelled', 'the experiment was stopped');
      const { variant, result } = runs[(turn + step) % runs.length]!;
      result.push(
        await write(devices.get(variant.ahead)!, {
          ...{ ...replayTask(texts, turn), mode: variant.mode },
          stopRule: { kind: 'fixed', draftLengthMax: draftLength },
        }),
      );
    }
  }
  return runs;
}

const answersOf = ({ result }: SocketRun): ExitAnswers =>
  result.map(({ tokenMs, statistics }) => ({ tokenMs: [tokenMs], statistics: [statistics] }));

/** Speeds in units of the first of its mode, and of the first of all. */
function rowsOf(runs: readonly SocketRun[], grid: SocketGrid, roundTripMs: number) {
  return runs.map((run) => {
    const { mode, ahead } = run.variant;
    const [answers, none] = [answersOf(run), answersOf(runs[0]!)];
    const base = answersOf(runs.find(({ variant }) => variant.mode === mode)!);
    const columns = columnsOf(answers, base, grid);
    const passesMs = answers.flatMap(({ statistics }) => statistics[0]!.verifyMs ?? []);
    return {
      ...{ mode, draftLength: grid.draftLength, roundTripMs, way: ahead },
      ...pick(columns, 'speed', 'right', 'leadMs', 'runnerUpHits', 'hintHits'),
      // Of a machine that does other things as well: a mean would be its worst moment.
      tokenMs: medianEstimate(answers.map(({ tokenMs }) => tokenMs[0]!)),
      speedOfNone: columnsOf(answers, none, grid).speed,
      passMs: passesMs.length > 0 ? medianEstimate(passesMs) : null,
    };
  });
}
