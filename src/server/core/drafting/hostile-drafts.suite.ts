// Checks what a hostile device in mode auto costs the others: one that announces drafts which never
// come, floods the server with wrong ones, lies about their chances, or earns trust and then breaks
// it. Time is virtual.

import assert from 'node:assert/strict';
import type { ServerFrame } from '../../../protocol/frame.js';
import { draftOf, Harness, openFrame, tokensOf } from '../core-harness.suite.js';
import { targetText } from '../scripted-target.suite.js';

const stepMs = 20;
const promptLength = 3;
const attackerOpen = openFrame({ mode: 'auto', tokensMax: 1800, windowMax: 64, seed: 99n });

/** What an attacker sends: so many drafts, so long after a verdict, right or wrong. */
interface Burst {
  readonly afterMs: number;
  readonly count: number;
  readonly isRight: boolean;
  /** The chance that it tells of each, in 1/255; default: none. */
  readonly told?: number;
}

/** @param round verdicts so far. */
type Attack = (round: number) => readonly Burst[];

const attacks: { readonly [name: string]: Attack } = {
  'sends nothing': () => [],
  'begins each chain at once, and never goes on': () => [{ afterMs: 2, count: 1, isRight: true }],
  'begins each second chain at once': (round) =>
    round % 2 === 0 ? [{ afterMs: 2, count: 1, isRight: true }] : [],
  'begins two chains of three with four drafts': (round) =>
    round % 3 < 2 ? [{ afterMs: 2, count: 4, isRight: true }] : [],
  'begins every third chain, wrong': (round) =>
    round % 3 === 0 ? [{ afterMs: 2, count: 2, isRight: false }] : [],
  'begins chains that never go on': () => [{ afterMs: 3, count: 1, isRight: true }],
  'begins each second chain only': (round) =>
    round % 2 === 0 ? [{ afterMs: 3, count: 1, isRight: true }] : [],
  'floods with wrong drafts': () => [{ afterMs: 1, count: 32, isRight: false }],
  'is right, then stops in mid-draft': (round) =>
    round % 3 < 2
      ? [1, 2, 3, 4].map((step) => ({ afterMs: 3 * step, count: 1, isRight: true }))
      : [{ afterMs: 3, count: 1, isRight: true }],
  'is right for long, then vanishes': (round) =>
    round % 60 < 40
      ? [1, 2, 3, 4].map((step) => ({ afterMs: 3 * step, count: 1, isRight: true }))
      : [],
  'is right for long, then wrong': (round) => [{ afterMs: 2, count: 6, isRight: round % 60 < 40 }],
  'is sure of wrong drafts': () => [{ afterMs: 1, count: 32, isRight: false, told: 255 }],
  'is right and sure for long, then wrong and sure': (round) => [
    { afterMs: 2, count: 6, isRight: round % 60 < 40, told: 255 },
  ],
  'is sure when it is wrong': (round) => {
    const isRight = round % 2 === 0;
    return [{ afterMs: 2, count: 6, isRight, told: isRight ? 0 : 255 }];
  },
  'is late on purpose': () => [{ afterMs: stepMs + 2, count: 3, isRight: true }],
};

interface Result {
  /** Tokens of the honest for each pass that a server of steps alone would run in the time. */
  readonly honestRate: number;
  readonly attackerCount: number;
}

/**
 * Plays an attack until the honest sessions have ended.
 *
 * @param sessionRounds verdicts after which the attacker opens another session.
 */
