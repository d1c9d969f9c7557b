// Verification through the engine interface against a bare llama_decode loop of the same batch shapes, both on the same
// model file, one ggml thread each, turn by turn. Drafts are the target's own text, so every row is judged: the
// dearest case for the engine.

import { slotId } from '../../src/base/brand.js';
import type { Judge, Segment, SlotConfig } from '../../src/engine/engine.js';
import { openLlama } from '../../src/engine/llama/ffi.js';
import { type LlamaEngine, loadLlamaEngine } from '../../src/engine/llama/index.js';
import { findLibrary } from '../../src/engine/llama/library.js';
import { NativeModel } from '../../src/engine/llama/native-model.js';
import { plainSampling, type Sampling } from '../../src/math/sampling.js';
import { measurePaired, type PairedRatio } from '../paired.js';
import { passShapes, type Shape } from './shapes.js';

export interface PassCase {
  readonly name: string;
  readonly scheme: 'greedy' | 'coupled';
  readonly sampling: Sampling;
  /** Ratio this project asks of itself. */
  readonly atLeast: number;
}

const passCases: readonly PassCase[] = [
  {
    name: 'greedy',
    scheme: 'greedy',
    sampling: { ...plainSampling, temperature: 0 },
    atLeast: 0.95,
  },
  {
    name: 'coupled, top-k 40',
    scheme: 'coupled',
    sampling: { ...plainSampling, topK: 40 },
    atLeast: 0.9,
  },
  { name: 'coupled, no filter', scheme: 'coupled', sampling: plainSampling, atLeast: 0.9 },
];

export interface PassRow extends PairedRatio {
  readonly shape: string;
  readonly name: string;
  readonly atLeast: number;
  readonly rowsJudged: number;
  readonly rowsPassed: number;
}

const slotCount = 16;
const contextLength = 128;
const promptLength = 32;
/** One side of one turn takes about this long: short, because a pair is only fair while the machine stays the same. */
const sideMsAim = 60;

/**
 * @param turns measured turns per row of the table.
 * @param onRow told each row as it is measured; the whole takes some minutes.
 * @param only one case on one shape; default: all on all.
 */
export async function benchPasses(
  modelPath: string,
  turns: number,
  onRow: (row: PassRow) => void,
  only?: Pick<PassRow, 'name' | 'shape'>,
): Promise<PassRow[]> {
  const options = {
    modelPath,
    slotCount,
    contextLength,
    passTokensMax: 128,
    passRowsMax: 128,
    threads: 1,
    probe: false,
  };
  const engine = await loadLlamaEngine(options);
  const bare = new NativeModel(openLlama(findLibrary()), engine.options);
  const rows: PassRow[] = [];
  for (const passCase of passCases.filter(({ name }) => name === (only?.name ?? name))) {
    const texts = await writeTexts(engine, passCase);
    for (const shape of passShapes.filter(({ name }) => name === (only?.shape ?? name))) {
      const row = await benchShape(engine, bare, passCase, shape, texts, turns);
      rows.push(row);
      onRow(row);
    }
  }
  bare.close();
  await engine.close();
  return rows;
}

const configOf = ({ sampling }: PassCase, slot: number): SlotConfig => ({
  sampling,
  seed: BigInt(slot),
  promptLength,
});

/** Deterministic filler; what the model makes of it does not matter. */
const promptOf = (slot: number, vocabSize: number): Int32Array =>
  Int32Array.from(
    { length: promptLength },
    (_, index) => 3 + ((slot * 7919 + index * 104729) % (vocabSize - 3)),
  );

/** Each slot's prompt and the target's own continuation to the end of the context. */
async function writeTexts(engine: LlamaEngine, passCase: PassCase): Promise<Int32Array[]> {
  const texts = Array.from({ length: slotCount }, () => new Int32Array(contextLength));
  for (let slot = 0; slot < slotCount; slot++) {
    texts[slot]!.set(promptOf(slot, engine.info.vocabulary.size));
    await engine.open(slotId(slot), configOf(passCase, slot));
    await engine.pass([
      { slot: slotId(slot), from: 0, tokens: texts[slot]!.slice(0, promptLength - 1), judge: null },
    ]);
  }
  const judge: Judge = { scheme: passCase.scheme, draftCount: 0 };
  for (let length = promptLength; length < contextLength; length++) {
    const { outcomes } = await engine.pass(
      texts.map((text, slot) => ({
        slot: slotId(slot),
        from: length - 1,
        tokens: text.slice(length - 1, length),
        judge,
      })),
    );
    outcomes.forEach(({ final }, slot) => {
      if (final && final.kind !== 'law') texts[slot]![length] = final.token;
    });
  }
  return texts;
}

async function benchShape(
  engine: LlamaEngine,
  bare: NativeModel,
  passCase: PassCase,
  shape: Shape,
  texts: readonly Int32Array[],
  turns: number,
): Promise<PassRow> {
  const longest = Math.max(...shape.lengths);
  const roundsMax = Math.floor((contextLength - promptLength) / longest);
  const rounds = await chooseRounds(bare, shape, texts, roundsMax);
  let rowsJudged = 0;
  let rowsPassed = 0;
  const ratio = await measurePaired({
    turns,
    baseline: () => {
      rewindBare(bare, shape);
      for (let round = 0; round < rounds; round++) feedBare(bare, shape, texts, round);
    },
    subject: async () => {
      for (const slot of shape.lengths.keys())
        await engine.truncate(slotId(slot), promptLength - 1);
      const lengths = shape.lengths.map(() => promptLength - 1);
      for (let round = 0; round < rounds; round++) {
        const segments = shape.lengths.map((count, slot) =>
          segmentOf(passCase, texts, slot, lengths[slot]!, count),
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
  return {
    ...ratio,
    shape: shape.name,
    name: passCase.name,
    atLeast: passCase.atLeast,
    rowsJudged,
    rowsPassed,
  };
}

function segmentOf(
  { scheme }: PassCase,
  texts: readonly Int32Array[],
  slot: number,
  from: number,
  count: number,
): Segment {
  const tokens = texts[slot]!.slice(from, from + count);
  return { slot: slotId(slot), from, tokens, judge: { scheme, draftCount: count - 1 } };
}

function rewindBare(bare: NativeModel, shape: Shape): void {
  for (const slot of shape.lengths.keys()) bare.truncate(slot, promptLength - 1);
}

/** One llama_decode of the shape: the batch is filled, decoded, and its rows of logits are there to be read. */
function feedBare(
  bare: NativeModel,
  shape: Shape,
  texts: readonly Int32Array[],
  round: number,
): void {
  bare.feed(
    shape.lengths.map((count, slot) => {
      const from = promptLength - 1 + round * count;
      return { slot, from, tokens: texts[slot]!.subarray(from, from + count), rowCount: count };
    }),
  );
}

/** Fills the bare model's prompts and times one round. */
async function chooseRounds(
  bare: NativeModel,
  shape: Shape,
  texts: readonly Int32Array[],
  roundsMax: number,
): Promise<number> {
  for (const slot of shape.lengths.keys()) {
    bare.truncate(slot, 0);
    bare.feed([{ slot, from: 0, tokens: texts[slot]!.subarray(0, promptLength - 1), rowCount: 0 }]);
  }
  const started = performance.now();
  feedBare(bare, shape, texts, 0);
  const roundMs = performance.now() - started;
  return Math.max(1, Math.min(roundsMax, Math.round(sideMsAim / roundMs)));
}
