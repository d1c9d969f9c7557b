// Checks that a server refuses what PROTOCOL.md forbids: with the right code, for the session alone
// or for the connection, and with the close code of the table.

import { closeCodeOf, codeTable, type WireCode } from '../../protocol/code.js';
import type { Draft, Open } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { openingOf, type ServerBench } from './bench.js';
import { type ConformanceCheck, expectThat, NotApplicable, needs } from './conformance-check.js';
import { bytesOfHex, type ProbeLine, plainHello } from './probe.js';
import { ProbeSession, plainDraft, plainOpen } from './probe-session.js';

const ids = (...tokens: readonly number[]): Int32Array => Int32Array.from(tokens);

/** The check that `code` comes of what `provoke` does. */
export function refusal(
  code: WireCode,
  what: string,
  provoke: (bench: ServerBench) => Promise<ProbeLine>,
  session: number | null = codeTable[code].ends === 'connection' ? null : 0,
): ConformanceCheck<ServerBench> {
  const scope =
    session === null ? `the connection, with ${closeCodeOf(code)}` : 'its session alone';
  return {
    name: `${code}, ${what}`,
    rule: `ends ${scope}`,
    async run(bench) {
      const probe = await provoke(bench);
      await probe.refusal(code, session, closeCodeOf(code));
    },
  };
}

/** Sends bytes on a connection that is ready. */
const bytes =
  (hex: string) =>
  async (bench: ServerBench): Promise<ProbeLine> => {
    const probe = await bench.greeted();
    probe.sendBytes(bytesOfHex(hex));
    return probe;
  };

/** Sends an Open. */
const opening =
  (changes: Partial<Open>) =>
  async (bench: ServerBench): Promise<ProbeLine> => {
    const probe = await bench.greeted();
    probe.send({ ...plainOpen, ...changes });
    return probe;
  };

async function draftingSession(
  bench: ServerBench,
  changes: Partial<Open> = {},
): Promise<ProbeSession> {
  const { scheme = 'coupled', mode = 'pipeline' } = changes;
  await bench.offers(scheme, mode);
  return ProbeSession.begin(await bench.greeted(), { mode, ...changes });
}

/** Opens a session and sends drafts. @param of the drafts by the committed length. */
const drafting =
  (changes: Partial<Open>, of: (length: number) => readonly Partial<Draft>[]) =>
  async (bench: ServerBench): Promise<ProbeLine> => {
    const session = await draftingSession(bench, changes);
    for (const draft of of(session.committed.length))
      session.probe.send({ ...plainDraft, ...draft });
    return session.probe;
  };

const many = (count: number): Int32Array => new Int32Array(count).fill(3);
const split = { ...openingOf('split'), mode: 'pipeline' } as const;

/** Attempts to send both drafts before a pass has tested the first. */
const attemptsMax = 20;

const contradictionCheck: ConformanceCheck<ServerBench> = {
  name: 'draft-contradicts, another token in the same epoch',
  rule: 'ends its session alone',
  async run(bench) {
    const of = (from: number) => [
      { from, ids: many(8) },
      { from, ids: ids(3, 3, 3, 3, 3, 3, 4) },
    ];
    for (let attempt = 1; attempt <= attemptsMax; attempt++) {
      const probe = await drafting({}, of)(bench);
      const { frame } = await probe.arrival();
      // A pass was faster: the second draft is of a void chain and is dropped.
      if (frame.kind === 'verdict') continue;
      const isRight = frame.kind === 'failure' && frame.code === 'draft-contradicts';
      expectThat(isRight && frame.session === 0, `${frame.kind} for two tokens at one position`);
      await probe.isAlive();
      return;
    }
    throw new NotApplicable(`a pass was faster in ${attemptsMax} attempts`);
  },
};

