// Runs `pilotfish generate` with the bundled models, as a user would.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { tinyModel } from '../engine/gguf/tiny-model.suite.js';
import { writeGguf } from '../engine/gguf/writer.js';
import { run } from './processes/command.suite.js';

const prompt = 'The old clock in the hallway had stopped at midnight.';
const fixed = ['generate', '--deterministic', '--seed', '5', '-n', '24', '-t', '1'];
const drafted = [...fixed, '--draft', 'stories-draft'];
/** The text without a draft, which several tests hold others against. */
const plain = run([...fixed, prompt]);

test('one seed gives one text, with any draft and without, and stdout holds nothing else', async () => {
  const alone = await plain;
  assert.equal(alone.code, 0, alone.err);
  assert.match(alone.err, /^24 tokens in .* tokens\/s\), seed 5; --max-tokens reached\n$/);
  assert.ok(alone.out.trim().length > 24);
  const together = await run([...drafted, prompt]);
  assert.match(
    together.err,
    /^24 tokens in .*\ndrafts: \d+ tokens drafted, \d+ tested by the target, \d+ accepted \(.* %\)\n$/,
  );
  assert.equal(together.out, alone.out);
  const otherwise = ['--draft-length', '8', '--confidence-min', '0.3'];
  assert.equal((await run([...drafted, ...otherwise, prompt])).out, alone.out);
  const lookedUp = await run([...fixed, '--draft', 'suffix', '--no-stats', prompt]);
  assert.deepEqual([lookedUp.out, lookedUp.err], [alone.out, '']);
  const greedy = [...fixed, '--temp', '0', prompt];
  assert.equal((await run([...greedy, '-md', 'stories-draft'])).out, (await run(greedy)).out);
});

test('--json is one document, its counts add up, and a pipe is as good as an argument', async () => {
  const { out, code } = await run([...drafted, '--json'], {}, undefined, `${prompt}\n`);
  assert.equal(code, 0);
  const document = JSON.parse(out);
  const { rounds, tokens, text, settings, timing } = document;
  assert.equal(text, (await plain).out.slice(0, text.length));
  assert.deepEqual(
    [document.endReason, settings.scheme, settings.seed],
    ['length', 'coupled', '5'],
  );
  assert.equal(document.prompt.text, prompt);
  assert.equal(tokens.length, 24);
  assert.equal(rounds.acceptedCount + rounds.roundCount, 24);
  assert.equal(rounds.acceptanceRate, rounds.acceptedCount / rounds.testedCount);
  assert.equal(rounds.draftEfficiency, rounds.acceptedCount / rounds.draftedCount);
  for (const count of ['testedCount', 'acceptedCount']) {
    const sum = rounds.positions.reduce(
      (total: number, position: Record<string, number>) => total + position[count]!,
      0,
    );
    assert.equal(sum, rounds[count]);
  }
  assert.ok(timing.draftMs + timing.verifyMs <= timing.generationMs);
  assert.equal(document.tokensPerSecond, (24 / timing.generationMs) * 1000);
});

test('--format ends with JSON that the schema accepts, --logprobs tells of every token, drafts or none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-format-'));
  try {
    const path = join(folder, 'schema.json');
    const schema = {
      type: 'object',
      properties: { name: { type: 'string', maxLength: 12 }, old: { type: 'boolean' } },
      required: ['name', 'old'],
      additionalProperties: false,
    };
    writeFileSync(path, JSON.stringify(schema));
    const asked = ['--format', path, '--json', '--logprobs', '2', prompt];
    const [alone, together] = await Promise.all(
      [fixed, drafted].map(async (args) =>
        JSON.parse((await run([...args, '-n', '120', ...asked])).out),
      ),
    );
    assert.equal(together.text, alone.text);
    assert.equal(alone.endReason, 'end-of-text');
    const { name, old, ...rest } = JSON.parse(alone.text);
    assert.deepEqual([typeof name, typeof old, rest], ['string', 'boolean', {}]);
    assert.equal(together.logprobs.length, together.tokens.length);
    const bad = await run([...fixed, '--logprobs', '2', prompt]);
    assert.deepEqual([bad.code, /--logprobs needs --json/.test(bad.err)], [2, true]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a stop string ends the text before it, drafts or none', async () => {
  const { out: whole } = await plain;
  const stop = whole.slice(11, 22);
  const wanted = whole.slice(0, whole.indexOf(stop));
  for (const args of [fixed, drafted]) {
    const { out, err } = await run([
      ...args,
      '--stop',
      'never to be found',
      '--stop',
      stop,
      prompt,
    ]);
    assert.equal(out.replace(/\n$/, ''), wanted.replace(/\n$/, ''));
    assert.match(err, /; stop string found$/m);
  }
});

test('--show-draft marks what is drafted, and without marks and rejected words it is the text', async () => {
  const { out: text } = await plain;
  const { out, err } = await run([...drafted, '--show-draft', prompt]);
  const kept = out.replace(/\[-.*?-\]/gs, '').replace(/\{[+*](.*?)[+*]\}/gs, '$1');
  assert.equal(kept, `${prompt}${text}`);
  assert.match(err, /\{\+residual: replaces a rejected draft\+\}/);
});

test('Ctrl-C ends with 130 and says what was written so far', async () => {
  const args = ['generate', '-c', '4096', '-n', '4000', '--logit-bias', '2=-inf', prompt];
  const { code, out, err } = await run(args, {}, ({ kill, onFirstOutput }) => {
    onFirstOutput(() => kill('SIGINT'));
  });
  assert.equal(code, 130, err);
  assert.ok(out.length > 1);
  assert.match(
    err,
    /^pilotfish: .* trained on 512 tokens .*\n\d+ tokens? in .*, seed \d+; stopped with Ctrl-C\n$/,
  );
});

test('what cannot be written is refused with its code, and nothing goes to stdout', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'pilotfish-generate-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const other = join(folder, 'other.gguf');
  const { metadata, tensors } = tinyModel();
  writeGguf(other, metadata, tensors);
  const cases: readonly (readonly [readonly string[], string, number])[] = [
    [[], 'prompt-empty', 2],
    [['-m', 'no-such-model', prompt], 'model-not-found', 3],
    [['-c', '8', prompt], 'prompt-too-long', 2],
    [['--logit-bias', '4096=1', prompt], 'token-out-of-range', 2],
    [['--draft', other, prompt], 'vocabulary-mismatch', 3],
  ];
  for (const [args, errorCode, exitCode] of cases) {
    const { code, out, err } = await run(['generate', ...args]);
    assert.deepEqual([code, out], [exitCode, ''], err);
    assert.match(err, new RegExp(`^pilotfish: .+ \\[${errorCode}\\]\n  .+\n$`));
  }
});
