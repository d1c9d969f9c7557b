// Tests every limit from both sides: the last value that passes and the first that does not.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { codeTable } from './code.js';
import { decodeDeviceFrame, decodeServerFrame } from './codec.js';
import { FrameSchema } from './generated/pilotfish_pb.js';
import { blockTokens, type LimitName, limits } from './limits.js';

type Init = NonNullable<MessageInitShape<typeof FrameSchema>['kind']>;
type Case = readonly ['device' | 'server', (size: number) => Init];

const sampling = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
};
const ids = (count: number): number[] => new Array(count).fill(1);
const open = (change: object): Init => {
  const prompt = { case: 'promptIds', value: { ids: [1] } };
  const value = {
    prompt,
    sampling,
    scheme: 4,
    mode: 3,
    tokensMax: 1_048_576,
    windowMax: 1,
    ...change,
  };
  return { case: 'open', value } as Init;
};
const hello = (change: object): Init => ({
  case: 'hello',
  value: { versionMin: 1, versionMax: 1, ...change },
});
const welcome = (change: object, limitChange: object = {}): Init => {
  const offered = { frameBytes: 1, sessions: 1, promptTokens: 1, draftTokens: 1, windowTokens: 1 };
  const value = {
    version: 1,
    vocabSize: 1,
    contextLength: 1,
    limits: { ...offered, ...limitChange },
  };
  return { case: 'welcome', value: { ...value, ...change } };
};
const evenLaw = (size: number): Init => {
  const probs = new Array(size).fill(1 / size);
  return { case: 'draft', value: { ids: [1], laws: [{ probs }] } };
};

const verdictOf = (change: object): Init =>
  ({ case: 'verdict', value: { tokens: [1], ...change } }) as Init;

/**
 * A frame that is legal at the limit and illegal one beyond it; several if several frames have it.
 */
