// Times verification by the engine against a bare llama_decode loop of the same batches, turn by
// turn. Drafts are the target's own text, so every row is judged: the most expensive case.

import { slotId } from '../../src/base/brand.js';
import type { Segment } from '../../src/engine/engine.js';
import { type LlamaEngine, loadLlamaEngine } from '../../src/engine/llama/index.js';
import type { NativeModel } from '../../src/engine/llama/native-model.js';
import { openBare } from '../bare-model.js';
import { fillerText } from '../bundled-texts.js';
import { inTurn, measurePaired, type OnRow } from '../paired.js';
import { passShapes, type SchemeCase, type Shape, schemeCase } from './cases.js';

interface PassCase extends SchemeCase {
  /** Ratio this project asks of itself. */
  readonly atLeast: number;
}

const passCases: readonly PassCase[] = [
  { ...schemeCase('greedy', 'greedy', { temperature: 0 }), atLeast: 0.95 },
  { ...schemeCase('coupled, top-k 40', 'coupled', { topK: 40 }), atLeast: 0.9 },
  { ...schemeCase('coupled, no filter', 'coupled', {}), atLeast: 0.9 },
];

const slotCount = 16;
const contextLength = 128;
const promptLength = 32;
/** Where each turn begins: the last token of the prompt is the first of a segment. */
const from = promptLength - 1;
/** Of one side of a turn: a pair is only fair while the machine stays the same. */
const sideMsAim = 60;

/** @param turns of each row of the table. @param only one case on one shape; default: all. */
export async function benchPasses(
  modelPath: string,
  turns: number,
  onRow: OnRow,
  only?: { readonly name: string; readonly shape: string },
) {
  const most = { passTokensMax: 128, passRowsMax: 128 };
  const options = { modelPath, slotCount, contextLength, ...most, threads: 1, probe: false };
  const engine = await loadLlamaEngine(options);
  const bare = openBare(options);
  const cases = passCases.filter(({ name }) => name === (only?.name ?? name));
  const shapes = passShapes.filter(({ name }) => name === (only?.shape ?? name));
  const rows = await inTurn(cases, async (passCase) => {
    const texts = await writeTexts(engine, passCase);
    const bench = { engine, bare, passCase, texts };
    return inTurn(shapes, (shape) => benchShape({ ...bench, shape }, turns), onRow);
  });
  bare.close();
  await engine.close();
  return rows.flat();
}

/** Each slot's prompt and the target's own continuation to the end of the context. */
async function writeTexts(engine: LlamaEngine, passCase: PassCase): Promise<Int32Array[]> {
  const { scheme, sampling } = passCase;
  const texts = Array.from({ length: slotCount }, () => new Int32Array(contextLength));
  for (const [slot, text] of texts.entries()) {
    text.set(fillerText(slot, 0, promptLength));
    await engine.open(slotId(slot), { sampling, seed: BigInt(slot), promptLength });
    const tokens = text.slice(0, from);
    await engine.pass([{ slot: slotId(slot), from: 0, tokens, judge: null }]);
  }
  for (let length = promptLength; length < contextLength; length++) {
    const { outcomes } = await engine.pass(
      texts.map((text, slot) => segmentOf(scheme, text, slot, length - 1, 1)),
    );
    outcomes.forEach(({ final }, slot) => {
      if (final && final.kind !== 'law') texts[slot]![length] = final.token;
    });
  }
  return texts;
}

interface Bench {
  readonly engine: LlamaEngine;
  readonly bare: NativeModel;
  readonly passCase: PassCase;
  readonly shape: Shape;
  readonly texts: readonly Int32Array[];
}

async function benchShape(bench: Bench, turns: number) {
  const { engine, bare, passCase, shape, texts } = bench;
  const { name, scheme, atLeast } = passCase;
  const rounds = chooseRounds(bench);
  let rowsJudged = 0;
  let rowsPassed = 0;
  const { ratio, baselineMs } = await measurePaired({
    turns,
    baseline: () => {
      for (const slot of shape.lengths.keys()) bare.truncate(slot, from);
      for (let round = 0; round < rounds; round++) feedBare(bench, round);
    },
    subject: async () => {
      for (const slot of shape.lengths.keys()) await engine.truncate(slotId(slot), from);
      const lengths = shape.lengths.map(() => from);
      for (let round = 0; round < rounds; round++) {
        const segments = shape.lengths.map((count, slot) =>
          segmentOf(scheme, texts[slot]!, slot, lengths[slot]!, count),
        );
        const { outcomes } = await engine.pass(segments);
        outcomes.forEach(({ acceptedCount, length }, slot) => {
          lengths[slot] = length;
          rowsJudged += acceptedCount + 1;
          rowsPassed += shape.lengths[slot]!;
        });
      }
    },
  });
  const judged = (100 * rowsJudged) / rowsPassed;
  return { scheme: name, batch: shape.name, ratio, aim: atLeast, bareMs: baselineMs, judged };
}

function segmentOf(
  scheme: PassCase['scheme'],
  text: Int32Array,
  slot: number,
  start: number,
  count: number,
): Segment {
  const tokens = text.slice(start, start + count);
  return { slot: slotId(slot), from: start, tokens, judge: { scheme, draftCount: count - 1 } };
}

/** One llama_decode of the shape, with its rows of logits ready to be read. */
function feedBare({ bare, shape, texts }: Bench, round: number): void {
  bare.feed(
    shape.lengths.map((count, slot) => {
      const start = from + round * count;
      const tokens = texts[slot]!.subarray(start, start + count);
      return { slot, from: start, tokens, rowCount: count };
    }),
  );
}

/** Fills the bare model's prompts and times one round. */
function chooseRounds(bench: Bench): number {
  const { bare, shape, texts } = bench;
  for (const slot of shape.lengths.keys()) {
    bare.truncate(slot, 0);
    bare.feed([{ slot, from: 0, tokens: texts[slot]!.subarray(0, from), rowCount: 0 }]);
  }
  const started = performance.now();
  feedBare(bench, 0);
  const roundMs = performance.now() - started;
  const roundsMax = Math.floor((contextLength - promptLength) / Math.max(...shape.lengths));
  return Math.max(1, Math.min(roundsMax, Math.round(sideMsAim / roundMs)));
}