function play(attack: Attack, rowMs: number, honestCount: number, sessionRounds: number): Result {
  const harness = new Harness({
    model: { slotCount: 16, contextLength: 2048, passRowsMax: 512, passTokensMax: 512 },
    passMs: 0,
  });
  const answerTokens = 300;
  harness.connect(1);
  harness.connect(2);
  for (let session = 0; session < honestCount; session++) {
    harness.send(
      1,
      openFrame({
        session,
        mode: 'auto',
        tokensMax: answerTokens,
        windowMax: 1,
        seed: BigInt(session),
      }),
    );
  }
  let attacker = attackerOpen;
  harness.send(2, attacker);
  const text = targetText(attackerOpen);
  let committed = promptLength;
  let epoch = 0;
  let round = 0;
  let sessionRound = 0;
  let attackerCount = 0;
  let sent: { atMs: number; from: number; burst: Burst; epoch: number }[] = [];
  let chainEnd = committed;
  let isChainRight = true;

  const hear = (frames: readonly ServerFrame[]): void => {
    for (const frame of frames) {
      assert.notEqual(frame.kind, 'failure', JSON.stringify(frame));
      if (frame.kind !== 'verdict' || frame.session !== attacker.session) continue;
      attackerCount += frame.from + frame.tokens.length - committed;
      committed = frame.from + frame.tokens.length;
      if (!isChainRight || chainEnd < committed) {
        // The chain is broken, or behind: another begins.
        epoch++;
        chainEnd = committed;
        isChainRight = true;
        sent = [];
      }
      if (++sessionRound > sessionRounds) {
        openAnother();
        return;
      }
      for (const burst of attack(round++)) {
        sent.push({ atMs: harness.nowMs + burst.afterMs, from: 0, burst, epoch });
      }
    }
  };
  const openAnother = (): void => {
    harness.send(2, { kind: 'close', session: attacker.session });
    attacker = { ...attackerOpen, session: attacker.session + 1 };
    harness.send(2, attacker);
    [committed, chainEnd, epoch, sessionRound, isChainRight] = [
      promptLength,
      promptLength,
      0,
      0,
      true,
    ];
    sent = [];
  };
  const speak = (burst: Burst): void => {
    const count = Math.min(burst.count, committed + 64 - chainEnd, text.length - chainEnd);
    if (count <= 0 || !isChainRight) return;
    const ids = Int32Array.from({ length: count }, (_, index) => {
      const right = text[chainEnd + index]!;
      return burst.isRight ? right : right === 3 ? 4 : 3;
    });
    const chances = burst.told === undefined ? null : new Uint8Array(count).fill(burst.told);
    harness.send(2, draftOf({ session: attacker.session, epoch, from: chainEnd, ids, chances }));
    chainEnd += count;
    if (!burst.isRight) isChainRight = false;
  };

  let busyUntilMs: number | null = null;
  let endMs = 0;
  const honest = new Map<number, number>();
  const left = (): number =>
    [...honest.values()].filter((count) => count < answerTokens).length + honestCount - honest.size;
  for (let step = 0; step < 100_000 && left() > 0; step++) {
    const [operation] = harness.operations;
    if (operation?.kind === 'pass' && busyUntilMs === null) {
      const rows = operation.segments.reduce((sum, { tokens }) => sum + tokens.length, 0);
      busyUntilMs = harness.nowMs + stepMs + rowMs * rows;
    }
    const next = sent.reduce((least, { atMs }) => Math.min(least, atMs), Infinity);
    const engineMs = operation ? (busyUntilMs ?? harness.nowMs) : Infinity;
    const atMs = Math.min(engineMs, harness.wakeAtMs, next);
    assert.ok(atMs < Infinity, 'the server waits for ever');
    harness.nowMs = Math.max(harness.nowMs, atMs);
    if (atMs === engineMs) {
      if (operation?.kind === 'pass') busyUntilMs = null;
      harness.stepEngine();
    } else if (atMs === next) {
      const due = sent.find((one) => one.atMs === next)!;
      sent = sent.filter((one) => one !== due);
      if (due.epoch === epoch) speak(due.burst);
    } else {
      harness.wakeAtMs = Infinity;
      harness.feed({ kind: 'wake' });
    }
    hear(harness.take(2));
    for (const frame of harness.take(1)) {
      if (frame.kind !== 'verdict') continue;
      honest.set(frame.session, (honest.get(frame.session) ?? 0) + tokensOf([frame]).length);
      endMs = harness.nowMs;
    }
  }
  assert.equal(left(), 0);
  return { honestRate: (answerTokens * stepMs) / endMs, attackerCount };
}

/** Verdicts after which an attacker begins again, with all that a new session may lose. */
const briefRounds = 6;

/** Plays every attack against so many honest sessions, at so many milliseconds a row. */
export function checkAttacks(honestCount: number, rowMs: number): void {
  for (const sessionRounds of [Infinity, briefRounds]) {
    const alone = play(attacks['sends nothing']!, rowMs, honestCount, sessionRounds);
    for (const [name, attack] of Object.entries(attacks)) {
      const { honestRate, attackerCount } = play(attack, rowMs, honestCount, sessionRounds);
      const slower = alone.honestRate / honestRate;
      const gained = attackerCount / alone.attackerCount - 1;
      // The rows and holds of drafts that stand are paid for by the passes that they save.
      const isStrict = honestCount === 8 && sessionRounds === Infinity;
      const slowerMax = isStrict ? 1.05 : Math.max(1.05, 1 + 0.3 * gained);
      const what = `${name}, ${sessionRounds} rounds: ${slower} times slower, ${gained} gained`;
      assert.ok(slower <= slowerMax && gained >= 0, what);
    }
  }
}