const cases: { readonly [Name in LimitName]?: readonly Case[] } = {
  schemaBytes: [['device', (size) => open({ schema: 'x'.repeat(size) })]],
  topLogprobs: [
    ['device', (size) => open({ topLogprobs: size, tokensMax: 1 })],
    [
      'server',
      (size) => verdictOf({ logprobs: [{ values: ids(size + 1).map(() => -1), top: ids(size) }] }),
    ],
  ],
  logprobTokens: [
    ['device', (size) => open({ topLogprobs: 0, tokensMax: size })],
    [
      'server',
      (size) => verdictOf({ from: size, logprobs: ids(size).map(() => ({ values: [-1] })) }),
    ],
  ],
  logprobValues: [
    [
      'server',
      (size) => {
        const probs = new Array(size - 20).fill(1 / (size - 20));
        const lawLogprobs = { values: new Array(size).fill(-1), top: ids(20) };
        return verdictOf({ law: { case: 'wholeLaw', value: { probs } }, lawLogprobs });
      },
    ],
  ],
  vocabTokens: [
    ['device', (size) => hello({ vocabSize: size })],
    ['server', (size) => welcome({ vocabSize: size })],
  ],
  promptTokens: [
    ['device', (size) => open({ prompt: { case: 'promptIds', value: { ids: ids(size) } } })],
    ['server', (size) => welcome({}, { promptTokens: size })],
    ['server', (size) => opened({ promptIds: ids(size), promptLength: size })],
  ],
  promptBytes: [
    ['device', (size) => open({ prompt: { case: 'promptText', value: 'a'.repeat(size) } })],
    ['device', (size) => chat([{ role: 'user', content: 'a'.repeat(size) }])],
  ],
  messages: [['device', (size) => chat(new Array(size).fill({ role: 'user', content: 'a' }))]],
  roleBytes: [['device', (size) => chat([{ role: 'r'.repeat(size), content: '' }])]],
  answerTokens: [
    ['device', (size) => open({ tokensMax: size })],
    ['server', (size) => ({ case: 'resumed', value: { tokens: ids(size) } })],
  ],
  logitBias: [['device', (size) => open({ sampling: biased(size) })]],
  padBytes: [
    ['device', (size) => open({ padBytes: size })],
    ['server', (size) => welcome({ padBytes: size })],
  ],
  aggregateMs: [
    ['device', (size) => open({ aggregateMs: size })],
    ['server', (size) => welcome({ aggregateMs: size })],
  ],
  draftTokens: [
    ['device', (size) => ({ case: 'draft', value: { ids: ids(size) } })],
    ['server', (size) => welcome({}, { draftTokens: size })],
  ],
  laws: [
    [
      'device',
      (size) => {
        const laws = new Array(size).fill({ ids: [1], probs: [1] });
        return { case: 'draft', value: { ids: ids(size), laws } };
      },
    ],
  ],
  lawEntries: [
    ['device', evenLaw],
    ['device', (size) => open({ cut: { case: 'cutKeepMax', value: size } })],
  ],
  windowTokens: [
    ['device', (size) => open({ windowMax: size })],
    ['server', (size) => welcome({}, { windowTokens: size })],
    ['server', (size) => opened({ promptLength: 1, windowMax: size })],
  ],
  epoch: [
    ['device', (size) => ({ case: 'draft', value: { epoch: size } })],
    ['server', (size) => ({ case: 'verdict', value: { epoch: size } })],
    ['server', (size) => ({ case: 'resumed', value: { epoch: size } })],
    ['server', (size) => hint({ epoch: size })],
  ],
  verdictTokens: [['server', (size) => ({ case: 'verdict', value: { tokens: ids(size) } })]],
  verdictCount: [
    ['server', (size) => ({ case: 'verdict', value: { acceptedCount: size } })],
    ['server', (size) => ({ case: 'verdict', value: { rejectedCount: size } })],
  ],
  advisedDraftLength: [
    ['server', (size) => ({ case: 'verdict', value: { advisedDraftLength: size } })],
  ],
  hintCandidates: [
    ['server', (size) => hint({ candidates: ids(size), confidences: new Array(size).fill(0.5) })],
  ],
  keyBytes: [['device', (size) => hello({ key: 'k'.repeat(size) })]],
  nameBytes: [['device', (size) => hello({ name: 'n'.repeat(size) })]],
  modelNameBytes: [['server', (size) => welcome({ modelName: 'm'.repeat(size) })]],
  fingerprintBytes: [
    ['device', (size) => hello({ fingerprint: 'f'.repeat(size) })],
    ['server', (size) => welcome({ fingerprint: 'f'.repeat(size) })],
  ],
  blockHashes: [
    [
      'device',
      (size) => hello({ vocabSize: Math.min(524_288, size * blockTokens), blockHashes: ids(size) }),
    ],
  ],
  blockTexts: [['server', (size) => failure({ block: { texts: new Array(size).fill('t') } })]],
  tokenTextBytes: [['server', (size) => failure({ block: { texts: ['t'.repeat(size)] } })]],
  failureBytes: [['server', (size) => failure({ message: 'm'.repeat(size) })]],
  alternatives: [
    [
      'server',
      (size) => ({ case: 'drain', value: { alternatives: new Array(size).fill('wss://a') } }),
    ],
  ],
  addressBytes: [
    ['server', (size) => ({ case: 'drain', value: { alternatives: ['a'.repeat(size)] } })],
  ],
  offers: [['server', (size) => welcome({ schemes: ids(size) })]],
  waitMs: [
    ['server', (size) => ({ case: 'drain', value: { retryAfterMs: size } })],
    ['server', (size) => failure({ retryAfterMs: size })],
    ['server', (size) => welcome({}, { resumeMs: size })],
    ['server', (size) => welcome({}, { silenceMs: size })],
  ],
  pictures: [['device', (size) => seeing(new Array(size).fill({ bytes: 1 }))]],
  pictureBytes: [
    ['device', (size) => seeing([{ bytes: size }])],
    ['device', (size) => part({ offset: size - 1 })],
    ['server', (size) => wanting([{ offset: size }])],
  ],
  picturesBytes: [
    [
      'device',
      (size) => seeing([2 ** 23, 2 ** 22, size - 3 * 2 ** 22].map((bytes) => ({ bytes }))),
    ],
  ],
  images: [
    [
      'server',
      (size) => {
        const images = ids(size).map((_, at) => ({ from: 2 * at, count: 1, firstId: 2 ** 30 }));
        return opened({ promptLength: 2 * size, images });
      },
    ],
  ],
  partBytes: [['device', (size) => part({ data: new Uint8Array(size) })]],
  frameBytes: [['server', (size) => welcome({}, { frameBytes: size })]],
  sessions: [['server', (size) => welcome({}, { sessions: size })]],
};

