import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addDraftFlags, addModelFlags, addSamplingFlags, customaryLaw } from '../flags.js';
import { type GenerateOptions, settingsOf } from './settings.js';

function settings(line: string, changes: Partial<GenerateOptions> = {}) {
  const command = new Command('go').exitOverride();
  addSamplingFlags(addDraftFlags(addModelFlags(command, { model: 'target' })), customaryLaw, 256);
  command.parse(line.split(' ').filter(Boolean), { from: 'user' });
  const options = Object.assign({ stop: [] }, command.opts<GenerateOptions>(), changes);
  return settingsOf(options, (name) => command.getOptionValueSource(name) === 'cli');
}

test('what nobody names is as the help says, and the seed is drawn', () => {
  const { seed, ...rest } = settings('');
  assert.deepEqual(rest, {
    tokensMax: 256,
    scheme: 'coupled',
    sampling: {
      temperature: 0.8,
      topK: 40,
      topP: 0.95,
      minP: 0.05,
      repetitionPenalty: 1,
      presencePenalty: 0,
      frequencyPenalty: 0,
      logitBias: new Map(),
    },
    draftLength: 0,
    confidenceMin: 0,
    stops: [],
  });
  // Three draws of 32 bits that are all equal: odds of a false alarm 2^-64.
  assert.equal(new Set([seed, settings('').seed, settings('').seed]).size > 1, true);
});

test('the scheme follows the temperature, and a named one stands', () => {
  assert.equal(settings('--temp 0').scheme, 'greedy');
  assert.equal(settings('--temp 0 --scheme coupled').scheme, 'coupled');
  assert.equal(settings('--scheme split').scheme, 'split');
  assert.equal(settings('-md d').draftLength, 4);
});

test('contradictions are refused before anything is loaded', () => {
  const cases: readonly (readonly [string, Partial<GenerateOptions>, RegExp])[] = [
    ['--scheme greedy', {}, /--temp is 0\.8: add --temp 0, or use --scheme coupled/],
    ['--draft-length 4', {}, /--draft-length needs a draft model/],
    ['--confidence-min 0.5', {}, /--confidence-min needs a draft model/],
    ['-td 1', {}, /--threads-draft needs a draft model/],
    ['', { showDraft: true }, /--show-draft needs a draft model/],
    ['-md d', { showDraft: true, json: true }, /exclude each other/],
    ['-md d --confidence-min 2', {}, /2 is outside \[0, 1\]/],
    ['', { stop: [''] }, /stop string is empty/],
  ];
  for (const [line, changes, message] of cases) {
    assert.throws(() => settings(line, changes), { code: 'usage', message }, line);
  }
  assert.throws(() => settings('--top-p 2'), { code: 'sampling-invalid', message: /topP 2/ });
});
