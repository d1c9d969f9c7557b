// Lists the golden vectors of the server's frames; vectors.suite.ts says how they were made.

import type { Vector } from './vectors.suite.js';

const resumeKey = Uint8Array.from({ length: 16 }, (_, index) => index);

const noTokens = new Int32Array(0);

const verdict = {
  kind: 'verdict',
  session: 0,
  epoch: 0,
  from: 300,
  tokens: noTokens,
  acceptedCount: 0,
  rejectedCount: 0,
  queueUs: 0,
  verifyUs: 0,
  advisedDraftLength: null,
  end: null,
  law: null,
  logprobs: null,
  lawLogprobs: null,
  sources: null,
} as const;

export const serverVectors: readonly Vector[] = [
  {
    title: 'a server of all schemes and of the modes of version 1',
    frame: {
      kind: 'welcome',
      version: 1,
      modelName: 'stories-target',
      fingerprint: 'sha256:00ff',
      vocabSize: 512,
      schemes: ['greedy', 'coupled', 'agreement', 'split', 'full'],
      modes: ['race', 'pipeline', 'stop-and-wait', 'stream'],
      contextLength: 2048,
      limits: {
        frameBytes: 8_388_608,
        sessions: 16,
        promptTokens: 2048,
        draftTokens: 64,
        windowTokens: 256,
        resumeMs: 60_000,
        silenceMs: 30_000,
      },
      passUs: 30_000,
      seesPictures: false,
      padBytes: 0,
      aggregateMs: 0,
    },
    text: `welcome { version: 1 model_name: "stories-target" fingerprint: "sha256:00ff" vocab_size: 512
      schemes: [SCHEME_GREEDY, SCHEME_COUPLED, SCHEME_AGREEMENT, SCHEME_SPLIT, SCHEME_FULL]
      modes: [MODE_RACE, MODE_PIPELINE, MODE_STOP_AND_WAIT, MODE_STREAM] context_length: 2048
      limits { frame_bytes: 8388608 sessions: 16 prompt_tokens: 2048 draft_tokens: 64 window_tokens: 256
        resume_ms: 60000 silence_ms: 30000 } pass_us: 30000 }`,
    hex:
      '4a4f0801120e73746f726965732d7461726765741a0b7368613235363a303066662080042a05010203040532' +
      '0401020304388010421708808080041010188010204028800230e0d40338b0ea0148b0ea01',
  },
  {
    title: 'a server that pads and aggregates every session (version 3)',
    frame: {
      kind: 'welcome',
      version: 3,
      modelName: 'stories-target',
      fingerprint: 'sha256:00ff',
      vocabSize: 512,
      schemes: ['coupled'],
      modes: ['stream'],
      contextLength: 2048,
      limits: {
        frameBytes: 8_388_608,
        sessions: 16,
        promptTokens: 2048,
        draftTokens: 64,
        windowTokens: 256,
        resumeMs: 60_000,
        silenceMs: 30_000,
      },
      passUs: 0,
      seesPictures: false,
      padBytes: 64,
      aggregateMs: 100,
    },
    text: `welcome { version: 3 model_name: "stories-target" fingerprint: "sha256:00ff" vocab_size: 512
      schemes: SCHEME_COUPLED modes: MODE_STREAM context_length: 2048
      limits { frame_bytes: 8388608 sessions: 16 prompt_tokens: 2048 draft_tokens: 64 window_tokens: 256
        resume_ms: 60000 silence_ms: 30000 } pad_bytes: 64 aggregate_ms: 100 }`,
    hex:
      '4a480803120e73746f726965732d7461726765741a0b7368613235363a303066662080042a01023201043880' +
      '10421708808080041010188010204028800230e0d40338b0ea0150405864',
  },
  {
    title: 'a prompt of three tokens, sent as text',
    frame: {
      kind: 'opened',
      session: 128,
      resumeKey,
      promptLength: 3,
      promptIds: Int32Array.of(1, 9038, 2501),
      windowMax: 16,
      images: [],
    },
    text: `opened { session: 128 resume_key: "\\000\\001\\002\\003\\004\\005\\006\\007\\010\\t\\n\\013\\014\\r\\016\\017"
      prompt_length: 3 prompt_ids: [1, 9038, 2501] window_max: 16 }`,
    hex: '52200880011210000102030405060708090a0b0c0d0e0f1803220501ce46c5132810',
  },
  {
    title: 'a prompt of four tokens, two of them of an image (version 5)',
    frame: {
      kind: 'opened',
      session: 3,
      resumeKey,
      promptLength: 4,
      promptIds: Int32Array.of(1, 0, 0, 2501),
      windowMax: 16,
      images: [{ from: 1, count: 2, firstId: 2 ** 30 }],
    },
    text: `opened { session: 3 resume_key: "\\000\\001\\002\\003\\004\\005\\006\\007\\010\\t\\n\\013\\014\\r\\016\\017"
      prompt_length: 4 prompt_ids: [1, 0, 0, 2501] window_max: 16
      images { from: 1 count: 2 first_id: 1073741824 } }`,
    hex:
      '522b08031210000102030405060708090a0b0c0d0e0f18042205010000c5132810320a0801100218808080' +
      '8004',
  },
  {
    title: 'the first picture from byte 16 384 on, and all of the third (version 5)',
    frame: {
      ...{ kind: 'pictures-wanted', session: 1 },
      wanted: [
        { index: 0, offset: 16_384 },
        { index: 2, offset: 0 },
      ],
    },
    text: 'pictures_wanted { session: 1 wanted { offset: 16384 } wanted { index: 2 } }',
    hex: 'aa010c080112041080800112020802',
  },
  {
    title: 'three of four drafts stand, the correction is 1234',
    frame: {
      ...verdict,
      epoch: 3,
      from: 303,
      tokens: Int32Array.of(1234),
      acceptedCount: 3,
      rejectedCount: 1,
      queueUs: 300,
      verifyUs: 30_000,
    },
    text: `verdict { epoch: 3 from: 303 tokens: 1234 accepted_count: 3 rejected_count: 1 queue_us: 300
      verify_us: 30000 }`,
    hex: '5a14100318af022202d2092803300138ac0240b0ea01',
  },
  {
    title: 'race: the server stepped alone',
    frame: { ...verdict, epoch: 3, tokens: Int32Array.of(1234) },
    text: 'verdict { epoch: 3 from: 300 tokens: 1234 }',
    hex: '5a09100318ac022202d209',
  },
  {
    title: 'the same, padded to 32 bytes (version 3)',
    frame: { ...verdict, epoch: 3, tokens: Int32Array.of(1234) },
    padBytes: 32,
    text: `verdict { epoch: 3 from: 300 tokens: 1234 }
      padding: "\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000"`,
    hex: '5a09100318ac022202d2099a0112000000000000000000000000000000000000',
  },
  {
    title: 'split: a rejection with its cut law, and the advice not to draft',
    frame: {
      ...verdict,
      session: 1,
      epoch: 4,
      from: 302,
      acceptedCount: 1,
      rejectedCount: 1,
      advisedDraftLength: 0,
      law: {
        kind: 'cut',
        cut: { ids: Int32Array.of(9, 4), probs: Float64Array.of(0.5, 0.25), tailMass: 0.25 },
      },
    },
    text: `verdict { session: 1 epoch: 4 from: 302 accepted_count: 1 rejected_count: 1 advised_draft_length: 0
      cut_law { ids: [9, 4] probs: [0.5, 0.25] tail_mass: 0.25 } }`,
    hex:
      '5a2e0801100418ae02280130014800621f0a0209041210000000000000e03f000000000000d03f1900000000' +
      '0000d03f',
  },
  {
    title: 'split: a rejection with its whole law',
    frame: {
      ...verdict,
      session: 1,
      rejectedCount: 1,
      law: {
        kind: 'whole',
        law: { kind: 'sparse', ids: Int32Array.of(9), probs: Float64Array.of(1) },
      },
    },
    text: 'verdict { session: 1 from: 300 rejected_count: 1 whole_law { ids: 9 probs: 1 } }',
    hex: '5a16080118ac0230015a0d0a01091208000000000000f03f',
  },
  {
    title: 'the last one: the end-of-text token stands',
    frame: { ...verdict, from: 310, acceptedCount: 2, end: 'end-of-text' },
    text: 'verdict { from: 310 accepted_count: 2 end: END_REASON_END_OF_TEXT }',
    hex: '5a0718b60228025001',
  },
  {
    title: 'a draft stands and one is rejected, with log-probabilities (version 2)',
    frame: {
      ...verdict,
      epoch: 3,
      from: 303,
      tokens: Int32Array.of(1234),
      acceptedCount: 1,
      rejectedCount: 1,
      logprobs: [
        {
          logprob: -0.5,
          top: [
            { token: 1000, logprob: -0.5 },
            { token: 7, logprob: -1.5 },
          ],
        },
        {
          logprob: -2.25,
          top: [
            { token: 2, logprob: -0.25 },
            { token: 1234, logprob: -2.25 },
          ],
        },
      ],
    },
    text: `verdict { epoch: 3 from: 303 tokens: 1234 accepted_count: 1 rejected_count: 1
      logprobs { values: [-0.5, -0.5, -1.5] top: [1000, 7] } logprobs { values: [-2.25, -0.25, -2.25] top: [2, 1234] } }`,
    hex:
      '5a37100318af022202d209280130016a130a0c000000bf000000bf0000c0bf1203e807076a130a0c000010c0' +
      '000080be000010c0120302d209',
  },
  {
    title: 'split: a cut law with log-probabilities (version 2)',
    frame: {
      ...verdict,
      session: 1,
      epoch: 4,
      from: 302,
      rejectedCount: 1,
      law: {
        kind: 'cut',
        cut: { ids: Int32Array.of(9, 4), probs: Float64Array.of(0.5, 0.25), tailMass: 0.25 },
      },
      lawLogprobs: {
        logprobs: Float32Array.of(-0.75, -1.5),
        top: [{ token: 9, logprob: -0.75 }],
      },
    },
    text: `verdict { session: 1 epoch: 4 from: 302 rejected_count: 1
      cut_law { ids: [9, 4] probs: [0.5, 0.25] tail_mass: 0.25 } law_logprobs { values: [-0.75, -1.5, -0.75] top: 9 } }`,
    hex:
      '5a3d0801100418ae023001621f0a0209041210000000000000e03f000000000000d03f19000000000000d03f' +
      '72110a0c000040bf0000c0bf000040bf120109',
  },
  {
    title: 'auto: the first token was a draft of the device, two the server looked up (version 4)',
    frame: {
      ...verdict,
      epoch: 3,
      from: 301,
      tokens: Int32Array.of(9, 4, 1234),
      acceptedCount: 1,
      sources: { deviceCount: 1, modelCount: 0, suffixCount: 2 },
    },
    text: `verdict { epoch: 3 from: 301 tokens: [9, 4, 1234] accepted_count: 1
      sources { device_count: 1 suffix_count: 2 } }`,
    hex: '5a13100318ad0222040904d20928017a0408011802',
  },
  {
    title: 'auto: the server stepped alone (version 4)',
    frame: {
      ...verdict,
      epoch: 3,
      tokens: Int32Array.of(1234),
      sources: { deviceCount: 0, modelCount: 0, suffixCount: 0 },
    },
    text: 'verdict { epoch: 3 from: 300 tokens: 1234 sources { } }',
    hex: '5a0b100318ac022202d2097a00',
  },
  {
    title: 'two guesses for position 302',
    frame: {
      kind: 'hint',
      session: 1,
      epoch: 4,
      position: 302,
      candidates: Int32Array.of(9, 4),
      confidences: Float32Array.of(0.5, 0.25),
    },
    text: 'hint { session: 1 epoch: 4 position: 302 candidates: [9, 4] confidences: [0.5, 0.25] }',
    hex: '62150801100418ae02220209042a080000003f0000803e',
  },
  {
    title: 'two tokens that the device lacks',
    frame: {
      kind: 'resumed',
      session: 3,
      epoch: 4,
      from: 302,
      tokens: Int32Array.of(1234, 5),
      logprobs: null,
    },
    text: 'resumed { session: 3 epoch: 4 from: 302 tokens: [1234, 5] }',
    hex: '6a0c0803100418ae022203d20905',
  },
  {
    title: 'a token that the device lacks, with its log-probability (version 2)',
    frame: {
      kind: 'resumed',
      session: 3,
      epoch: 4,
      from: 302,
      tokens: Int32Array.of(1234),
      logprobs: [{ logprob: -0.125, top: [] }],
    },
    text: 'resumed { session: 3 epoch: 4 from: 302 tokens: 1234 logprobs { values: -0.125 } }',
    hex: '6a130803100418ae022202d2092a060a04000000be',
  },
  {
    title: 'the whole law at position 302',
    frame: {
      kind: 'tail',
      session: 1,
      position: 302,
      law: {
        kind: 'sparse',
        ids: Int32Array.of(9, 4, 6),
        probs: Float64Array.of(0.5, 0.25, 0.25),
      },
      lawLogprobs: null,
    },
    text: 'tail { session: 1 position: 302 law { ids: [9, 4, 6] probs: [0.5, 0.25, 0.25] } }',
    hex: '7226080110ae021a1f0a030904061218000000000000e03f000000000000d03f000000000000d03f',
  },
  {
    title: 'the whole law at position 302, with log-probabilities (version 2)',
    frame: {
      kind: 'tail',
      session: 1,
      position: 302,
      law: {
        kind: 'sparse',
        ids: Int32Array.of(9, 4, 6),
        probs: Float64Array.of(0.5, 0.25, 0.25),
      },
      lawLogprobs: { logprobs: Float32Array.of(-0.75, -1.5, -1.5), top: [] },
    },
    text: `tail { session: 1 position: 302 law { ids: [9, 4, 6] probs: [0.5, 0.25, 0.25] }
      law_logprobs { values: [-0.75, -1.5, -1.5] } }`,
    hex:
      '7236080110ae021a1f0a030904061218000000000000e03f000000000000d03f000000000000d03f220e0a0c' +
      '000040bf0000c0bf0000c0bf',
  },
  {
    title: 'session 0 ends: a draft left a gap',
    frame: {
      kind: 'failure',
      code: 'draft-gap',
      session: 0,
      message: 'from 310 is above the end of the chain, 304',
      retryAfterMs: 0,
      block: null,
    },
    text: 'failure { code: 34 session: 0 message: "from 310 is above the end of the chain, 304" }',
    hex:
      '7a31082210001a2b66726f6d203331302069732061626f76652074686520656e64206f662074686520636861' +
      '696e2c20333034',
  },
  {
    title: 'the connection ends: the vocabularies differ in block 1',
    frame: {
      kind: 'failure',
      code: 'vocabulary-mismatch',
      session: null,
      message: 'the vocabularies differ',
      retryAfterMs: 0,
      block: { vocabSize: 258, from: 256, texts: ['▁a', ''] },
    },
    text: `failure { code: 6 message: "the vocabularies differ"
      block { vocab_size: 258 from: 256 texts: "\\342\\226\\201a" texts: "" } }`,
    hex:
      '7a2b08061a1774686520766f636162756c6172696573206469666665722a0e0882021080021a04e29681611a' +
      '00',
  },
  {
    title: 'come back in five seconds, or go elsewhere',
    frame: { kind: 'drain', retryAfterMs: 5000, alternatives: ['wss://edge-2.example/'] },
    text: 'drain { retry_after_ms: 5000 alternatives: "wss://edge-2.example/" }',
    hex: '8a011a08882712157773733a2f2f656467652d322e6578616d706c652f',
  },
  {
    title: 'answers a Ping',
    frame: { kind: 'pong', nonce: 4_294_967_295 },
    text: 'pong { nonce: 4294967295 }',
    hex: '92010608ffffffff0f',
  },
];
