// Checks that flags have the names, short forms and meanings of llama.cpp.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { PilotfishError } from '../../base/error.js';
import { checkSampling } from '../../math/sampling.js';
import { draftFlags } from './draft-flags.js';
import { addGroup, flag, jsonFlag, settleSwitches } from './flags.js';
import { type LoadOptions, loadFlags, modelFlag } from './model-flags.js';
import {
  addSamplingFlags,
  collectLogitBias,
  parseSeed,
  type SamplingOptions,
  samplingOf,
} from './sampling-flags.js';

type Options = LoadOptions &
  SamplingOptions & { model: string; draft: string; json?: boolean; stats: boolean };

function allFlags(command: Command): Command {
  command.addOption(jsonFlag()).addOption(flag('--no-stats', 'fewer words'));
  addGroup(command, 'Models', [modelFlag(), ...loadFlags()]);
  addGroup(command, 'Drafting', draftFlags({ draft: 'none', draftLength: 4 }));
  return addSamplingFlags(command);
}

function parse(args: readonly string[], env: Readonly<Record<string, string>> = {}): Options {
  // In a program of its own, as in the real one: short names must pass through both parsers.
  const program = new Command('p').exitOverride().enablePositionalOptions();
  const command = program.command('go').action(() => undefined);
  command.configureOutput({ writeErr: () => undefined });
  allFlags(command);
  program.hook('preAction', (_program, action) => settleSwitches(action, process.env));
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    program.parse(['go', ...args], { from: 'user' });
    return command.opts<Options>();
  } finally {
    for (const name of Object.keys(env)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

const usage = { name: 'PilotfishError', code: 'usage' };

test('short flags are those of llama.cpp, letters and all', () => {
  const short = '-m t.gguf -md d.gguf -c 2048 -t 3 -ngl 99 -ctk q8_0 -ctv q8_0 -fa on -n 64';
  const long =
    '--model t.gguf --draft d.gguf --ctx-size 2048 --threads 3 --gpu-layers 99 --cache-type-k q8_0 ' +
    '--cache-type-v q8_0 --flash-attn on --max-tokens 64';
  const options = parse(short.split(' '));
  assert.deepEqual(options, parse(long.split(' ')));
  assert.deepEqual(options, parse(long.replaceAll(/(--[\w-]+) /g, '$1=').split(' ')));
  assert.equal(options.gpuLayers, 99);
  assert.equal(options.maxTokens, 64);
  assert.equal(options.cacheTypeK, 'q8_0');
});

test('flags not given leave the law as the model has it', () => {
  const sampling = samplingOf(parse(['-m', 'x']));
  assert.deepEqual(sampling, {
    temperature: 1,
    topK: 0,
    topP: 1,
    minP: 0,
    repetitionPenalty: 1,
    presencePenalty: 0,
    frequencyPenalty: 0,
    logitBias: new Map(),
  });
  checkSampling(sampling, 4096);
});

test('every flag can be set by its environment name, and the command line wins', () => {
  const env = {
    PILOTFISH_MODEL: 'target',
    PILOTFISH_GPU_LAYERS: '7',
    PILOTFISH_TEMP: '0.5',
    PILOTFISH_LOGIT_BIAS: '1=-2,5=-inf',
    PILOTFISH_SEED: '0x10',
  };
  const options = parse(['--temp', '0.25'], env);
  assert.equal(options.model, 'target');
  assert.equal(options.gpuLayers, 7);
  assert.equal(options.temp, 0.25);
  assert.equal(options.seed, 16n);
  assert.deepEqual(
    [...options.logitBias],
    [
      [1, -2],
      [5, -Infinity],
    ],
  );
});

test('help names every flag with its environment name', () => {
  const command = allFlags(new Command('go'));
  const help = command.helpInformation();
  assert.match(help, /-ngl, --gpu-layers <n> +layers kept on the GPU/);
  for (const option of command.options) {
    assert.equal(
      option.envVar,
      `PILOTFISH_${option.long!.slice(2).toUpperCase().replaceAll('-', '_')}`,
    );
    assert.ok(help.replaceAll(/\s+/g, ' ').includes(`env: ${option.envVar}`), option.envVar);
  }
});

test('a switch from the environment means what it says', () => {
  for (const word of ['1', 'true', 'On', 'yes', 'enabled']) {
    assert.equal(parse(['-m', 'x'], { PILOTFISH_JSON: word }).json, true, word);
  }
  for (const word of ['', '0', 'false', 'off', 'no', 'disabled']) {
    assert.equal(parse(['-m', 'x'], { PILOTFISH_JSON: word }).json, false, word);
  }
  assert.throws(() => parse(['-m', 'x'], { PILOTFISH_JSON: 'maybe' }), usage);
  assert.equal(parse(['-m', 'x'], { PILOTFISH_NO_STATS: '1' }).stats, false);
  assert.equal(parse(['-m', 'x'], { PILOTFISH_NO_STATS: '0' }).stats, true);
  assert.equal(parse(['-m', 'x', '--no-stats'], { PILOTFISH_NO_STATS: '0' }).stats, false);
  assert.equal(parse(['-m', 'x', '--json'], { PILOTFISH_JSON: '0' }).json, true);
});

test('a value that is no value is refused with name, value and bound', () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['--threads', '0'], /--threads takes a whole number in \[1, 512\], not '0'/],
    [['--threads', '1.5'], /not '1\.5'/],
    [['--ctx-size', 'many'], /--ctx-size .*not 'many'/],
    [['--gpu-layers', '-2'], /\[-1, 65536\], not '-2'/],
    [['--temp', 'warm'], /--temp takes a number, not 'warm'/],
    [['--temp', ''], /--temp takes a number, not ''/],
    [['--top-k', '-1'], /--top-k/],
    [['--max-tokens', '0'], /--max-tokens/],
    [['--cache-type-k', 'f8'], /--cache-type-k takes f32, .*not 'f8'/],
    [['--flash-attn', 'maybe'], /--flash-attn takes auto, on, off, not 'maybe'/],
    [['--seed', '-1'], /--seed/],
    [['--seed', '18446744073709551616'], /2\^64/],
    [['--logit-bias', '5'], /ID=VALUE/],
    [['--logit-bias', '5=inf'], /ID=VALUE/],
    [['--logit-bias', '-5=1'], /ID=VALUE/],
    [['--logit-bias', '5=1,x'], /'x'/],
  ];
  for (const [args, message] of cases) {
    assert.throws(() => parse(['-m', 'x', ...args]), { ...usage, message }, args.join(' '));
  }
});

test('biases add up over several flags, and the last one of a token counts', () => {
  const options = parse(['-m', 'x', '--logit-bias', '3=1', '--logit-bias', '4=-inf,3=2.5']);
  assert.deepEqual(
    [...options.logitBias],
    [
      [3, 2.5],
      [4, -Infinity],
    ],
  );
});

test('more biases than the law takes are refused where they are read', () => {
  const pairs = Array.from({ length: 1025 }, (_, id) => `${id}=1`).join(',');
  assert.throws(() => collectLogitBias(pairs, new Map()), {
    ...usage,
    message: /1025 tokens; at most 1024 are allowed/,
  });
});

test('seeds cover 64 bits', () => {
  assert.equal(parseSeed('0'), 0n);
  assert.equal(parseSeed('18446744073709551615'), 2n ** 64n - 1n);
  assert.equal(parseSeed('0xff'), 255n);
  assert.throws(() => parseSeed('1e3'), PilotfishError);
});
