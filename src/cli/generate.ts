// `pilotfish generate`: writes a text on this machine, by the target alone or with a draft model ahead of it.
// Only text goes to stdout; statistics and the meaning of the marks go to stderr.

import type { Command } from 'commander';
import { interruptedExitCode } from './failure.js';
import {
  addDraftFlags,
  addModelFlags,
  addSamplingFlags,
  customaryLaw,
  flag,
  jsonFlag,
} from './flags.js';
import { closeEngines, type Engines, loadEngines } from './generate/engines.js';
import { type Generation, generateText } from './generate/generation.js';
import type { Show } from './generate/marked-text.js';
import { readPrompt } from './generate/prompt.js';
import { modelReport, reportOf, summary } from './generate/report.js';
import { type GenerateOptions, type GenerateSettings, settingsOf } from './generate/settings.js';
import { LineFit } from './line-fit.js';
import { legendEntries, TokenStream, visible } from './render.js';
import { colourWanted, painter, type Terminal } from './terminal.js';

// Each paragraph is one line: help wraps it to the terminal.
const description = `Writes a text on this machine: by the target model alone, or with a draft model ahead of it. A draft changes the speed, never the law of the text. With --deterministic the same seed gives the same text to the last bit, whatever drafts (schemes greedy and coupled).

  pilotfish generate "The old clock in the hallway"
  pilotfish generate --draft stories-draft --show-draft "The old clock in the hallway"
  cat prompt.txt | pilotfish generate --draft stories-draft --seed 7 --json

The prompt is the argument, a file, or what is piped in (without its last line break). It is continued as it stands, without a chat template; only the continuation goes to stdout. Sampling that is not named is as llama.cpp's users expect: temperature 0.8, top-k 40, top-p 0.95, min-p 0.05. Without --seed one is drawn.

At the end stderr gets one line: tokens, speed, acceptance (accepted / tested), accepted drafts a round, seed, and why the text ended.`;

/** Tokens written when nobody says how many. */
const maxTokensDefault = 256;

export const defaultTarget = 'stories-target';

export function addGenerate(
  program: Command,
  terminal: Terminal,
  exit: (code: number) => void,
): void {
  const command = program
    .command('generate')
    .summary('write a text, with or without a draft model')
    .description(description)
    .argument('[prompt]', 'what the text begins with')
    .addOption(flag('-f, --file <path>', 'read the prompt from a file; - is what is piped in'))
    .addOption(stopFlag())
    .addOption(
      flag('--deterministic', 'compute bit-identical logits whatever is drafted; slower on CPUs'),
    )
    .addOption(flag('--show-draft', 'mark every token: accepted, rejected, residual, bonus'))
    .addOption(jsonFlag());
  addModelFlags(command, { model: defaultTarget });
  addDraftFlags(command);
  addSamplingFlags(command, customaryLaw, maxTokensDefault);
  command.action(async (prompt: string | undefined) => {
    const options = command.opts<GenerateOptions>();
    const given = (name: string): boolean => command.getOptionValueSource(name) === 'cli';
    exit(await generate(prompt, options, settingsOf(options, given), terminal));
  });
}

function stopFlag() {
  const option = flag('--stop <text>', 'end before this text; may be given again');
  option.default([], 'none');
  return option.argParser((text: string, before: readonly string[]) => [...before, text]);
}

async function generate(
  argument: string | undefined,
  options: GenerateOptions,
  settings: GenerateSettings,
  terminal: Terminal,
): Promise<number> {
  const promptText = await readPrompt(argument, options.file, terminal);
  const deterministic = options.deterministic === true;
  const engines = await loadEngines({ ...options, deterministic }, terminal);
  try {
    const prompt = engines.target.info.vocabulary.tokenize(promptText, {
      addBos: true,
      parseSpecial: false,
    });
    const output = outputOf(options, promptText, terminal);
    const generation = await generateText(
      engines.target,
      engines.draft,
      { ...settings, prompt },
      { stops: settings.stops, show: output.show, signal: terminal.signal, now },
    );
    output.end();
    if (options.json) {
      const document = reportOf({
        ...reportedEngines(engines),
        settings,
        deterministic,
        promptText,
        promptTokenCount: prompt.length,
        generation,
      });
      terminal.out.write(`${JSON.stringify(document, null, 2)}\n`);
    } else printSummary(generation, settings.seed, terminal);
    return generation.end === 'interrupted' ? interruptedExitCode : 0;
  } finally {
    await closeEngines(engines);
  }
}

const now = (): number => performance.now();

const reportedEngines = ({ target, draft, loadMs }: Engines) => ({
  target: modelReport(target),
  draft: draft && modelReport(draft),
  loadMs,
});

/** Where pieces of text go while they come. */
interface Output {
  readonly show: Show;
  readonly end: () => void;
}

function outputOf(
  { json, showDraft }: GenerateOptions,
  prompt: string,
  terminal: Terminal,
): Output {
  if (json) return { show: () => undefined, end: () => undefined };
  return showDraft ? markedOutput(prompt, terminal) : plainOutput(terminal);
}

/** On a terminal control characters are made visible; a pipe or file gets the text as it is. */
function plainOutput({ out }: Terminal): Output {
  let last = '';
  return {
    show(fate, text) {
      if (fate === 'rejected') return;
      out.write(out.isTTY ? visible(text, 'terminal') : text);
      last = text;
    },
    end() {
      if (!last.endsWith('\n')) out.write('\n');
    },
  };
}

function markedOutput(prompt: string, { out, err, env }: Terminal): Output {
  const colour = colourWanted(out, env);
  err.write(`${legendEntries(colour).join('\n')}\n\n`);
  const stream = new TokenStream((text) => out.write(text), {
    colour,
    ...(out.columns !== undefined && { fit: new LineFit(Math.max(2, out.columns - 1)) }),
  });
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  stream.push('prompt', bytes(prompt));
  return {
    show: (fate, text) => stream.push(fate, bytes(text)),
    end() {
      stream.end();
      out.write('\n');
    },
  };
}

function printSummary(generation: Generation, seed: bigint, { err, env, out }: Terminal): void {
  const paint = painter(colourWanted(err, env));
  // On one screen with the text the line needs some air.
  err.write(`${out.isTTY ? '\n' : ''}${paint('dim', summary(generation, seed))}\n`);
}
