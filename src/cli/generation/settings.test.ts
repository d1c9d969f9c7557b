// Checks the settings that flags give, and that defaults are as the help says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { draftFlags } from '../flags/draft-flags.js';
import { addGroup, flag } from '../flags/flags.js';
import { modelFlag } from '../flags/model-flags.js';
import { addSamplingFlags, usualLaw } from '../flags/sampling-flags.js';
import { addTextFlags } from '../flags/text-flags.js';
import { type GenerateFlags, generateSettings } from './settings.js';

function settings(line: string, changes: Partial<GenerateFlags> = {}) {
  const command = addTextFlags(new Command('go').exitOverride(), 'x');
  addGroup(command, 'Models', [modelFlag('target')]);
  const loadedDrafter = draftFlags({ draft: 'none', draftLength: 4 });
  addGroup(command, 'Drafting', [...loadedDrafter, flag('-td, --threads-draft <n>', 'x')]);
  addSamplingFlags(command, usualLaw, 256);
  command.parse(line.split(' ').filter(Boolean), { from: 'user' });
  return generateSettings({ ...command.opts<GenerateFlags>(), ...changes }, command);
}

test('defaults are as the help says, and the seed is drawn', () => {
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
  // Three equal draws of 32 bits: the odds of a false alarm are 2^-64.
  assert.equal(new Set([seed, settings('').seed, settings('').seed]).size > 1, true);
});

test('the scheme follows the temperature, and a named one stands', () => {
  assert.equal(settings('--temp 0').scheme, 'greedy');
  assert.equal(settings('--temp 0 --scheme coupled').scheme, 'coupled');
  assert.equal(settings('--scheme split').scheme, 'split');
  assert.equal(settings('-md d').draftLength, 4);
  assert.equal(settings('-md suffix --draft-length 7').draftLength, 7);
  assert.equal(settings('-md d --draft-length 0').draftLength, 0);
});

test('contradictions are refused before anything is loaded', () => {
  const cases: readonly (readonly [string, Partial<GenerateFlags>, RegExp])[] = [
    ['--scheme greedy', {}, /--temp is 0\.8: add --temp 0, or use --scheme coupled/],
    ['--draft-length 4', {}, /--draft-length needs a drafter/],
    ['--confidence-min 0.5', {}, /--confidence-min needs a drafter/],
    ['-td 1', {}, /--threads-draft needs a drafter/],
    ['--show-draft', {}, /--show-draft needs a drafter/],
    ['-md d --show-draft --json', {}, /cannot be combined/],
    ['-md d --confidence-min 2', {}, /2 is outside \[0, 1\]/],
    ['', { stop: [''] }, /stop string is empty/],
  ];
  for (const [line, changes, message] of cases) {
    assert.throws(() => settings(line, changes), { code: 'usage', message }, line);
  }
  assert.throws(() => settings('--top-p 2'), { code: 'sampling-invalid', message: /topP 2/ });
});
