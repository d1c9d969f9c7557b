// Checks of the life of a session on a server: epochs, dropped drafts, laws that are due,
// resumption, failover, the end.

import { openingOf, type ServerBench } from './bench.js';
import { type ConformanceCheck, expectThat } from './conformance-check.js';
import { ProbeSession, plainDraft, type plainOpen } from './probe-session.js';

/** A session in stop-and-wait whose only draft was rejected; committed is one token. */
async function rejectedOnce(bench: ServerBench): Promise<ProbeSession> {
  await bench.offers('coupled', 'stop-and-wait');
  const [text, { vocabSize }] = [await bench.text('coupled'), await bench.welcome()];
  const session = await ProbeSession.begin(await bench.greeted(), { mode: 'stop-and-wait' });
  session.draft([(text[0]! + 1) % vocabSize]);
  await session.verdict();
  expectThat(session.isStale && session.answer.length === 1, 'a wrong draft was not rejected');
  return session;
}

/** The draft is answered with a verdict that commits nothing, and a new epoch goes on. */
async function isRestated(
  session: ProbeSession,
  draft: Partial<typeof plainDraft>,
  text: readonly number[],
): Promise<void> {
  const { length } = session.committed;
  session.probe.send({ ...plainDraft, ...draft });
  const verdict = await session.probe.next('verdict');
  const { from, tokens, law, end } = verdict;
  const isEmpty = from === length && tokens.length === 0 && law === null && end === null;
  expectThat(isEmpty, `a verdict from ${from} with ${tokens.length} tokens`);
  session.isStale = true;
  const at = session.answer.length;
  session.draft(text.slice(at, at + 2));
  await session.verdict();
  const isRight = session.answer.every((token, index) => token === text[index]);
  expectThat(isRight && session.answer.length > at, 'the new epoch was not verified');
}

/** A session under `split` at a law that is due. */
async function atLaw(bench: ServerBench, cut: typeof plainOpen.cut): Promise<ProbeSession> {
  await bench.offers('split', 'stop-and-wait');
  const changes = { ...openingOf('split'), mode: 'stop-and-wait', cut } as const;
  const session = await ProbeSession.begin(await bench.greeted(), changes);
  const { vocabSize } = await bench.welcome();
  // Tokens that a filter to a few almost never keeps.
  for (let tried = 0; session.due === null && session.end === null; tried++) {
    session.draft([(7 + 31 * tried) % vocabSize]);
    await session.verdict();
  }
  expectThat(session.due !== null, 'no draft was rejected');
  return session;
}

