// Checks that the closing lines are plain, and always give the reason when no draft was tested.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Statistics } from '../../device/index.js';
import { draftLine, eventLines, sourceLines, textLine, whyUntested, wireLine } from './summary.js';

const statistics: Statistics = {
  tokenCount: 30,
  origins: { drafted: 13, residual: 4, bonus: 3, target: 10 },
  sources: { device: 13, model: 0, suffix: 0, target: 17 },
  firstTokenMs: 10,
  totalMs: 122,
  tokensPerSecond: 245,
  draftedCount: 34,
  draftPassCount: 34,
  sentCount: 30,
  acceptedCount: 13,
  testedCount: 17,
  acceptanceRate: 13 / 17,
  draftEfficiency: 13 / 34,
  roundCount: 12,
  verdictCount: 20,
  chainTestedCount: 7,
  chainSurvivedCount: 4,
  chainSurvival: 4 / 7,
  draftStartCount: 8,
  aheadUsedCount: 5,
  keptCount: 0,
  wastedCount: 9,
  branchTokenCount: 0,
  branchUsedCount: 0,
  runnerUpHitCount: 0,
  hintHitCount: 0,
  branchMissCount: 0,
  hintCount: 0,
  lateHintCount: 0,
  hintRightCount: 0,
  hintLeadMs: null,
  upMessageCount: 38,
  downMessageCount: 24,
  upBytes: 480,
  downBytes: 330,
  resendCount: 0,
  resumeCount: 0,
  pauseCount: 0,
  pausedMs: 0,
  advisedDraftLength: null,
  provisionalCount: 0,
  retractedCount: 0,
  draftMs: 0.6,
  verifyMs: 4.4,
  queueMs: 0,
  roundTripMs: 13.8,
};

test('the lines name numbers, units and the reason of the end', () => {
  assert.equal(
    textLine({ tokenCount: 30, ms: 122, end: 'length', seed: 42n }),
    '30 tokens in 122 ms (246 tokens/s), seed 42; --max-tokens reached',
  );
  assert.equal(
    draftLine(statistics, ''),
    'drafts: 34 tokens drafted, 17 tested by the target, 13 accepted (76.5 %)',
  );
  assert.equal(
    wireLine({ ...statistics, downMessageCount: 1 }),
    'server: 38 messages and 480 B up, 1 message and 330 B down; round trip 13.8 ms',
  );
  assert.deepEqual(eventLines(statistics), []);
  assert.deepEqual(
    eventLines({ ...statistics, provisionalCount: 30, retractedCount: 12, resumeCount: 1 }),
    [
      'provisional: 30 tokens drafted while the server was away, 12 of them retracted',
      'link: lost and restored once',
    ],
  );
  const ahead = {
    branchTokenCount: 40,
    branchUsedCount: 12,
    runnerUpHitCount: 3,
    branchMissCount: 9,
  };
  assert.deepEqual(eventLines({ ...statistics, ...ahead, hintHitCount: 2 }), [
    'ahead: 40 tokens drafted for corrections, 12 of them used; 5 of 14 corrections predicted, 2 of them by hints',
  ]);
  assert.deepEqual(eventLines({ ...statistics, advisedDraftLength: 0 }), [
    'drafting stopped before the end of the text: testing a draft costs the server as much time as it saves',
  ]);
  assert.deepEqual(eventLines({ ...statistics, advisedDraftLength: 0, provisionalCount: 9 }), [
    'provisional: 9 tokens drafted while the server was away, 0 of them retracted',
  ]);
});

test('the line of sources leaves out those without tokens, but not drafts that came late', () => {
  const linesOf = (sources: Statistics['sources']): string[] =>
    sourceLines({ ...statistics, sources });
  assert.deepEqual(linesOf(statistics.sources), [
    'tokens: 13 from drafts here that came in time, 17 by the target itself',
  ]);
  assert.deepEqual(linesOf({ device: 0, model: 9, suffix: 2, target: 1_000 }), [
    "tokens: 0 from drafts here that came in time, 9 drafted by the server's model, 2 found in the text by the server, 1 000 by the target itself",
  ]);
  assert.deepEqual(linesOf({ device: 0, model: 0, suffix: 0, target: 30 }), []);
});

test('where no draft was tested, the line says why', () => {
  const model = { kind: 'model', isStreamed: false } as const;
  const untested = { ...statistics, testedCount: 0, acceptedCount: 0, acceptanceRate: null };
  const why = (changes: Partial<Statistics>, drafted: Parameters<typeof whyUntested>[1] = model) =>
    whyUntested({ ...untested, ...changes }, drafted);
  assert.match(why({}, { kind: 'none', isStreamed: false }), /there is no drafter here/);
  assert.match(why({}, { kind: 'model', isStreamed: true }), /--mode stream/);
  assert.match(why({ verdictCount: 0 }), /no server has answered/);
  assert.match(why({ advisedDraftLength: 0 }), /costs the server as much time as it saves/);
  assert.match(why({ pauseCount: 1 }), /paused: it is slower than the server/);
  assert.match(why({ draftedCount: 0 }, { kind: 'suffix', isStreamed: false }), /repeats/);
  assert.match(why({ tokenCount: 2 }), /too short/);
  assert.match(why({ draftedCount: 0 }), /not ready in time/);
  assert.match(
    why({ draftMs: 40 }),
    /all 34 came too late: a token takes 40\.0 ms here and 4\.40 ms/,
  );
  assert.match(
    why({}),
    /all 34 came too late: the server went on writing during the round trip of 13\.8 ms/,
  );
  assert.equal(
    draftLine(untested, why({ tokenCount: 1 })),
    'drafts: none tested, because the answer was too short',
  );
});
