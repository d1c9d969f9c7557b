// Defines `pilotfish generate`: writes a text on this machine, with the target alone or with a
// draft model. Only text goes to stdout; statistics and the legend go to stderr.

import type { Command } from 'commander';
import { interruptedExitCode } from './failure.js';
import { drafterOf, draftFlags } from './flags/draft-flags.js';
import { eyesFlags } from './flags/eyes-flags.js';
import { addGroup, flag, wholeNumber } from './flags/flags.js';
import { loadFlags, modelFlag } from './flags/model-flags.js';
import { addPictureFlags } from './flags/picture-flags.js';
import { addSamplingFlags, usualLaw } from './flags/sampling-flags.js';
import { addTextFlags } from './flags/text-flags.js';
import { closeEngines, loadEngines } from './generation/engines.js';
import { type GeneratedText, generateText } from './generation/generation.js';
import type { Show } from './generation/marked-text.js';
import {
  checkPictureFlags,
  type PicturePromptOptions,
  promptWithPictures,
} from './generation/picture-prompt.js';
import { reportOf } from './generation/report.js';
import {
  type GenerateFlags,
  type GenerateSettings,
  generateSettings,
} from './generation/settings.js';
import { readPrompt } from './prompt.js';
import type { TokenMark } from './screen/render.js';
import { draftLine, printLines, textLine, whySilent } from './screen/summary.js';
import { type Exit, printJson, type Terminal } from './screen/terminal.js';
import { silentView, type TextView, textView } from './screen/text-view.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Writes a text on this machine, with the target model alone or with a draft model. A draft changes the speed, never the law of the text. With --deterministic and scheme greedy or coupled, the same seed gives the same text bit for bit, with every drafter.

  pilotfish generate "The old clock in the hallway"
  pilotfish generate --draft stories-draft --show-draft "The old clock in the hallway"
  cat prompt.txt | pilotfish generate --draft stories-draft --seed 7 --json
  pilotfish generate -m target.gguf --mmproj mmproj.gguf -i room.jpg "what do you see?"

The prompt is the argument, a file, or stdin (without its last line break). It is continued as it is, without a chat template. Only the continuation goes to stdout. The sampling defaults are llama.cpp's: temperature 0.8, top-k 40, top-p 0.95, min-p 0.05. Without --seed a random one is used.

At the end stderr shows tokens, time, seed and the reason of the end, and how many tokens were drafted, tested and accepted.`;

/** Default length of a text. */
const maxTokensDefault = 256;
/** Fixed for all schemes, so that a seed gives one text under every scheme. */
const draftLengthDefault = 4;
/** The marks of --show-draft. */
const markedTokens: readonly TokenMark[] = ['accepted', 'rejected', 'residual', 'bonus'];

const defaultTarget = 'stories-target';

export function addGenerate(program: Command, terminal: Terminal, exit: Exit): void {
  const command = program
    .command('generate')
    .summary('write a text on this machine, without a server')
    .description(description);
  addTextFlags(command, 'accepted, rejected, residual, bonus');
  addPictureFlags(command, 'picture before the prompt');
  command.addOption(
    flag('--deterministic', 'compute bit-identical logits with every drafter; slower on CPUs'),
  );
  addGroup(command, 'Models', [modelFlag(defaultTarget), ...eyesFlags(), ...loadFlags()]);
  addGroup(command, 'Drafting', [
    ...draftFlags({ draft: 'none', draftLength: draftLengthDefault }),
    flag(
      '-td, --threads-draft <n>',
      'threads of the draft model (default: as --threads)',
      wholeNumber(1, 512),
    ),
  ]);
  addSamplingFlags(command, usualLaw, maxTokensDefault);
  command.action(async (prompt: string | undefined) => {
    const options = command.opts<GenerateFlags & PicturePromptOptions>();
    checkPictureFlags(options);
    exit(await generate(prompt, options, generateSettings(options, command), terminal));
  });
}

async function generate(
  argument: string | undefined,
  options: GenerateFlags & PicturePromptOptions,
  settings: GenerateSettings,
  terminal: Terminal,
): Promise<number> {
  const promptText = await readPrompt(argument, options.file, terminal);
  const deterministic = options.deterministic === true;
  const engines = await loadEngines({ ...options, deterministic }, terminal);
  try {
    const { target, drafter } = engines;
    const prompt = await promptWithPictures(target, promptText, options, terminal.env);
    const view = viewOf(options, promptText, terminal);
    const { stops } = settings;
    const show: Show = (mark, text) => view.show(mark, text);
    const shown = { stops, show, signal: terminal.signal, now };
    const generation = await generateText(target, drafter, { ...settings, prompt }, shown).finally(
      () => view.end(),
    );
    if (options.json) {
      const parts = { engines, settings, deterministic, promptText, generation };
      printJson(terminal, reportOf({ ...parts, promptTokenCount: prompt.length }));
    } else if (options.stats) printSummary(generation, settings.seed, options, terminal);
    return generation.end === 'interrupted' ? interruptedExitCode : 0;
  } finally {
    await closeEngines(engines);
  }
}

const now = (): number => performance.now();

function viewOf({ json, showDraft }: GenerateFlags, prompt: string, terminal: Terminal): TextView {
  if (json) return silentView(terminal);
  return textView(terminal, { markedPrompt: showDraft ? prompt : null, legend: markedTokens });
}

function printSummary(
  generation: GeneratedText,
  seed: bigint,
  options: GenerateFlags,
  terminal: Terminal,
): void {
  const { tokens, generationMs, end, tally } = generation;
  const { kind } = drafterOf(options);
  const lines = [
    textLine({ tokenCount: tokens.length, ms: generationMs, end, seed }),
    ...(kind === 'none'
      ? []
      : [draftLine(tally, whySilent[kind] ?? 'because the text was too short')]),
  ];
  printLines(lines, terminal);
}
