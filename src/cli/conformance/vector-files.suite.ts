// Makes the files of vectors/: test vectors for implementations in other languages, computed by the
// shipped code. tools/vectors.mjs writes them; a test compares them with the code.

import { vocabularyFingerprint } from '../../engine/llama/vocabulary-fingerprint.js';
import { raceWinner } from '../../math/coupled.js';
import { TokenHistory } from '../../math/history.js';
import { lawFromLogits } from '../../math/law-pipeline.js';
import { exponential, type NoiseStream, noiseKey, noiseStreams } from '../../math/noise.js';
import { applyPenalties } from '../../math/penalty.js';
import { plainSampling, type Sampling } from '../../math/sampling.js';
import { frameShapes } from '../../protocol/codec.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import { vectors } from '../../protocol/vectors.suite.js';
import { blockHashesOf } from '../../protocol/vocabulary-blocks.js';
import { noiseVectors } from './noise-vectors.suite.js';

export const hexOf = (value: number | bigint): string => `0x${value.toString(16)}`;

const seed = 0x0123456789abcdefn;

/** Logits of 32 tokens, float32 values, with a tie and a forbidden token. */
function rowOf(number: number): Float64Array {
  return Float64Array.from({ length: 32 }, (_, token) => {
    if (token === 31) return Number.NEGATIVE_INFINITY;
    const step = (token * 37 + number * 101 + ((token * token) % 13) * 5) % 64;
    return Math.fround((step - 32) / 8);
  });
}

const samplings: readonly Partial<Sampling>[] = [
  {},
  { temperature: 0 },
  { temperature: 0.7 },
  { temperature: 1.5, topK: 5 },
  { temperature: 0.8, topP: 0.9 },
  { temperature: 1, minP: 0.1 },
  { temperature: 0.9, topK: 12, topP: 0.8, minP: 0.02 },
  { repetitionPenalty: 1.3, presencePenalty: 0.4, frequencyPenalty: 0.2 },
  {
    temperature: 0.6,
    logitBias: new Map([
      [3, 2.5],
      [7, Number.NEGATIVE_INFINITY],
    ]),
  },
];

const promptIds = [1, 4, 9];
const outputIds = [4, 17, 17];

function raceCase(change: Partial<Sampling>, number: number): object {
  const sampling = { ...plainSampling, ...change };
  const logits = rowOf(number);
  const changed = logits.slice();
  const history = new TokenHistory();
  for (const token of promptIds) history.push(token, false);
  for (const token of outputIds) history.push(token, true);
  applyPenalties(changed, sampling, history);
  const law = lawFromLogits(changed, sampling);
  const ids = law.kind === 'sparse' ? [...law.ids] : [...law.probs.keys()];
  const entries = ids.map((id, index) => ({ id, prob: law.probs[index]! }));
  const key = noiseKey(seed, 'race');
  const positions = Array.from({ length: 32 }, (_, position) => position + 300 * number);
  return {
    sampling: {
      temperature: sampling.temperature,
      top_k: sampling.topK,
      top_p: sampling.topP,
      min_p: sampling.minP,
      repetition_penalty: sampling.repetitionPenalty,
      presence_penalty: sampling.presencePenalty,
      frequency_penalty: sampling.frequencyPenalty,
      bias: [...sampling.logitBias].map(([token, bias]) => [token, numberOf(bias)]),
    },
    prompt: promptIds,
    output: outputIds,
    logits: Array.from(logits, numberOf),
    law: entries.filter(({ prob }) => prob > 0).map(({ id, prob }) => [id, prob]),
    first_position: positions[0],
    winners: positions.map((position) =>
      raceWinner(law, (token) => exponential(key, position, token)),
    ),
  };
}

/** JSON has no infinity. */
const numberOf = (value: number): number | string => (Number.isFinite(value) ? value : '-inf');

const texts = ['<s>', '</s>', '▁the', 'é', '🐟', '<0x0A>', ''];
const longTexts = Array.from({ length: 600 }, (_, token) => `t${token}`);

function hashesFile(): object {
  const logs = [[], [0], [1, 9038, 2501], [524_287, 0, 65_535, 256]];
  return {
    token_logs: logs.map((ids) => ({ ids, hash: hexOf(tokenLogHash(Int32Array.from(ids))) })),
    block_hashes: [texts, longTexts].map((list) => ({
      texts: list,
      hashes: [...blockHashesOf({ size: list.length, tokenText: (token) => list[token]! })].map(
        hexOf,
      ),
    })),
  };
}

interface SmallVocabulary {
  readonly texts: readonly string[];
  readonly attributes: readonly number[];
  readonly bos: number | null;
  readonly endOfText: readonly number[];
}

const vocabularies: readonly SmallVocabulary[] = [
  { texts, attributes: [8, 8, 4, 4, 4, 32, 1], bos: 0, endOfText: [1] },
  { texts, attributes: [8, 8, 4, 4, 4, 32, 1], bos: null, endOfText: [] },
  { texts: ['a', 'b', '<end>', '<turn>'], attributes: [4, 4, 8, 16], bos: 2, endOfText: [2, 3] },
];

function fingerprintsFile(): object {
  return {
    vocabularies: vocabularies.map((one) => ({
      texts: one.texts,
      attributes: one.attributes,
      bos: one.bos,
      end_of_text: one.endOfText,
      fingerprint: vocabularyFingerprint({
        size: one.texts.length,
        bos: one.bos,
        endOfText: one.endOfText,
        tokenText: (token) => one.texts[token]!,
        tokenAttributes: (token) => one.attributes[token]!,
      }),
    })),
  };
}

function framesFile(): object {
  return {
    frames: vectors.map(({ title, frame, text, hex, padBytes }) => ({
      kind: frame.kind,
      sender: frameShapes[frame.kind].sender,
      title,
      ...(padBytes !== undefined && { pad_bytes: padBytes }),
      text: text.replace(/\s+/g, ' '),
      hex,
    })),
  };
}

function racesFile(): object {
  return { seed: hexOf(seed), cases: samplings.map(raceCase) };
}

const streams = Object.fromEntries(
  (Object.keys(noiseStreams) as NoiseStream[]).map((name) => [name, noiseStreams[name]]),
);

/** File name -> content. */
export const vectorFiles: { readonly [name: string]: () => object } = {
  'noise.json': () => ({ streams, ...noiseVectors() }),
  'races.json': racesFile,
  'hashes.json': hashesFile,
  'fingerprints.json': fingerprintsFile,
  'frames.json': framesFile,
};

/** The text of a file: JSON with an entry of a list on each line. */
export function vectorText(name: string): string {
  const content = vectorFiles[name]!() as Record<string, unknown>;
  const fields = Object.entries(content).map(([field, value]) => {
    if (!Array.isArray(value)) return `"${field}": ${JSON.stringify(value)}`;
    return `"${field}": [\n${value.map((entry) => JSON.stringify(entry)).join(',\n')}\n]`;
  });
  return `{\n${fields.join(',\n')}\n}\n`;
}
