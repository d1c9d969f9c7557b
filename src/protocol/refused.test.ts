// Tests well-formed frames with illegal content: the code of each.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { FrameSchema } from './generated/pilotfish_pb.js';
import { answer, hex, type Sender } from './peer-answer.suite.js';

type Kind = NonNullable<MessageInitShape<typeof FrameSchema>['kind']>;

/** Well-formed bytes of a frame that no honest peer sends, made by the generated code. */
const bytesOf = (kind: Kind): Uint8Array => toBinary(FrameSchema, create(FrameSchema, { kind }));

const neutral = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
};
type OpenInit = Extract<Kind, { case: 'open' }>['value'];
const open = (change: OpenInit): Uint8Array =>
  bytesOf({
    case: 'open',
    value: {
      session: 9,
      prompt: { case: 'promptIds', value: { ids: [1] } },
      sampling: neutral,
      scheme: 1,
      mode: 1,
      tokensMax: 8,
      windowMax: 8,
      ...change,
    } as OpenInit,
  });
type DraftInit = Extract<Kind, { case: 'draft' }>['value'];
const draft = (change: DraftInit): Uint8Array =>
  bytesOf({ case: 'draft', value: { session: 9, from: 4, ids: [1], ...change } });
type VerdictInit = Extract<Kind, { case: 'verdict' }>['value'];
const verdict = (change: VerdictInit): Uint8Array =>
  bytesOf({ case: 'verdict', value: { session: 9, ...change } });
const hello = (change: Extract<Kind, { case: 'hello' }>['value']): Uint8Array =>
  bytesOf({ case: 'hello', value: { versionMin: 1, versionMax: 1, ...change } });
const sampled = (change: object): Uint8Array => open({ sampling: { ...neutral, ...change } });
const law = (ids: number[], probs: number[]): Uint8Array => draft({ laws: [{ ids, probs }] });
const u32Max = 0xffff_ffff;

/**
 * Frames with a value that is not allowed. Session 9 ends, or the connection where there is no
 * session.
 */
