// Checks texts over the scripted engine: counts, and how a text ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SpeculateRequest } from '../../engine/local/speculate.js';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { bannedEnd } from '../../engine/scripted-vocabulary.js';
import { type GeneratedText, generateText } from './generation.js';
import { reportOf } from './report.js';

const request: SpeculateRequest = {
  prompt: Int32Array.of(0, 3, 5),
  tokensMax: 40,
  scheme: 'coupled',
  // Token 1 ends a text.
  sampling: bannedEnd,
  seed: 11n,
  draftLength: 4,
  confidenceMin: 0,
};
const settings = { ...request, stops: [] as string[] };

interface Changes {
  readonly stops?: readonly string[];
  readonly signal?: AbortSignal;
  readonly onShow?: () => void;
  readonly draftLength?: number;
}

/** Runs with a clock that advances one millisecond at each read. */
function run(changes: Changes = {}): Promise<GeneratedText> {
  let time = 0;
  const { stops = [], signal = new AbortController().signal, onShow } = changes;
  const draftLength = changes.draftLength ?? request.draftLength;
  const draft = draftLength > 0 ? createScriptedEngine({ divergence: 1 }) : null;
  return generateText(
    createScriptedEngine(),
    draft,
    { ...request, draftLength },
    {
      stops,
      show: () => onShow?.(),
      signal,
      now: () => time++,
    },
  );
}

const report = (generation: GeneratedText): string =>
  JSON.stringify(
    reportOf({
      engines: {
        target: {
          info: { modelName: 't', contextLength: 512 },
          options: { modelPath: 't', threads: 1 },
        },
        draft: null,
        draftKind: 'none' as const,
        loadMs: 1,
      },
      settings,
      deterministic: false,
      promptText: 'x',
      promptTokenCount: 3,
      generation,
    }),
  );

test('counts of rounds, positions and tokens add up', async () => {
  const { tally, tokens, end, targetTimes, draftTimes } = await run();
  assert.equal(end, 'length');
  assert.equal(tokens.length, 40);
  assert.equal(tally.acceptedCount + tally.roundCount, 40);
  assert.equal(targetTimes.passCount, tally.roundCount);
  assert.equal(draftTimes.draftedCount, tally.draftedCount);
  assert.ok(targetTimes.prefillMs > 0 && targetTimes.passMs > 0 && draftTimes.draftMs > 0);
});

test('a stop string ends a text, and text and tokens end with it', async () => {
  const whole = await run();
  const stop = whole.text.slice(7, 10);
  const cut = await run({ stops: [stop] });
  assert.equal(cut.end, 'stop');
  assert.equal(cut.text, whole.text.slice(0, whole.text.indexOf(stop)));
  assert.deepEqual(cut.tokens, whole.tokens.slice(0, cut.tokens.length));
  assert.ok(cut.tokens.length < whole.tokens.length);
});

test('a signal ends a text after the round in progress, and what was written is kept', async () => {
  const stop = new AbortController();
  const { end, tally, tokens } = await run({ signal: stop.signal, onShow: () => stop.abort() });
  assert.deepEqual(
    [end, tally.roundCount, tokens.length],
    ['interrupted', 1, tally.acceptedCount + 1],
  );
  const early = await run({ signal: AbortSignal.abort() });
  assert.deepEqual([early.end, early.text, early.tokens], ['interrupted', '', []]);
});

test('rates of nothing are null in the document', async () => {
  const alone = await run({ draftLength: 0 });
  const { rounds, tokensPerSecond, settings: said } = JSON.parse(report(alone));
  assert.deepEqual(
    [rounds.acceptanceRate, rounds.draftEfficiency, rounds.positions, rounds.roundCount],
    [null, null, [], 40],
  );
  assert.ok(tokensPerSecond > 0);
  assert.deepEqual(said.sampling.logitBias, [{ token: 1, bias: '-inf' }]);
  const nothing = await run({ signal: AbortSignal.abort() });
  assert.equal(JSON.parse(report(nothing)).rounds.meanAcceptedLength, null);
});
