// Generates random legal frames of every kind, mostly small ones, over their whole ranges.

import fc from 'fast-check';
import { anyText } from '../base/any-text.suite.js';
import { firstImageToken } from '../base/image-token.js';
import { cutText } from '../base/utf8.js';
import type { CutLaw, CutLimit } from '../math/cut-law.js';
import { cutLaw } from '../math/cut-law.js';
import { type Law, sparseLaw } from '../math/law.js';
import type { LawLogprobs, TokenLogprobs } from '../math/logprobs.js';
import type { Sampling } from '../math/sampling.js';
import { wireCodes } from './code.js';
import {
  type DeviceFrame,
  endReasons,
  type Frame,
  isOffered,
  modes,
  type PictureRef,
  type Prompt,
  type SentLaw,
  type ServerFrame,
  schemes,
} from './frame.js';
import { type LimitName, limits, pictureHashBytes, resumeKeyBytes, u32Max } from './limits.js';

/** Plain objects, as frames are. */
const record = <T>(model: { [Key in keyof T]: fc.Arbitrary<T[Key]> }): fc.Arbitrary<T> =>
  fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;

const u32 = fc.oneof(fc.nat(300), fc.integer({ min: 0, max: u32Max }), fc.constantFrom(0, u32Max));
const upTo = (limit: LimitName, min = 0): fc.Arbitrary<number> =>
  fc.oneof(
    fc.integer({ min, max: Math.min(min + 200, limits[limit].value) }),
    fc.integer({ min, max: limits[limit].value }),
  );
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const token = fc.oneof(fc.nat(200), fc.nat(limits.vocabTokens.value - 1));
const tokens = (countMax: number, countMin = 0): fc.Arbitrary<Int32Array> =>
  fc
    .array(token, { minLength: countMin, maxLength: countMax })
    .map((values) => Int32Array.from(values));
const text = (limit: LimitName): fc.Arbitrary<string> =>
  anyText(200).map((value) => cutText(value, limits[limit].value));
const prob = fc.oneof(
  fc.double({ min: Number.MIN_VALUE, max: 1, noNaN: true }),
  fc.constantFrom(5e-324, 1, 0.1),
);
const pictureHash = fc.uint8Array({ minLength: pictureHashBytes, maxLength: pictureHashBytes });
const resumeKey = fc.uint8Array({ minLength: resumeKeyBytes, maxLength: resumeKeyBytes });

const sparse: fc.Arbitrary<Law> = fc
  .uniqueArray(fc.tuple(token, fc.double({ min: 1e-6, max: 1, noNaN: true })), {
    minLength: 1,
    maxLength: 12,
    selector: ([id]) => id,
  })
  .map((pairs) =>
    sparseLaw(
      Int32Array.from(pairs, ([id]) => id),
      Float64Array.from(pairs, ([, weight]) => weight),
    ),
  );
const dense: fc.Arbitrary<Law> = fc
  .array(fc.nat(1000), { minLength: 1, maxLength: 12 })
  .filter((weights) => weights.some((weight) => weight > 0))
  .map((weights) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return { kind: 'dense', probs: Float64Array.from(weights, (weight) => weight / total) };
  });
const law = fc.oneof(sparse, dense);
const cut: fc.Arbitrary<CutLaw> = fc
  .tuple(law, fc.integer({ min: 1, max: 12 }))
  .map(([whole, keepMax]) => cutLaw(whole, { keepMax }));
const sentLaw: fc.Arbitrary<SentLaw> = fc.oneof(
  law.map((value) => ({ kind: 'whole', law: value }) as const),
  cut.map((value) => ({ kind: 'cut', cut: value }) as const),
);

const sampling: fc.Arbitrary<Sampling> = record({
  temperature: fc.double({ min: 0, max: 100, noNaN: true }),
  topK: u32,
  topP: prob,
  minP: fc.double({ min: 0, max: 0.99, noNaN: true }),
  repetitionPenalty: fc.double({ min: 0.01, max: 100, noNaN: true }),
  presencePenalty: fc.double({ min: -100, max: 100, noNaN: true }),
  frequencyPenalty: fc.double({ min: -100, max: 100, noNaN: true }),
  logitBias: fc
    .array(
      fc.tuple(
        token,
        fc.oneof(fc.constant(-Infinity), fc.double({ min: -9, max: 9, noNaN: true })),
      ),
    )
    .map((pairs) => new Map(pairs)),
});