/** Limits that only a core or a shell can see crossed. */
const seenElsewhere: readonly LimitName[] = [
  'helloBytes',
  'pendingDrafts',
  'bufferedBytes',
  'unreadBytes',
  'unfinishedBytes',
];

function chat(messages: readonly object[]): Init {
  return open({ prompt: { case: 'promptMessages', value: { messages } } });
}

/** A chat with pictures. */
function seeing(pictures: readonly object[], changes: object = {}): Init {
  const messages = [{ role: 'user', content: 'a' }];
  const prompt = { case: 'promptMessages', value: { messages } };
  const hash = new Uint8Array(32);
  return open({
    prompt,
    pictures: pictures.map((one) => ({ hash, bytes: 1, ...one })),
    ...changes,
  });
}

const part = (change: object): Init => ({
  case: 'picturePart',
  value: { data: Uint8Array.of(1), ...change },
});

const wanting = (wanted: object[]): Init => ({ case: 'picturesWanted', value: { wanted } }) as Init;

function biased(count: number): object {
  const biasTokens = Array.from({ length: count }, (_, index) => index);
  return { ...sampling, biasTokens, biases: new Array(count).fill(1) };
}

function opened(change: object): Init {
  return { case: 'opened', value: { resumeKey: new Uint8Array(16), windowMax: 1, ...change } };
}

function hint(change: object): Init {
  return { case: 'hint', value: { candidates: [1], confidences: [1], ...change } };
}

function failure(change: object): Init {
  return { case: 'failure', value: { code: codeTable['server-failed'].number, ...change } };
}

function codeOf([sender, frame]: Case, size: number): string {
  const bytes = toBinary(FrameSchema, create(FrameSchema, { kind: frame(size) }));
  const decoded = sender === 'device' ? decodeDeviceFrame(bytes) : decodeServerFrame(bytes);
  return 'ok' in decoded ? 'ok' : decoded.fault.code;
}

