// `npm run lab -- engine --part exits --part hints`: what hints of an early exit cost, as ratios inside one run, and how often they
// come true. Prints tables; the work is lab/engine/exit-bench.ts and exit-quality.ts.

import { storyPrompts } from '../../src/cli/demo/openings.js';
import { formatShare } from '../../src/cli/screen/numbers.js';
import { formatTable } from '../../src/cli/screen/table.js';
import { type ExitChoice, loadLlamaEngine } from '../../src/engine/llama/index.js';
import { benchExits, type ExitCase, type ExitCostRow } from '../engine/exit-bench.js';
import { type HintTally, tallyHints } from '../engine/exit-quality.js';
import { acceptanceCases } from '../engine/model-acceptance.js';
import { type BenchModels, exitLayers } from '../weights/bench-models.js';

/** What the part is given. */
export interface ExitContext {
  readonly models: BenchModels;
  readonly quick: boolean;
  readonly say: (text: string) => void;
  readonly note: (text: string) => void;
}

/** What they cost. @returns what --json shows. */
export async function benchExitCost({ models, quick, say, note }: ExitContext): Promise<unknown> {
  const costs = await benchExits(exitCases(models), quick ? 8 : 24, (row) =>
    note(`${row.model}, ${row.exit}, ${row.shape}: ${timeText(row)}`),
  );
  say(
    '\nExits: time of a pass with hints in units of the same pass on an engine without an exit (inflated target; aim 1.08)',
  );
  say(costTable(costs));
  return costs;
}

/** How good they are. @returns what --json shows. */
export async function benchHints({ models, quick, say, note }: ExitContext): Promise<unknown> {
  const quality = await hintQuality(models, quick ? 4 : 16, note);
  say("\nHints: against what the pass then commits, on the bundled target's own text");
  say(qualityTable(quality));
  return quality;
}

/** The middle exit on both inflated targets, and the untrained one, which has the least to compute. */
function exitCases(models: BenchModels): ExitCase[] {
  const [small, large] = [models.inflatedTarget(), models.wideVocabulary()];
  const head = (modelPath: string) => ({ headPath: models.inflatedExit(4, modelPath) });
  return [
    { model: 'vocabulary 4 096', modelPath: small, exit: 'trained, 8 of 16', choice: head(small) },
    {
      model: 'vocabulary 4 096',
      modelPath: small,
      exit: 'untrained, 8 of 16',
      choice: { layer: 8 },
    },
    { model: 'vocabulary 32 000', modelPath: large, exit: 'trained, 8 of 16', choice: head(large) },
  ];
}

interface QualityRow extends HintTally {
  readonly exit: string;
  readonly name: string;
  readonly draftLength: number;
}

/** Greedy and coupled texts with and without drafts, at each bundled head and at the untrained exits of their layers. */
async function hintQuality(
  models: BenchModels,
  promptCount: number,
  note: ExitContext['note'],
): Promise<QualityRow[]> {
  const size = { prompts: storyPrompts.slice(0, promptCount), tokensMax: 128 };
  const shape = { contextLength: 512, threads: 1, probe: false };
  const choices: [name: string, choice: ExitChoice][] = exitLayers.flatMap((layer) => [
    [`trained, ${layer} of 8`, { headPath: models.exit(layer) }],
    [`untrained, ${layer} of 8`, { layer }],
  ]);
  const draft = await loadLlamaEngine({ modelPath: models.draft(), ...shape });
  const rows: QualityRow[] = [];
  for (const [exit, choice] of choices) {
    const target = await loadLlamaEngine({ modelPath: models.target(), ...shape, exit: choice });
    for (const exitCase of acceptanceCases) {
      for (const draftLength of [0, 4]) {
        const helper = draftLength === 0 ? null : draft;
        const tally = await tallyHints(target, helper, exitCase, { ...size, draftLength });
        rows.push({ exit, name: exitCase.name, draftLength, ...tally });
        note(`${exit}, ${exitCase.name}, ${draftLength} drafted: ${formatShare(tally.firstShare)}`);
      }
    }
    await target.close();
  }
  await draft.close();
  return rows;
}

/** The ratio the other way round: time with hints in units of without. */
const timeText = ({ median, low, high }: ExitCostRow): string =>
  `${(1 / median).toFixed(3)} [${(1 / high).toFixed(3)}, ${(1 / low).toFixed(3)}]`;

function costTable(rows: readonly ExitCostRow[]): string {
  const body = rows.map((row) => [
    row.model,
    row.exit,
    row.shape,
    row.asked ? 'asked' : 'not asked',
    timeText(row),
    row.hintAt === null ? '' : formatShare(row.hintAt),
    row.baselineMs.toFixed(1),
  ]);
  const head = [
    'model',
    'exit',
    'batch',
    'hints',
    'with / without [95 %]',
    'hint at',
    'ms without',
  ];
  return formatTable([head, ...body], {
    align: ['left', 'left', 'left', 'left', 'right', 'right', 'right'],
  });
}

function qualityTable(rows: readonly QualityRow[]): string {
  const body = rows.map((row) => [
    row.exit,
    row.name,
    String(row.draftLength),
    formatShare(row.countShare),
    formatShare(row.firstShare),
    formatShare(row.anyShare),
    formatShare(row.meanConfidence),
    row.calibrationError.toFixed(3),
    String(row.hints),
  ]);
  const head = [
    'exit',
    'scheme',
    'drafted',
    'count right',
    'and first',
    'and any',
    'confidence',
    'calibration error',
    'hints',
  ];
  return formatTable([head, ...body], {
    align: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
  });
}