export const sessionChecks: readonly ConformanceCheck<ServerBench>[] = [
  {
    name: 'void epoch',
    rule: 'a draft of a rejected chain is dropped, and answered where its device would wait',
    async run(bench) {
      const session = await rejectedOnce(bench);
      const text = await bench.text('coupled');
      const ids = Int32Array.from(text.slice(1, 3));
      await isRestated(session, { epoch: 0, from: session.committed.length, ids }, text);
    },
  },
  {
    name: 'old epoch',
    rule: 'a draft of an epoch below the newest is dropped, and answered',
    async run(bench) {
      const session = await rejectedOnce(bench);
      const text = await bench.text('coupled');
      session.draft(text.slice(1, 3));
      await session.verdict();
      const from = session.committed.length;
      const next = text.slice(session.answer.length, session.answer.length + 2);
      await isRestated(session, { epoch: 0, from, ids: Int32Array.from(next) }, text);
    },
  },
  {
    name: 'another text',
    rule: 'a draft that contradicts the prompt is dropped, and answered',
    async run(bench) {
      await bench.offers('coupled', 'stop-and-wait');
      const [text, { vocabSize }] = [await bench.text('coupled'), await bench.welcome()];
      const session = await ProbeSession.begin(await bench.greeted(), { mode: 'stop-and-wait' });
      const ids = Int32Array.from(session.committed, (token) => (token + 1) % vocabSize);
      await isRestated(session, { epoch: 0, from: 0, ids }, text);
    },
  },
  {
    name: 'repetition',
    rule: 'a draft that is sent again changes nothing',
    async run(bench) {
      await bench.offers('coupled', 'stop-and-wait');
      const text = await bench.text('coupled');
      const session = await ProbeSession.begin(await bench.greeted(), { mode: 'stop-and-wait' });
      const from = session.committed.length;
      session.draft(text.slice(0, 3));
      const again = { ...plainDraft, from, ids: Int32Array.from(text.slice(0, 3)) };
      for (let count = 0; count < 3; count++) session.probe.send(again);
      // A server may test the drafts in several passes.
      while (session.answer.length < 4) await session.verdict();
      const late = await session.probe.isAlive();
      const length = late.reduce((sum, { tokens }) => sum + tokens.length, session.answer.length);
      expectThat(length === 4, `${length} tokens after one draft of 3, sent four times`);
    },
  },
  {
    name: 'cut law',
    rule: 'cut_keep_max cuts a law, and its Tail begins with what was sent',
    async run(bench) {
      const session = await atLaw(bench, { keepMax: 2 });
      const law = session.verdicts.at(-1)!.law!;
      if (law.kind === 'whole') {
        expectThat(law.law.probs.length <= 2, `a whole law of ${law.law.probs.length} entries`);
        return;
      }
      const { ids, probs, tailMass } = law.cut;
      expectThat(ids.length <= 2 && tailMass > 0, `a cut law of ${ids.length} entries`);
      const position = session.committed.length;
      session.probe.send({ kind: 'tail-request', session: 0, position });
      const tail = await session.probe.next('tail');
      expectThat(tail.position === position, `a tail at ${tail.position}`);
      const whole = tail.law;
      const isHead = [...ids].every((id, index) =>
        whole.kind === 'dense' ? whole.probs[id] === probs[index] : whole.ids[index] === id,
      );
      expectThat(isHead, 'the tail does not begin with the cut law');
    },
  },
  {
    name: 'resumption',
    rule: 'a lost connection is resumed at the committed length, and the text goes on',
    async run(bench) {
      await bench.offers('coupled', 'stop-and-wait');
      const text = await bench.text('coupled');
      const session = await ProbeSession.begin(await bench.greeted(), { mode: 'stop-and-wait' });
      session.draft(text.slice(0, 2));
      await session.verdict();
      session.probe.close();
      await session.resume(await bench.greeted(), 5);
      while (session.end === null) {
        const from = session.answer.length;
        session.draft(text.slice(from, from + 4));
        await session.verdict();
      }
      const isSame = text.every((token, index) => session.answer[index] === token);
      expectThat(isSame && session.answer.length === text.length, 'another text after Resumed');
    },
  },
  {
    name: 'resumption, hash',
    rule: 'Resume with another log, or below the prompt, gets log-mismatch',
    async run(bench) {
      const session = await rejectedOnce(bench);
      session.probe.close();
      const wrong = [
        { logHash: 1n },
        { committedLength: 1, logHash: 0xcbf29ce484222325n },
        { committedLength: session.committed.length + 1 },
      ];
      const probe = await bench.greeted();
      for (const [id, changes] of wrong.entries()) {
        probe.send(session.resumption(id, changes));
        await probe.refusal('log-mismatch', id, 0);
      }
      await session.resume(probe, wrong.length);
    },
  },
  {
    name: 'resumption, law',
    rule: 'a law whose token has not come follows Resumed again; the token does not count before',
    async run(bench) {
      const session = await atLaw(bench, null);
      const { law } = session.verdicts.at(-1)!;
      session.probe.close();
      const resumed = await session.resume(await bench.greeted());
      expectThat(resumed.tokens.length === 0, 'tokens were committed before the residual');
      const again = await session.probe.next('verdict');
      expectThat(again.law !== null && again.tokens.length === 0, 'the law does not follow again');
      expectThat(again.law.kind === law!.kind, `a ${again.law.kind} law follows`);
      session.draft([]);
      await session.verdict();
    },
  },
  {
    name: 'taking over',
    rule: 'a Resume beside an open connection ends the old one with session-taken',
    async run(bench) {
      const session = await rejectedOnce(bench);
      const old = session.probe;
      await session.resume(await bench.greeted());
      await old.refusal('session-taken', 0, 0);
    },
  },
  {
    name: 'failover',
    rule: 'an Open with prompt ids and the answer so far goes on with the same text',
    async run(bench) {
      await bench.offers('coupled', 'stream');
      const text = await bench.text('coupled');
      const first = await ProbeSession.begin(await bench.greeted(), { tokensMax: 1 });
      const ids = first.opened.promptIds;
      const answer = Int32Array.from(text.slice(0, 9));
      const changes = { prompt: { kind: 'ids', ids }, answer } as const;
      const session = await ProbeSession.begin(await bench.greeted(), changes);
      while (session.end === null) await session.verdict();
      const isSame = text.every((token, index) => session.answer[index] === token);
      expectThat(isSame, 'another text after the answer so far');
    },
  },
  {
    name: 'cancel',
    rule: 'Cancel ends the answer with a last verdict; a second one changes nothing',
    async run(bench) {
      await bench.offers('coupled', 'stop-and-wait');
      const session = await ProbeSession.begin(await bench.greeted(), { mode: 'stop-and-wait' });
      session.probe.send({ kind: 'cancel', session: 0 });
      session.probe.send({ kind: 'cancel', session: 0 });
      const { end } = await session.verdict();
      expectThat(end === 'cancelled', `end ${end}`);
      await session.probe.isAlive();
    },
  },
  {
    name: 'close',
    rule: 'Close forgets a session and its resume key, without a reply',
    async run(bench) {
      const session = await rejectedOnce(bench);
      session.probe.send({ kind: 'close', session: 0 });
      session.probe.send(session.resumption(1));
      await session.probe.refusal('resume-refused', 1, 0);
    },
  },
];