export const refusalChecks: readonly ConformanceCheck<ServerBench>[] = [
  refusal('frame-malformed', 'no protobuf', bytes('ff')),
  refusal('frame-malformed', 'an empty message', bytes('')),
  refusal('frame-malformed', 'two kinds in a message', bytes('820102080732020801')),
  refusal('frame-malformed', 'a field twice', bytes('82010408070807')),
  refusal('frame-malformed', 'a wrong wire type', bytes('8201050d01000000')),
  refusal('frame-malformed', 'a list that is not packed', bytes('1a0418032005')),
  refusal('frame-unexpected', 'a frame of a server', bytes('9201020807')),
  refusal('frame-unexpected', 'a second Hello', async (bench) => {
    const probe = await bench.greeted();
    probe.send(plainHello);
    return probe;
  }),
  refusal('frame-unexpected', 'an Open before Hello', async (bench) => {
    const probe = await bench.connect();
    probe.send(plainOpen);
    return probe;
  }),
  refusal('version-unsupported', 'versions 900 to 901', async (bench) => {
    const probe = await bench.connect();
    probe.send({ ...plainHello, versionMin: 900, versionMax: 901 });
    return probe;
  }),
  refusal('frame-too-large', 'a greeting above 16 KiB', async (bench) => {
    const probe = await bench.connect();
    probe.sendBytes(new Uint8Array(limits.helloBytes.value + 1));
    return probe;
  }),
  refusal('frame-malformed', 'block hashes that do not fit the size', async (bench) => {
    const probe = await bench.connect();
    probe.send({ ...plainHello, vocabSize: 300, blockHashes: new Uint32Array(1) });
    return probe;
  }),
  refusal('frame-malformed', 'an answer behind a text', opening({ answer: ids(3) }), null),
  refusal('frame-malformed', 'a cut in another scheme', opening({ cut: { keepMax: 2 } }), null),
  refusal('session-unknown', 'a draft of no session', async (bench) => {
    const probe = await bench.greeted();
    probe.send(plainDraft);
    return probe;
  }),
  refusal(
    'session-reused',
    'a lower id',
    async (bench) => {
      const probe = await bench.greeted();
      await ProbeSession.begin(probe, { session: 2, mode: 'stop-and-wait' });
      probe.send({ ...plainOpen, session: 1 });
      return probe;
    },
    1,
  ),
  refusal('session-state', 'a draft in stream', async (bench) => {
    await bench.offers('coupled', 'stream');
    const session = await ProbeSession.begin(await bench.greeted());
    session.probe.send({ ...plainDraft, from: session.committed.length, ids: ids(3) });
    return session.probe;
  }),
  refusal('prompt-empty', 'a prompt of no ids', opening({ prompt: { kind: 'ids', ids: ids() } })),
  refusal('prompt-too-long', 'a prompt as long as the context', async (bench) => {
    const { contextLength } = await bench.welcome();
    needs(contextLength < 1_000_000, `a context of ${contextLength} tokens`);
    return opening({ prompt: { kind: 'ids', ids: many(contextLength) } })(bench);
  }),
  refusal(
    'sampling-invalid',
    'temperature 101',
    opening({ sampling: { ...plainOpen.sampling, temperature: 101 } }),
  ),
  refusal('mode-unsupported', 'split in race', opening({ scheme: 'split', mode: 'race' })),
  refusal('token-out-of-range', 'a prompt beyond the vocabulary', async (bench) => {
    const { vocabSize } = await bench.welcome();
    return opening({ prompt: { kind: 'ids', ids: ids(vocabSize) } })(bench);
  }),
  refusal(
    'limit-exceeded',
    'an answer as long as tokens_max',
    opening({ prompt: { kind: 'ids', ids: ids(3) }, answer: ids(4, 5), tokensMax: 2 }),
  ),
  refusal('window-exceeded', 'a window of 0', opening({ windowMax: 0 })),
  refusal('limit-exceeded', 'padding of 100 bytes', async (bench) => {
    const { version } = await bench.welcome();
    needs(version >= 3, `version ${version} has no padding`);
    return opening({ padBytes: 100 })(bench);
  }),
  refusal('format-invalid', 'a schema that is no JSON', async (bench) => {
    const { version } = await bench.welcome();
    needs(version >= 2, `version ${version} has no schemas`);
    return opening({ schema: '{' })(bench);
  }),
  refusal('limit-exceeded', 'a draft of 257 tokens', async (bench) => {
    const { probe } = await draftingSession(bench);
    // The kit's own writer refuses to write it: from 3, and 257 ids of one byte.
    probe.sendBytes(bytesOfHex(`1a86021803228102${'03'.repeat(257)}`));
    return probe;
  }),
  refusal('window-exceeded', 'drafts beyond the window', (bench) =>
    drafting({ windowMax: 4 }, (from) => [{ from, ids: many(5) }])(bench),
  ),
  refusal('draft-gap', 'a draft that leaves a gap', (bench) =>
    drafting({}, (length) => [{ from: length + 1, ids: ids(3) }])(bench),
  ),
  contradictionCheck,
  refusal('draft-contradicts', 'split without probabilities', (bench) =>
    drafting(split, (from) => [{ from, ids: ids(3) }])(bench),
  ),
  refusal('epoch-impossible', 'epoch 9 before any answer', (bench) =>
    drafting({ mode: 'stop-and-wait' }, (from) => [{ epoch: 9, from, ids: ids(3) }])(bench),
  ),
  refusal('law-invalid', 'a probability of 0', (bench) =>
    drafting(split, (from) => [{ from, ids: ids(3), probs: Float64Array.of(0) }])(bench),
  ),
  refusal('session-state', 'a residual that is not due', (bench) =>
    drafting(split, (length) => [{ from: length + 1, residual: 3 }])(bench),
  ),
  refusal('residual-invalid', 'another residual than is committed', async (bench) => {
    const session = await draftingSession(bench, split);
    const last = session.committed.at(-1)!;
    const residual = last === 3 ? 4 : 3;
    session.probe.send({ ...plainDraft, from: session.committed.length, residual });
    return session.probe;
  }),
  refusal('token-out-of-range', 'a draft beyond the vocabulary', async (bench) => {
    const { vocabSize } = await bench.welcome();
    return drafting({}, (from) => [{ from, ids: ids(vocabSize) }])(bench);
  }),
];