const prompt: fc.Arbitrary<Prompt> = fc.oneof(
  tokens(20, 1).map((ids) => ({ kind: 'ids', ids }) as const),
  text('promptBytes').map((value) => ({ kind: 'text', text: value }) as const),
  fc
    .array(record({ role: text('roleBytes'), content: text('promptBytes') }), {
      minLength: 1,
      maxLength: 4,
    })
    .map((messages) => ({ kind: 'messages', messages }) as const),
);
const cutLimit: fc.Arbitrary<CutLimit> = fc.oneof(
  record({ keepMax: upTo('lawEntries', 1) }),
  record({ tailMassMax: fc.double({ min: 0, max: 0.99, noNaN: true }) }),
);

const cover = {
  padBytes: fc.constantFrom(0, 32, 64, 1024, 4096),
  aggregateMs: fc.oneof(fc.constant(0), upTo('aggregateMs', 10)),
};

const open = record({
  kind: fc.constant('open' as const),
  session: u32,
  prompt,
  answer: tokens(5),
  sampling,
  seed: u64,
  scheme: fc.constantFrom(...schemes),
  mode: fc.constantFrom(...modes),
  tokensMax: upTo('answerTokens', 6),
  windowMax: upTo('windowTokens', 1),
  cut: fc.option(cutLimit),
  schema: fc.option(text('schemaBytes')),
  topLogprobs: fc.option(fc.nat(limits.topLogprobs.value)),
  wantsHints: fc.boolean(),
  pictures: fc.constant<readonly PictureRef[]>([]),
  picturesFollow: fc.boolean(),
  ...cover,
})
  .filter(({ scheme, mode }) => isOffered(scheme, mode))
  .map((frame) => ({
    ...frame,
    answer: frame.prompt.kind === 'ids' ? frame.answer : new Int32Array(0),
    cut: frame.scheme === 'split' ? frame.cut : null,
    topLogprobs: frame.tokensMax <= limits.logprobTokens.value ? frame.topLogprobs : null,
  }))
  .chain((frame) => picturesIn(frame.prompt).map((pictures) => ({ ...frame, pictures })));

function picturesIn(prompt: Prompt): fc.Arbitrary<readonly PictureRef[]> {
  if (prompt.kind !== 'messages') return fc.constant([]);
  const picture = record({
    ...{ hash: pictureHash, bytes: fc.integer({ min: 1, max: 2 ** 20 }), at: fc.nat(300) },
    message: fc.nat(prompt.messages.length - 1),
  });
  const inOrder = (one: PictureRef, other: PictureRef): number =>
    one.message - other.message || one.at - other.at;
  return fc.array(picture, { maxLength: 4 }).map((pictures) => pictures.toSorted(inOrder));
}

const draftCommon = {
  kind: fc.constant('draft' as const),
  session: u32,
  epoch: upTo('epoch'),
  from: fc.integer({ min: 1, max: u32Max - 256 }),
};
/** Some drafts say how likely each token stands. */
const chance = fc.option(fc.nat(255));
const withChances = <T extends { readonly ids: Int32Array }>(drafts: fc.Arbitrary<T>) =>
  fc.tuple(drafts, chance).map(([frame, value]) => {
    const isTold = value !== null && frame.ids.length > 0;
    return { ...frame, chances: isTold ? new Uint8Array(frame.ids.length).fill(value) : null };
  });
