// Exit heads that mean harm: whatever a file that fits the target holds, the engine answers as it
// would without it, or refuses the file in words. It never crashes, and what is loaded tells hints
// of numbers or none.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { slotId } from '../../base/brand.js';
import { plainSampling } from '../../math/sampling.js';
import { float32Value, textValue, uint32Value } from '../gguf/encode.js';
import { exitTensorDims, vocabularyDigest } from '../gguf/exit-file.js';
import { type TensorType, tensorBytes } from '../gguf/format.js';
import { readGguf } from '../gguf/reader.js';
import { writeGguf } from '../gguf/writer.js';
import { loadLlamaEngine } from './llama-engine.js';

const folder = mkdtempSync(join(tmpdir(), 'pilotfish-exit-hostile-'));
after(() => rmSync(folder, { recursive: true }));
const modelPath = fileURLToPath(
  new URL('../../../../models/stories-target-q8_0.gguf', import.meta.url),
);
const width = 256;
const slot = slotId(0);

interface Hostile {
  readonly feedForward: number;
  readonly matrices: TensorType;
  /** What every byte of every tensor is. */
  readonly byte: (index: number) => number;
}

function writeHead({ feedForward, matrices, byte }: Hostile): string {
  const headPath = join(folder, 'head.gguf');
  const metadata = new Map([
    ['general.type', textValue('exit-head')],
    ['general.name', textValue('hostile')],
    ['exit.version', uint32Value(1)],
    ['exit.layer', uint32Value(3)],
    ['exit.target_block_count', uint32Value(8)],
    ['exit.embedding_length', uint32Value(width)],
    ['exit.feed_forward_length', uint32Value(feedForward)],
    ['exit.vocabulary_sha256', textValue(vocabularyDigest(readGguf(modelPath))!)],
    ['exit.sharpness', float32Value(1)],
    ['exit.coverage', float32Value(1)],
  ]);
  const tensors = Object.entries(exitTensorDims(width, feedForward)).map(([name, dims]) => {
    const type = dims.length === 1 ? 'F32' : matrices;
    const data = Uint8Array.from({ length: tensorBytes(type, dims) }, (_, index) => byte(index));
    return { name, type, dims, pieces: () => [data] };
  });
  writeGguf(headPath, metadata, tensors);
  return headPath;
}

/** One judged pass; the outcome and how many hints it told. */
async function passWith(headPath: string | null) {
  const exit = headPath === null ? null : { headPath };
  const shape = { slotCount: 1, contextLength: 64, passTokensMax: 16, threads: 1 };
  const engine = await loadLlamaEngine({ modelPath, ...shape, exit });
  try {
    await engine.open(slot, { sampling: plainSampling, seed: 7n, promptLength: 4 });
    const tokens = Int32Array.of(1, 400, 500, 600, 700);
    const judge = { scheme: 'coupled', draftCount: 2 } as const;
    const reported: number[] = [];
    const { outcomes } = await engine.pass([{ slot, from: 0, tokens, judge }], (hints) => {
      for (const hint of hints) reported.push(...hint.confidences);
    });
    const { acceptedCount, final } = outcomes[0]!;
    return { outcome: { acceptedCount, final }, told: reported };
  } finally {
    await engine.close();
  }
}

const scatter = (index: number): number => (Math.imul(index + 1, 0x9e3779b1) >>> 13) & 0xff;
const cases: readonly (readonly [name: string, head: Hostile])[] = [
  ['nothing but NaN', { feedForward: 64, matrices: 'F16', byte: () => 0xff }],
  [
    'the largest numbers',
    { feedForward: 64, matrices: 'F32', byte: (i) => (i % 4 < 2 ? 0xff : 0x7e) },
  ],
  ['random bits of float16', { feedForward: 96, matrices: 'F16', byte: scatter }],
  ['random bits of bfloat16', { feedForward: 96, matrices: 'BF16', byte: scatter }],
  ['random bits of Q8_0', { feedForward: 96, matrices: 'Q8_0', byte: scatter }],
  ['zeros', { feedForward: 32, matrices: 'F16', byte: () => 0 }],
  ['one hidden number', { feedForward: 1, matrices: 'F16', byte: scatter }],
  ['an odd number of hidden numbers', { feedForward: 37, matrices: 'BF16', byte: scatter }],
  [
    'far more hidden numbers than the target has',
    { feedForward: 20_000, matrices: 'Q8_0', byte: scatter },
  ],
];

describe('an exit head that holds', () => {
  for (const [name, head] of cases) {
    it(`${name} changes no outcome and tells no false number`, async () => {
      const { outcome, told: reported } = await passWith(writeHead(head));
      assert.deepEqual(outcome, (await passWith(null)).outcome);
      assert.ok(
        reported.every((value) => value >= 0 && value <= 1),
        `${reported}`,
      );
    });
  }
});