const refused: readonly (readonly [string, Sender, Uint8Array, string])[] = [
  ['no version', 'device', hello({ versionMin: 0 }), 'limit-exceeded'],
  ['versions upside down', 'device', hello({ versionMin: 2 }), 'limit-exceeded'],
  ['a vocabulary too large', 'device', hello({ vocabSize: 524_289 }), 'limit-exceeded'],
  [
    'too few block hashes',
    'device',
    hello({ vocabSize: 257, blockHashes: [1] }),
    'frame-malformed',
  ],
  ['a long key', 'device', hello({ key: 'k'.repeat(257) }), 'limit-exceeded'],
  ['no prompt', 'device', open({ prompt: { case: undefined } }), 'prompt-empty 9'],
  [
    'a prompt of no ids',
    'device',
    open({ prompt: { case: 'promptIds', value: {} } }),
    'prompt-empty 9',
  ],
  [
    'a chat of no messages',
    'device',
    open({ prompt: { case: 'promptMessages', value: {} } }),
    'prompt-empty 9',
  ],
  [
    'an answer after text',
    'device',
    open({ prompt: { case: 'promptText', value: 'a' }, answer: [1] }),
    'frame-malformed',
  ],
  [
    'a prompt id beyond every vocabulary',
    'device',
    open({ prompt: { case: 'promptIds', value: { ids: [524_288] } } }),
    'token-out-of-range 9',
  ],
  [
    'a prompt id of 2^31',
    'device',
    open({ prompt: { case: 'promptIds', value: { ids: [2 ** 31] } } }),
    'token-out-of-range 9',
  ],
  ['an unknown scheme', 'device', open({ scheme: 6 as 1 }), 'mode-unsupported 9'],
  ['no scheme', 'device', open({ scheme: 0 }), 'mode-unsupported 9'],
  ['an unknown mode', 'device', open({ mode: 7 as 1 }), 'mode-unsupported 9'],
  ['split in a race', 'device', open({ scheme: 4 }), 'mode-unsupported 9'],
  ['agreement in auto', 'device', open({ scheme: 3, mode: 5 }), 'mode-unsupported 9'],
  ['full in co-located', 'device', open({ scheme: 5, mode: 6 }), 'mode-unsupported 9'],
  ['tokensMax 0', 'device', open({ tokensMax: 0 }), 'limit-exceeded 9'],
  [
    'an answer as long as tokensMax',
    'device',
    open({ answer: [1, 2], tokensMax: 2 }),
    'limit-exceeded 9',
  ],
  ['windowMax 0', 'device', open({ windowMax: 0 }), 'window-exceeded 9'],
  ['a window too large', 'device', open({ windowMax: 1025 }), 'window-exceeded 9'],
  [
    'a cut without split',
    'device',
    open({ cut: { case: 'cutKeepMax', value: 1 } }),
    'frame-malformed',
  ],
  [
    'a cut that keeps nothing',
    'device',
    open({ scheme: 4, mode: 3, cut: { case: 'cutKeepMax', value: 0 } }),
    'limit-exceeded 9',
  ],
  [
    'a cut that leaves all',
    'device',
    open({ scheme: 4, mode: 3, cut: { case: 'cutTailMassMax', value: 1 } }),
    'limit-exceeded 9',
  ],
  [
    'a cut of NaN',
    'device',
    open({ scheme: 4, mode: 3, cut: { case: 'cutTailMassMax', value: Number.NaN } }),
    'limit-exceeded 9',
  ],
  ['no temperature', 'device', sampled({ temperature: undefined }), 'sampling-invalid 9'],
  ['no topK', 'device', sampled({ topK: undefined }), 'sampling-invalid 9'],
  ['no topP', 'device', sampled({ topP: undefined }), 'sampling-invalid 9'],
  ['no minP', 'device', sampled({ minP: undefined }), 'sampling-invalid 9'],
  [
    'no repetition penalty',
    'device',
    sampled({ repetitionPenalty: undefined }),
    'sampling-invalid 9',
  ],
  ['no presence penalty', 'device', sampled({ presencePenalty: undefined }), 'sampling-invalid 9'],
  [
    'no frequency penalty',
    'device',
    sampled({ frequencyPenalty: undefined }),
    'sampling-invalid 9',
  ],
  ['temperature NaN', 'device', sampled({ temperature: Number.NaN }), 'sampling-invalid 9'],
  ['topP 0', 'device', sampled({ topP: 0 }), 'sampling-invalid 9'],
  [
    'a bias without value',
    'device',
    sampled({ biasTokens: [1, 2], biases: [1] }),
    'sampling-invalid 9',
  ],
  [
    'a value without bias',
    'device',
    sampled({ biasTokens: [1], biases: [1, 2] }),
    'sampling-invalid 9',
  ],
  [
    'a token biased twice',
    'device',
    sampled({ biasTokens: [1, 1], biases: [1, 2] }),
    'sampling-invalid 9',
  ],
  [
    'a bias of infinity',
    'device',
    sampled({ biasTokens: [1], biases: [Infinity] }),
    'sampling-invalid 9',
  ],
  ['an id beyond every vocabulary', 'device', draft({ ids: [524_288] }), 'token-out-of-range 9'],
  ['an id of 2^32 - 1', 'device', draft({ ids: [u32Max] }), 'token-out-of-range 9'],
  ['too many ids', 'device', draft({ ids: new Array(257).fill(1) }), 'limit-exceeded 9'],
  ['an epoch too high', 'device', draft({ epoch: 2 ** 24 }), 'limit-exceeded 9'],
  ['positions beyond 2^32', 'device', draft({ from: u32Max }), 'limit-exceeded 9'],
  [
    'fewer probabilities than ids',
    'device',
    draft({ ids: [1, 2], probs: [1] }),
    'draft-contradicts 9',
  ],
  [
    'chances of other tokens',
    'device',
    draft({ chances: Uint8Array.of(255, 0) }),
    'draft-contradicts 9',
  ],
  ['probabilities of nothing', 'device', draft({ ids: [], probs: [1] }), 'draft-contradicts 9'],
  ['a probability of 0', 'device', draft({ probs: [0] }), 'law-invalid 9'],
  ['a probability above 1', 'device', draft({ probs: [1.0000001] }), 'law-invalid 9'],
  ['a probability of NaN', 'device', draft({ probs: [Number.NaN] }), 'law-invalid 9'],
  [
    'fewer laws than ids',
    'device',
    draft({ ids: [1, 2], laws: [{ ids: [1], probs: [1] }] }),
    'draft-contradicts 9',
  ],
  [
    'laws beside probabilities',
    'device',
    draft({ probs: [1], laws: [{ ids: [1], probs: [1] }] }),
    'draft-contradicts 9',
  ],
  [
    'laws beside a residual token',
    'device',
    draft({ residual: 1, laws: [{ ids: [1], probs: [1] }] }),
    'draft-contradicts 9',
  ],
  [
    'too many laws',
    'device',
    draft({ laws: new Array(65).fill({ ids: [1], probs: [1] }) }),
    'limit-exceeded 9',
  ],
  ['an empty law', 'device', law([], []), 'law-invalid 9'],
  ['a law that does not sum', 'device', law([1, 2], [0.5, 0.4]), 'law-invalid 9'],
  ['a law of NaN', 'device', law([1], [Number.NaN]), 'law-invalid 9'],
  ['a law below 0', 'device', law([1, 2], [1.5, -0.5]), 'law-invalid 9'],
  ['a law that names a token twice', 'device', law([1, 1], [0.5, 0.5]), 'law-invalid 9'],
  ['a law out of order', 'device', law([1, 2], [0.25, 0.75]), 'law-invalid 9'],
  ['a law with ties out of order', 'device', law([2, 1], [0.5, 0.5]), 'law-invalid 9'],
  ['a law of more ids than probabilities', 'device', law([1, 2], [1]), 'law-invalid 9'],
  ['a law with a sure loser', 'device', law([1, 2], [1, 0]), 'law-invalid 9'],
  [
    'a residual token before the text',
    'device',
    draft({ from: 0, residual: 1 }),
    'residual-invalid 9',
  ],
  [
    'a residual token beyond every vocabulary',
    'device',
    draft({ residual: 524_288 }),
    'token-out-of-range 9',
  ],
  [
    'a resume key too short',
    'device',
    bytesOf({ case: 'resume', value: { session: 9, resumeKey: new Uint8Array(15) } }),
    'limit-exceeded 9',
  ],
  [
    'a resume key too long',
    'device',
    bytesOf({ case: 'resume', value: { session: 9, resumeKey: new Uint8Array(17) } }),
    'limit-exceeded 9',
  ],
  [
    'no resume key',
    'device',
    bytesOf({ case: 'resume', value: { session: 9 } }),
    'limit-exceeded 9',
  ],
  [
    'a cut law that leaves all',
    'server',
    verdict({ law: { case: 'cutLaw', value: { ids: [1], probs: [1], tailMass: 1 } } }),
    'law-invalid 9',
  ],
  [
    'a cut law of nothing',
    'server',
    verdict({ law: { case: 'cutLaw', value: { tailMass: 0.5 } } }),
    'law-invalid 9',
  ],
  [
    'a law after the end',
    'server',
    verdict({ end: 1, law: { case: 'wholeLaw', value: { ids: [1], probs: [1] } } }),
    'frame-malformed',
  ],
  [
    'more tokens from drafts than there are',
    'server',
    verdict({ from: 3, sources: { deviceCount: 2, suffixCount: 2 } }),
    'frame-malformed',
  ],
  [
    'drafts of a source beyond the limit',
    'server',
    verdict({ from: 100_000, sources: { modelCount: 65_537 } }),
    'limit-exceeded 9',
  ],
  ['advice beyond the limit', 'server', verdict({ advisedDraftLength: 257 }), 'limit-exceeded 9'],
  ['too many tokens', 'server', verdict({ tokens: new Array(4097).fill(1) }), 'limit-exceeded 9'],
  [
    'a hint of nothing',
    'server',
    bytesOf({ case: 'hint', value: { session: 9 } }),
    'limit-exceeded 9',
  ],
  [
    'a hint without confidence',
    'server',
    bytesOf({ case: 'hint', value: { session: 9, candidates: [1] } }),
    'frame-malformed',
  ],
  [
    'a confidence of NaN',
    'server',
    bytesOf({ case: 'hint', value: { session: 9, candidates: [1], confidences: [Number.NaN] } }),
    'law-invalid 9',
  ],
  [
    'a tail without law',
    'server',
    bytesOf({ case: 'tail', value: { session: 9 } }),
    'law-invalid 9',
  ],
  [
    'too many alternatives',
    'server',
    bytesOf({ case: 'drain', value: { alternatives: new Array(9).fill('') } }),
    'limit-exceeded',
  ],
  [
    'a wait of years',
    'server',
    bytesOf({ case: 'drain', value: { retryAfterMs: u32Max } }),
    'limit-exceeded',
  ],
];