const draft = fc.oneof(
  withChances(
    record({
      ...draftCommon,
      ids: tokens(20),
      probs: fc.constant(null),
      laws: fc.constant(null),
      residual: fc.constant(null),
      more: fc.constant(false),
    }),
  ),
  record({
    ...draftCommon,
    pairs: fc.array(fc.tuple(token, prob), { maxLength: 12 }),
    laws: fc.constant(null),
    residual: fc.option(token),
    more: fc.boolean(),
  }).map(({ pairs, ...rest }) => ({
    ...rest,
    ids: Int32Array.from(pairs, ([id]) => id),
    probs: pairs.length > 0 ? Float64Array.from(pairs, ([, value]) => value) : null,
    chances: null,
  })),
  record({
    ...draftCommon,
    pairs: fc.array(fc.tuple(token, law), { minLength: 1, maxLength: 4 }),
    probs: fc.constant(null),
    residual: fc.constant(null),
    more: fc.boolean(),
  }).map(({ pairs, ...rest }) => ({
    ...rest,
    ids: Int32Array.from(pairs, ([id]) => id),
    laws: pairs.map(([, value]) => value),
    chances: null,
  })),
);

const hello = record({
  versions: fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(9)),
  name: text('nameBytes'),
  key: text('keyBytes'),
  fingerprint: text('fingerprintBytes'),
  vocabSize: upTo('vocabTokens'),
  hasHashes: fc.boolean(),
  hash: u32,
}).map(({ versions: [versionMin, more], vocabSize, hasHashes, hash, ...rest }) => ({
  ...rest,
  kind: 'hello' as const,
  versionMin,
  versionMax: versionMin + more,
  vocabSize,
  blockHashes: new Uint32Array(hasHashes ? Math.ceil(vocabSize / 256) : 0).fill(hash),
}));

export const deviceFrame: fc.Arbitrary<DeviceFrame> = fc.oneof(
  hello,
  open,
  draft,
  record({ kind: fc.constant('tail-request' as const), session: u32, position: u32 }),
  record({
    kind: fc.constant('resume' as const),
    session: u32,
    resumeKey,
    committedLength: u32,
    logHash: u64,
  }),
  record({ kind: fc.constant('cancel' as const), session: u32 }),
  record({ kind: fc.constant('close' as const), session: u32 }),
  record({
    kind: fc.constant('picture-part' as const),
    session: u32,
    index: fc.nat(limits.pictures.value - 1),
    offset: fc.nat(2 ** 20),
    data: fc.uint8Array({ minLength: 1, maxLength: 100 }),
  }),
  record({ kind: fc.constant('ping' as const), nonce: u32, isCover: fc.boolean() }),
);

const welcome = record({
  kind: fc.constant('welcome' as const),
  version: fc.integer({ min: 1, max: u32Max }),
  modelName: text('modelNameBytes'),
  fingerprint: text('fingerprintBytes'),
  vocabSize: upTo('vocabTokens', 1),
  schemes: fc.uniqueArray(fc.constantFrom(...schemes)),
  modes: fc.uniqueArray(fc.constantFrom(...modes)),
  contextLength: fc.integer({ min: 1, max: u32Max }),
  limits: record({
    frameBytes: upTo('frameBytes', 1),
    sessions: upTo('sessions', 1),
    promptTokens: upTo('promptTokens', 1),
    draftTokens: upTo('draftTokens', 1),
    windowTokens: upTo('windowTokens', 1),
    resumeMs: upTo('waitMs'),
    silenceMs: upTo('waitMs'),
  }),
  passUs: u32,
  seesPictures: fc.boolean(),
  ...cover,
});

const opened = record({
  kind: fc.constant('opened' as const),
  session: u32,
  resumeKey,
  promptLength: upTo('promptTokens', 1),
  promptIds: tokens(20),
  windowMax: upTo('windowTokens', 1),
  image: fc.option(fc.integer({ min: firstImageToken, max: 2 ** 31 - 1 })),
}).map(({ image, ...frame }) => ({
  ...frame,
  promptLength: frame.promptIds.length || frame.promptLength,
  promptIds: frame.promptIds.map((id, index) => (image !== null && index === 0 ? 0 : id)),
  images: image === null ? [] : [{ from: 0, count: 1, firstId: image }],
}));

const position = fc.integer({ min: 0, max: u32Max - 5000 });

