// Checks the draft model of the server: when it may draft, how long a pass waits for it, what it
// keeps, and what it learns.

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { slotId } from '../../../base/brand.js';
import type { DraftRequest } from '../../../engine/engine.js';
import { TokenLog } from '../../../protocol/token-log.js';
import { Counters } from '../core-stats.js';
import type { Session } from '../session.js';
import type { InFlightSegment } from '../session-status.js';
import { ModelDrafter } from './model-drafter.js';
import { WordLog } from './word-log.js';

const contextLength = 100;

function writing(length: number) {
  const log = new TokenLog(Array.from({ length }, (_, index) => index % 7));
  const terms = { tenant: {}, config: {}, scheme: 'greedy' };
  const words = new WordLog(log, 0);
  const session = { log, words, terms, isForgotten: false } as unknown as Session;
  return { log, session };
}

const textOf = (session: Session, prefix: readonly number[] = []) => ({
  ...{ session, slot: slotId(0), prefix: Int32Array.from(prefix) },
});

describe('the draft model of a server', () => {
  let asked: { id: number; requests: readonly DraftRequest[] }[];
  let drafter: ModelDrafter;
  let counters: Counters;
  beforeEach(() => {
    asked = [];
    counters = new Counters();
    const model = { slotCount: 1, contextLength };
    drafter = new ModelDrafter(model, (id, requests) => asked.push({ id, requests }), counters);
  });

  const begin = (session: Session, countMax = 3, nowMs = 0): void =>
    drafter.begin([{ ...textOf(session), countMax, chanceMin: 0 }], nowMs);

  /** Answers what was asked last. */
  function answer(tokens: readonly number[], ms = 5, nowMs = 0): void {
    const { id, requests } = asked.at(-1)!;
    const drafted = tokens.map((token) => ({ token, confidence: 0.9 }));
    const ends = requests.map(({ from, tokens: fed }) => ({
      drafted,
      length: from + fed.length + Math.max(0, tokens.length - 1),
    }));
    const passes = tokens.map(() => ({ tokenCount: 1, rowCount: 1, tokenContext: 9, ms }));
    drafter.drafted(id, { ends, passes } as never, nowMs);
  }

  it('takes the time of a stage around its passes for a part of each step', () => {
    const { log, session } = writing(20);
    for (let stage = 0; stage < 40; stage++) {
      begin(session, 2, 100 * stage);
      answer([1, 2], 5, 100 * stage + 15);
      log.push(3);
    }
    assert.ok(Math.abs(drafter.stepMs(1, 9) - 7.5) < 0.1, `${drafter.stepMs(1, 9)}`);
  });

  it('has room up to its context, for texts of which it lacks 32 tokens at most', () => {
    assert.equal(drafter.roomFor(textOf(writing(32).session)), contextLength - 32);
    assert.equal(drafter.roomFor(textOf(writing(30).session, [1, 2])), contextLength - 32);
    assert.equal(drafter.roomFor(textOf(writing(33).session)), 0);
    const { log, session } = writing(90);
    drafter.fill([textOf(session)]);
    answer([1]);
    assert.equal(drafter.roomFor(textOf(session)), 10);
    log.append([1, 2, 3, 4, 5, 6, 7, 8, 9, 1]);
    assert.equal(drafter.roomFor(textOf(session)), 0);
  });

  it('drafts one thing at a time', () => {
    const { session } = writing(5);
    begin(session);
    assert.equal(drafter.roomFor(textOf(session)), 0);
    drafter.fill([textOf(writing(50).session)]);
    assert.equal(asked.length, 1);
    answer([1, 2]);
    assert.ok(drafter.roomFor(textOf(session)) > 0);
  });

  it('keeps a draft until the text has grown', () => {
    const { log, session } = writing(5);
    begin(session);
    assert.equal(drafter.proposalOf(session), null);
    answer([1, 2, 3]);
    const { drafts } = drafter.proposalOf(session)!;
    assert.deepEqual([...drafts.tokens], [1, 2, 3]);
    assert.deepEqual(drafts.sources, ['model', 'model', 'model']);
    assert.deepEqual(drafts.confidences, [0.9, 0.9, 0.9]);
    assert.deepEqual(drafts.chances, new Array(3).fill(drafter.confidences.chanceOf(0.9)));
    assert.deepEqual([counters.stageCount, counters.modelDraftedCount], [1, 3]);
    log.push(1);
    assert.equal(drafter.proposalOf(session), null);
    assert.equal(drafter.retainedCount, 1);
    drafter.forget(session);
    assert.equal(drafter.retainedCount, 0);
  });

  it('keeps no draft for a text that grew meanwhile, or that was only fed', () => {
    const { log, session } = writing(5);
    begin(session);
    log.push(1);
    answer([1, 2]);
    assert.equal(drafter.retainedCount, 0);
    const long = writing(50).session;
    drafter.fill([textOf(long)]);
    answer([1]);
    assert.equal(drafter.proposalOf(long), null);
    assert.equal(counters.stageCount, 1);
    assert.equal(counters.modelDraftedCount, 0);
  });

  it('is waited for while it may be in time: two seconds at first, then by what it has cost', () => {
    const { session } = writing(5);
    assert.equal(drafter.awaitedUntilMs, null);
    begin(session, 3, 100);
    assert.equal(drafter.awaitedUntilMs, 2_100);
    answer([1, 2, 3]);
    assert.equal(drafter.awaitedUntilMs, null);
    begin(session, 3, 1_000);
    const waitMs = drafter.awaitedUntilMs! - 1_000;
    assert.ok(Math.abs(waitMs - (50 + 4 * 3 * drafter.stepMs(1, 5))) < 1e-9, `${waitMs} ms`);
    answer([1]);
    drafter.fill([textOf(writing(50).session)]);
    assert.equal(drafter.awaitedUntilMs, null);
  });

  it('is asked no more after three failures in a row', () => {
    const { session } = writing(5);
    const fail = (): void => {
      begin(session);
      drafter.failed(asked.at(-1)!.id);
    };
    fail();
    fail();
    begin(session);
    answer([1]);
    fail();
    fail();
    assert.equal(drafter.isOff, false);
    assert.ok(drafter.roomFor(textOf(session)) > 0);
    fail();
    assert.equal(drafter.isOff, true);
    assert.equal(drafter.roomFor(textOf(session)), 0);
    const before = asked.length;
    drafter.fill([textOf(writing(50).session)]);
    assert.equal(asked.length, before);
    assert.equal(counters.draftFailureCount, 5);
  });

  it('learns its chances from drafts that were tested, and from no others', () => {
    const server = { confidences: [0.95, null, 0.05, 0.95] };
    const segment = { draftCount: 1, server } as unknown as InFlightSegment;
    const chances = () => [drafter.confidences.chanceOf(0.95), drafter.confidences.chanceOf(0.05)];
    const [high, low] = chances();
    drafter.learn(segment, { acceptedCount: 0, testedCount: 1 });
    assert.deepEqual(chances(), [high, low]);
    drafter.learn(segment, { acceptedCount: 1, testedCount: 2 });
    const [fallen] = chances();
    assert.ok(fallen! < high!);
    drafter.learn(segment, { acceptedCount: 4, testedCount: 4 });
    assert.ok(chances()[0]! > fallen! && chances()[1]! > low!);
  });
});