describe('limits', () => {
  for (const [name, list] of Object.entries(cases) as [LimitName, readonly Case[]][]) {
    const { value, unit, code } = limits[name];
    it(`${name}: ${value} ${unit} pass, one more is ${code}`, () => {
      for (const item of list) {
        assert.equal(codeOf(item, value), 'ok');
        assert.equal(codeOf(item, value + 1), code);
      }
    });
  }

  /** Legal with 1; fields that are absent count as 0. */
  const leasts: readonly (readonly [string, (size: number) => Init])[] = [
    ['version', (size) => welcome({ version: size })],
    ['vocabSize', (size) => welcome({ vocabSize: size })],
    ['contextLength', (size) => welcome({ contextLength: size })],
    ['frameBytes', (size) => welcome({}, { frameBytes: size })],
    ['sessions', (size) => welcome({}, { sessions: size })],
    ['promptTokens', (size) => welcome({}, { promptTokens: size })],
    ['draftTokens', (size) => welcome({}, { draftTokens: size })],
    ['windowTokens', (size) => welcome({}, { windowTokens: size })],
    ['promptLength', (size) => opened({ promptLength: size })],
    ['windowMax', (size) => opened({ promptLength: 1, windowMax: size })],
    ['candidates', (size) => hint({ candidates: ids(size), confidences: ids(size) })],
  ];
  for (const [name, frame] of leasts) {
    it(`${name} of a server is at least 1`, () => {
      assert.equal(codeOf(['server', frame], 1), 'ok');
      assert.notEqual(codeOf(['server', frame], 0), 'ok');
    });
  }

  it('of an opened session are as many ids as it has tokens, or none', () => {
    const prompt: Case = ['server', (size) => opened({ promptLength: 3, promptIds: ids(size) })];
    assert.deepEqual(
      [0, 1, 2, 3, 4].map((size) => codeOf(prompt, size) === 'ok'),
      [true, false, false, true, false],
    );
  });

  it('of pictures are bytes, a hash, a message and a rising place; only messages have them', () => {
    const isOk = (frame: Init): boolean => codeOf(['device', () => frame], 0) === 'ok';
    assert.ok(isOk(seeing([{ at: 5 }, { at: 5 }])));
    assert.ok(isOk(seeing([{}], { answer: [1], tokensMax: 2 })));
    for (const pictures of [
      [{ bytes: 0 }],
      [{ hash: new Uint8Array(31) }],
      [{ hash: new Uint8Array(33) }],
      [{ message: 1 }],
      [{ at: 5 }, { at: 4 }],
    ]) {
      assert.ok(!isOk(seeing(pictures)), JSON.stringify(pictures));
    }
    assert.ok(!isOk(seeing([], { answer: [1], tokensMax: 2 })), 'an answer needs pictures or ids');
    for (const prompt of [
      { case: 'promptIds', value: { ids: [1] } },
      { case: 'promptText', value: 'a' },
    ]) {
      assert.ok(!isOk(seeing([{}], { prompt })), prompt.case);
    }
    assert.ok(!isOk(part({ index: 8 })) && isOk(part({ index: 7 })));
    assert.ok(!isOk(part({ data: new Uint8Array(0) })));
  });

  it('of images are places apart within the prompt, and ids beyond words; 0 stands there', () => {
    const isOk = (change: object): boolean =>
      codeOf(['server', () => opened({ promptLength: 4, ...change })], 0) === 'ok';
    const image = { from: 1, count: 2, firstId: 2 ** 30 };
    assert.ok(isOk({ images: [image, { from: 3, count: 1, firstId: 2 ** 31 - 1 }] }));
    assert.ok(isOk({ images: [image], promptIds: [5, 0, 0, 6] }));
    for (const images of [
      [{ ...image, count: 0 }],
      [{ ...image, count: 4 }],
      [{ ...image, firstId: 2 ** 30 - 1 }],
      [{ ...image, firstId: 2 ** 31 - 1 }],
      [image, { ...image, from: 2 }],
    ]) {
      assert.ok(!isOk({ images }), JSON.stringify(images));
    }
    assert.ok(!isOk({ images: [image], promptIds: [5, 0, 1, 6] }));
    const wants = (list: object[]): boolean => codeOf(['server', () => wanting(list)], 0) === 'ok';
    assert.ok(wants([{ index: 7 }, { index: 0 }]));
    assert.ok(!wants([]) && !wants([{ index: 8 }]) && !wants([{ index: 1 }, { index: 1 }]));
  });

  it('of padding are 32 bytes and a power of two, of aggregation 10 ms; 0 is neither', () => {
    const padded: Case = ['device', (padBytes) => open({ padBytes })];
    const allowed = [0, 16, 31, 32, 33, 48, 64].filter((size) => codeOf(padded, size) === 'ok');
    assert.deepEqual(allowed, [0, 32, 64]);
    const paced: Case = ['device', (aggregateMs) => open({ aggregateMs })];
    assert.deepEqual(
      [0, 1, 9, 10].filter((size) => codeOf(paced, size) === 'ok'),
      [0, 10],
    );
  });

  it('are all tried here, but for those that no single frame can cross', () => {
    const tried = [...Object.keys(cases), ...seenElsewhere];
    assert.deepEqual(tried.sort(), Object.keys(limits).sort());
  });

  it('leave room for the largest law and the longest prompt in a frame', () => {
    assert.equal(codeOf(['device', evenLaw], limits.lawEntries.value), 'ok');
    assert.ok(limits.promptTokens.value * 3 < limits.frameBytes.value);
    assert.ok(limits.blockHashes.value * 4 < limits.helloBytes.value);
    assert.equal(limits.blockHashes.value * blockTokens, limits.vocabTokens.value);
  });
});