const count = fc.nat(300);
const verdict = record({
  kind: fc.constant('verdict' as const),
  session: u32,
  epoch: upTo('epoch'),
  from: position,
  tokens: tokens(8),
  acceptedCount: upTo('verdictCount'),
  rejectedCount: upTo('verdictCount'),
  queueUs: u32,
  verifyUs: u32,
  advisedDraftLength: fc.option(upTo('advisedDraftLength')),
  end: fc.option(fc.constantFrom(...endReasons)),
  law: fc.option(sentLaw),
  logprobs: fc.constant(null),
  lawLogprobs: fc.constant(null),
  sources: fc.option(record({ deviceCount: count, modelCount: count, suffixCount: count })),
}).map((frame) => ({
  ...frame,
  law: frame.end === null ? frame.law : null,
  // As many tokens as there are.
  sources: frame.from >= 1000 ? frame.sources : null,
}));

const logprob = fc.float({ max: 0, noNaN: true, noDefaultInfinity: true });
const top = fc.array(record({ token, logprob }), { maxLength: limits.topLogprobs.value });
const tokenLogprobs: fc.Arbitrary<TokenLogprobs> = record({ logprob, top });
const lawLogprobs = (count: number): fc.Arbitrary<LawLogprobs> =>
  record({
    logprobs: fc.float32Array({
      minLength: count,
      maxLength: count,
      max: 0,
      noNaN: true,
      noDefaultInfinity: true,
    }),
    top,
  });

/** With log-probabilities of some of its tokens, and of its law. */
const verdictWithLogprobs: fc.Arbitrary<ServerFrame> = fc
  .tuple(verdict, fc.array(tokenLogprobs, { minLength: 1, maxLength: 4 }), fc.boolean())
  .chain(([frame, several, hasLaw]): fc.Arbitrary<ServerFrame> => {
    const { from, tokens: ids, law: sent } = frame;
    const logprobs = from + ids.length >= several.length ? several : null;
    if (!hasLaw || sent === null) return fc.constant({ ...frame, logprobs });
    const { probs } = sent.kind === 'whole' ? sent.law : sent.cut;
    return lawLogprobs(probs.length).map((values) => ({ ...frame, logprobs, lawLogprobs: values }));
  });

const resumed: fc.Arbitrary<ServerFrame> = fc
  .tuple(u32, upTo('epoch'), position, tokens(30), fc.option(tokenLogprobs))
  .map(([session, epoch, from, ids, each]) => ({
    kind: 'resumed',
    session,
    epoch,
    from,
    tokens: ids,
    logprobs: each === null || ids.length === 0 ? null : Array.from(ids, () => each),
  }));

const tail: fc.Arbitrary<ServerFrame> = fc.tuple(u32, u32, law).chain(([session, where, value]) =>
  fc.option(lawLogprobs(value.probs.length)).map((values) => ({
    kind: 'tail',
    session,
    position: where,
    law: value,
    lawLogprobs: values,
  })),
);

const hint = record({
  session: u32,
  epoch: upTo('epoch'),
  position: u32,
  pairs: fc.array(fc.tuple(token, fc.float({ min: 0, max: 1, noNaN: true })), {
    minLength: 1,
    maxLength: limits.hintCandidates.value,
  }),
}).map(({ pairs, ...rest }) => ({
  kind: 'hint' as const,
  ...rest,
  candidates: Int32Array.from(pairs, ([id]) => id),
  confidences: Float32Array.from(pairs, ([, confidence]) => confidence),
}));

const failure = record({
  kind: fc.constant('failure' as const),
  code: fc.constantFrom(...wireCodes),
  session: fc.option(u32),
  message: text('failureBytes'),
  retryAfterMs: upTo('waitMs'),
  block: fc.option(
    record({
      vocabSize: upTo('vocabTokens'),
      from: position,
      texts: fc.array(text('tokenTextBytes'), { maxLength: 6 }),
    }),
  ),
});

export const serverFrame: fc.Arbitrary<ServerFrame> = fc.oneof(
  welcome,
  opened,
  verdict,
  verdictWithLogprobs,
  hint,
  resumed,
  tail,
  failure,
  record({
    kind: fc.constant('drain' as const),
    retryAfterMs: upTo('waitMs'),
    alternatives: fc.array(text('addressBytes'), { maxLength: limits.alternatives.value }),
  }),
  record({ kind: fc.constant('pong' as const), nonce: u32 }),
);

export const anyFrame: fc.Arbitrary<Frame> = fc.oneof(deviceFrame, serverFrame);
