// Checks that the demo's table and sentences match the samples, and claim nothing that is
// uncertain.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { displayWidth } from '../screen/table.js';
import {
  type AnswerSample,
  type ContenderSamples,
  comparisonTable,
  ratioTo,
  reasonText,
  roundTokensOf,
  verdictText,
} from './comparison.js';

const sample = (totalMs: number, tokenCount = 10): AnswerSample => ({
  tokenCount,
  totalMs,
  testedCount: 8,
  acceptedCount: 6,
  verdictCount: 4,
  messageCount: 12,
  bytes: 250,
});
const way = (name: string, ...times: number[]): ContenderSamples => ({
  name,
  samples: times.map((ms) => sample(ms)),
});
const stream = way('streaming', 100, 200, 300);

test('a win is claimed only where no text was slower, a loss where none was faster', () => {
  const verdict = (...others: ContenderSamples[]): string => verdictText([stream, ...others]);
  assert.match(
    verdict(way('race', 50, 160, 298), way('pipeline', 200, 300, 600)),
    /^Race won: 1\.25 times streaming \(1\.01 to 2\.00 over 3 texts\)\. Slower .*: pipeline \(0\.50 x\)\.$/,
  );
  assert.match(verdict(way('race', 200, 250, 301)), /^Plain streaming won; .* 0\.80 times/);
  assert.match(
    verdict(way('race', 50, 100, 400)),
    /^No mode clearly beat .* too varied to call\.$/,
  );
  assert.match(verdict(way('race', 101, 201, 299)), /^No mode clearly beat .* 1\.00 times/);
});

test('texts are compared one by one and by the token, because a mode may be cut shorter', () => {
  const shorter: ContenderSamples = {
    name: 'race',
    samples: [sample(50, 5), ...stream.samples.slice(1)],
  };
  assert.deepEqual(ratioTo(stream, shorter), { median: 1, low: 1, high: 1 });
});

test('the table fits 80 columns, and a device alone is not compared', () => {
  const table = comparisonTable([stream, way('stop-and-wait', 1000, 1000, 1000)], way('alone', 10));
  assert.ok(table.split('\n').every((line) => displayWidth(line) <= 79));
  assert.match(table, /\n {2}alone +1000\.0 +- /);
  assert.match(table, /\n {2}stop-and-wait +10\.0 +0\.20 x +75\.0 % +1\.20 +25\.0(\n|$)/);
});

test('the reason follows the pass: drafts help large targets, small ones are faster than drafts', () => {
  const roundTokens = roundTokensOf(stream);
  assert.equal(roundTokens, 2.5);
  const large = reasonText({ roundTripMs: 40, passMs: 50, roundTokens });
  assert.match(large, /90 ms, for the 2\.5 tokens .* 36 ms a token.*drafts itself where none do/);
  const small = reasonText({ roundTripMs: 40, passMs: 2, roundTokens });
  assert.match(small, /writes 20 tokens by itself/);
});
