// Lists the golden vectors of the device's frames; vectors.suite.ts says how they were made.

import { noPictures } from './frame.js';
import type { Vector } from './vectors.suite.js';

const resumeKey = Uint8Array.from({ length: 16 }, (_, index) => index);

const neutral = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
  logitBias: new Map<number, number>(),
};

const neutralText =
  'temperature: 0 top_k: 0 top_p: 1 min_p: 0 repetition_penalty: 1 presence_penalty: 0 frequency_penalty: 0';

const noTokens = new Int32Array(0);

const draft = {
  kind: 'draft',
  session: 0,
  epoch: 0,
  from: 300,
  ids: noTokens,
  probs: null,
  laws: null,
  residual: null,
  more: false,
  chances: null,
} as const;

const open = {
  kind: 'open',
  session: 0,
  prompt: { kind: 'ids', ids: Int32Array.of(1, 9038, 2501) },
  answer: noTokens,
  sampling: neutral,
  seed: 42n,
  scheme: 'greedy',
  mode: 'race',
  tokensMax: 64,
  windowMax: 16,
  cut: null,
  schema: null,
  topLogprobs: null,
  wantsHints: false,
  ...noPictures,
  padBytes: 0,
  aggregateMs: 0,
} as const;

export const deviceVectors: readonly Vector[] = [
  {
    title: 'a device with a vocabulary of 512 tokens',
    frame: {
      kind: 'hello',
      versionMin: 1,
      versionMax: 1,
      name: 'pi-5',
      key: 'secret',
      fingerprint: 'sha256:00ff',
      vocabSize: 512,
      blockHashes: Uint32Array.of(0xdeadbeef, 1),
    },
    text: `hello { version_min: 1 version_max: 1 name: "pi-5" key: "secret" fingerprint: "sha256:00ff" vocab_size: 512
      block_hashes: [3735928559, 1] }`,
    hex:
      '0a2c080110011a0470692d3522067365637265742a0b7368613235363a303066663080043a08efbeadde0100' +
      '0000',
  },
  {
    title: 'a device without a vocabulary',
    frame: {
      kind: 'hello',
      versionMin: 1,
      versionMax: 3,
      name: '',
      key: '',
      fingerprint: '',
      vocabSize: 0,
      blockHashes: new Uint32Array(0),
    },
    text: 'hello { version_min: 1 version_max: 3 }',
    hex: '0a0408011003',
  },
  {
    title: 'greedy decoding in a race, prompt as ids',
    frame: open,
    text: `open { prompt_ids { ids: [1, 9038, 2501] } sampling { ${neutralText} } seed: 42 scheme: SCHEME_GREEDY
      mode: MODE_RACE tokens_max: 64 window_max: 16 }`,
    hex:
      '125412070a0501ce46c5133238090000000000000000100019000000000000f03f2100000000000000002900' +
      '0000000000f03f310000000000000000390000000000000000392a000000000000004001480150405810',
  },
  {
    title: 'a chat under split in a pipeline, laws cut to 40 tokens',
    frame: {
      ...open,
      session: 7,
      prompt: {
        kind: 'messages',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'Où?' },
        ],
      },
      sampling: { ...neutral, temperature: 0.8, topK: 40, topP: 0.95, minP: 0.05 },
      seed: 0xfedcba9876543210n,
      scheme: 'split',
      mode: 'pipeline',
      tokensMax: 1000,
      windowMax: 64,
      cut: { keepMax: 40 },
    },
    text: `open { session: 7
      prompt_messages { messages { role: "system" content: "Be brief." } messages { role: "user" content: "O\\303\\271?" } }
      sampling { temperature: 0.8 top_k: 40 top_p: 0.95 min_p: 0.05 repetition_penalty: 1 presence_penalty: 0
        frequency_penalty: 0 }
      seed: 18364758544493064720 scheme: SCHEME_SPLIT mode: MODE_PIPELINE tokens_max: 1000 window_max: 64
      cut_keep_max: 40 }`,
    hex:
      '1275080722230a130a0673797374656d120942652062726965662e0a0c0a047573657212044fc3b93f323809' +
      '9a9999999999e93f102819666666666666ee3f219a9999999999a93f29000000000000f03f31000000000000' +
      '0000390000000000000000391032547698badcfe4004480250e80758406028',
  },
  {
    title: 'plain text, penalties and a ban',
    frame: {
      ...open,
      session: 128,
      prompt: { kind: 'text', text: 'Once upon a time' },
      sampling: {
        temperature: 1.5,
        topK: 0,
        topP: 1,
        minP: 0,
        repetitionPenalty: 1.1,
        presencePenalty: 0.5,
        frequencyPenalty: -0.25,
        logitBias: new Map([
          [2, -Infinity],
          [300, 2.5],
        ]),
      },
      scheme: 'split',
      mode: 'stop-and-wait',
      cut: { tailMassMax: 0.01 },
    },
    text: `open { session: 128 prompt_text: "Once upon a time"
      sampling { temperature: 1.5 top_k: 0 top_p: 1 min_p: 0 repetition_penalty: 1.1 presence_penalty: 0.5
        frequency_penalty: -0.25 bias_tokens: [2, 300] biases: [-inf, 2.5] }
      seed: 42 scheme: SCHEME_SPLIT mode: MODE_STOP_AND_WAIT tokens_max: 64 window_max: 16
      cut_tail_mass_max: 0.01 }`,
    hex:
      '1280010880011a104f6e63652075706f6e20612074696d65324f09000000000000f83f100019000000000000' +
      'f03f210000000000000000299a9999999999f13f31000000000000e03f39000000000000d0bf420302ac024a' +
      '10000000000000f0ff0000000000000440392a000000000000004004480350405810697b14ae47e17a843f',
  },
  {
    title: 'an answer of two tokens carried on after a failover',
    frame: { ...open, answer: Int32Array.of(700, 29889), scheme: 'coupled', mode: 'stream' },
    text: `open { prompt_ids { ids: [1, 9038, 2501] } answer: [700, 29889] sampling { ${neutralText} } seed: 42
      scheme: SCHEME_COUPLED mode: MODE_STREAM tokens_max: 64 window_max: 16 }`,
    hex:
      '125b12070a0501ce46c5132a05bc05c1e9013238090000000000000000100019000000000000f03f21000000' +
      '000000000029000000000000f03f310000000000000000390000000000000000392a00000000000000400248' +
      '0450405810',
  },
  {
    title: 'any JSON object, with log-probabilities (version 2)',
    frame: { ...open, schema: '{"type":"object"}', topLogprobs: 0 },
    text: `open { prompt_ids { ids: [1, 9038, 2501] } sampling { ${neutralText} } seed: 42 scheme: SCHEME_GREEDY
      mode: MODE_RACE tokens_max: 64 window_max: 16 schema: "{\\"type\\":\\"object\\"}" top_logprobs: 0 }`,
    hex:
      '126912070a0501ce46c5133238090000000000000000100019000000000000f03f2100000000000000002900' +
      '0000000000f03f310000000000000000390000000000000000392a0000000000000040014801504058107211' +
      '7b2274797065223a226f626a656374227d7800',
  },
  {
    title: 'greedy decoding in a race, hints welcome (version 2)',
    frame: { ...open, wantsHints: true },
    text: `open { prompt_ids { ids: [1, 9038, 2501] } sampling { ${neutralText} } seed: 42 scheme: SCHEME_GREEDY
      mode: MODE_RACE tokens_max: 64 window_max: 16 wants_hints: true }`,
    hex:
      '125712070a0501ce46c5133238090000000000000000100019000000000000f03f2100000000000000002900' +
      '0000000000f03f310000000000000000390000000000000000392a00000000000000400148015040581080' +
      '0101',
  },
  {
    title:
      'greedy decoding in a race, messages of 64 bytes and more, each tenth of a second (version 3)',
    frame: { ...open, padBytes: 64, aggregateMs: 100 },
    text: `open { prompt_ids { ids: [1, 9038, 2501] } sampling { ${neutralText} } seed: 42 scheme: SCHEME_GREEDY
      mode: MODE_RACE tokens_max: 64 window_max: 16 pad_bytes: 64 aggregate_ms: 100 }`,
    hex:
      '125a12070a0501ce46c5133238090000000000000000100019000000000000f03f2100000000000000002900' +
      '0000000000f03f310000000000000000390000000000000000392a0000000000000040014801504058108801' +
      '40900164',
  },
  {
    title: 'greedy decoding in auto, prompt as ids (version 4)',
    frame: { ...open, mode: 'auto' },
    text: `open { prompt_ids { ids: [1, 9038, 2501] } sampling { ${neutralText} } seed: 42 scheme: SCHEME_GREEDY
      mode: MODE_AUTO tokens_max: 64 window_max: 16 }`,
    hex:
      '125412070a0501ce46c5133238090000000000000000100019000000000000f03f2100000000000000002900' +
      '0000000000f03f310000000000000000390000000000000000392a000000000000004001480550405810',
  },
  {
    title: 'a question about a picture of 5 000 bytes, which follows at once (version 5)',
    frame: {
      ...open,
      prompt: { kind: 'messages', messages: [{ role: 'user', content: 'What is it?' }] },
      mode: 'auto',
      pictures: [
        { hash: Uint8Array.from({ length: 32 }, (_, at) => at), bytes: 5000, message: 0, at: 5 },
      ],
      picturesFollow: true,
    },
    text: `open { prompt_messages { messages { role: "user" content: "What is it?" } }
      sampling { ${neutralText} } seed: 42 scheme: SCHEME_GREEDY mode: MODE_AUTO tokens_max: 64 window_max: 16
      pictures { hash: "\\000\\001\\002\\003\\004\\005\\006\\007\\010\\011\\012\\013\\014\\015\\016\\017\\020\\021\\022\\023\\024\\025\\026\\027\\030\\031\\032\\033\\034\\035\\036\\037"
        bytes: 5000 at: 5 } pictures_follow: true }`,
    hex:
      '128f0122150a130a0475736572120b576861742069732069743f3238090000000000000000100019000000' +
      '000000f03f21000000000000000029000000000000f03f310000000000000000390000000000000000392a' +
      '0000000000000040014805504058109a01270a20000102030405060708090a0b0c0d0e0f10111213141516' +
      '1718191a1b1c1d1e1f1088272005a00101',
  },
  {
    title: 'three bytes of the third picture, behind the first 16 384 (version 5)',
    frame: {
      ...{ kind: 'picture-part', session: 1, index: 2, offset: 16_384 },
      data: Uint8Array.of(1, 2, 3),
    },
    text: 'picture_part { session: 1 index: 2 offset: 16384 data: "\\001\\002\\003" }',
    hex: 'a2010d08011002188080012203010203',
  },
  {
    title: 'four tokens at position 300, greedy, coupled or agreement',
    frame: { ...draft, epoch: 3, ids: Int32Array.of(1000, 2000, 3000, 4000) },
    text: 'draft { epoch: 3 from: 300 ids: [1000, 2000, 3000, 4000] }',
    hex: '1a0f100318ac022208e807d00fb817a01f',
  },
  {
    title:
      'split: a residual token at position 300 and two drafts with their probabilities, more on the way',
    frame: {
      ...draft,
      session: 1,
      epoch: 4,
      from: 301,
      ids: Int32Array.of(5, 131071),
      probs: Float64Array.of(0.5, 0.1),
      residual: 0,
      more: true,
    },
    text: 'draft { session: 1 epoch: 4 from: 301 ids: [5, 131071] probs: [0.5, 0.1] residual: 0 more: true }',
    hex: '1a230801100418ad02220405ffff072a10000000000000e03f9a9999999999b93f38004001',
  },
  {
    title: 'full: a sparse and a dense law',
    frame: {
      ...draft,
      ids: Int32Array.of(2, 0),
      laws: [
        { kind: 'sparse', ids: Int32Array.of(2, 1), probs: Float64Array.of(0.75, 0.25) },
        { kind: 'dense', probs: Float64Array.of(0.5, 0, 0.5) },
      ],
    },
    text: `draft { from: 300 ids: [2, 0] laws { ids: [2, 1] probs: [0.75, 0.25] } laws { probs: [0.5, 0, 0.5] } }`,
    hex:
      '1a3b18ac022202020032160a0202011210000000000000e83f000000000000d03f321a1218000000000000e0' +
      '3f0000000000000000000000000000e03f',
  },
  {
    title: 'no drafts: asks for the next token alone',
    frame: { ...draft, session: 2 },
    text: 'draft { session: 2 from: 300 }',
    hex: '1a05080218ac02',
  },
  {
    title:
      'two tokens, the first all but certain to stand, the second as likely as not (version 4)',
    frame: { ...draft, epoch: 3, ids: Int32Array.of(1000, 2000), chances: Uint8Array.of(255, 128) },
    text: 'draft { epoch: 3 from: 300 ids: [1000, 2000] chances: "\\377\\200" }',
    hex: '1a0f100318ac022204e807d00f4a02ff80',
  },
  {
    title: 'the whole law at position 302',
    frame: { kind: 'tail-request', session: 1, position: 302 },
    text: 'tail_request { session: 1 position: 302 }',
    hex: '2205080110ae02',
  },
  {
    title: 'takes over a session with 302 committed tokens',
    frame: {
      kind: 'resume',
      session: 3,
      resumeKey,
      committedLength: 302,
      logHash: 0x0123456789abcdefn,
    },
    text: `resume { session: 3 resume_key: "\\000\\001\\002\\003\\004\\005\\006\\007\\010\\t\\n\\013\\014\\r\\016\\017"
      committed_length: 302 log_hash: 81985529216486895 }`,
    hex: '2a2008031210000102030405060708090a0b0c0d0e0f18ae0221efcdab8967452301',
  },
  {
    title: 'ends the answer of session 1',
    frame: { kind: 'cancel', session: 1 },
    text: 'cancel { session: 1 }',
    hex: '32020801',
  },
  {
    title: 'forgets session 0',
    frame: { kind: 'close', session: 0 },
    text: 'close { }',
    hex: '3a00',
  },
  {
    title: 'asks for a Pong',
    frame: { kind: 'ping', nonce: 4_294_967_295, isCover: false },
    text: 'ping { nonce: 4294967295 }',
    hex: '82010608ffffffff0f',
  },
  {
    title: 'fills a period of aggregation (version 3)',
    frame: { kind: 'ping', nonce: 0, isCover: true },
    text: 'ping { is_cover: true }',
    hex: '8201021001',
  },
];