describe('frames with a value that is not allowed', () => {
  for (const [title, sender, bytes, wanted] of refused) {
    it(`${title}: ${wanted}`, () => assert.equal(answer(sender, bytes), wanted));
  }

  it('end their own session even when its number comes last', () => {
    // ids of 2^31 in front of session 9.
    const bytes = hex('1a 09 22 05 80 80 80 80 08 08 09');
    assert.equal(answer('device', bytes), 'token-out-of-range 9');
  });

  it('end the connection when the encoding breaks behind them', () => {
    const bytes = hex('1a 0a 08 09 22 05 80 80 80 80 08 08');
    assert.equal(answer('device', bytes), 'frame-malformed');
  });

  it('are refused exactly beyond the limit', () => {
    assert.equal(answer('device', draft({ ids: new Array(256).fill(1) })), 'ok');
    assert.equal(answer('device', hello({ vocabSize: 524_288 })), 'ok');
    assert.equal(answer('device', hello({ key: 'k'.repeat(256) })), 'ok');
    assert.equal(answer('device', open({ windowMax: 1024 })), 'ok');
    assert.equal(answer('device', draft({ epoch: 2 ** 24 - 1 })), 'ok');
    assert.equal(answer('device', draft({ from: u32Max - 1 })), 'ok');
    assert.equal(answer('server', verdict({ tokens: new Array(4096).fill(1) })), 'ok');
  });
});
