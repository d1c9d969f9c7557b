// Defines `pilotfish models`, which lists the models of this machine, and `pilotfish models pull`,
// which downloads one. Results go to stdout and progress to stderr, so a script can read the path.

import type { Command } from 'commander';
import { checkModelFile } from '../engine/gguf/model-file.js';
import { listLeftOut, namesOf } from '../engine/llama/bundled.js';
import { jsonFlag } from './flags/flags.js';
import { type Pulled, type PullWatcher, pull } from './hub/pull.js';
import { formatReference, type HubReference, parseReference } from './hub/reference.js';
import { standardRules } from './hub/requests.js';
import { hubSettings } from './hub/settings.js';
import { type CatalogueEntry, listModels } from './models/catalogue.js';
import { formatBytes, formatCount, formatDuration } from './screen/numbers.js';
import { createProgress, type Progress } from './screen/progress.js';
import { formatTable } from './screen/table.js';
import { colourWanted, painter, type Terminal } from './screen/terminal.js';

const pullDescription = `Downloads a GGUF file into the Hugging Face cache, which other tools use too.

  hf:user/repo/file.gguf           that file
  hf:user/repo:Q4_K_M              the file of that quantisation
  hf:user/repo                     the only GGUF file
  hf:user/repo/file.gguf@v1.0      a branch, tag or commit

The same command continues an interrupted download. The checksum is verified.
Environment variables: HF_TOKEN, HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_HUB_OFFLINE.`;

export function addModels(program: Command, terminal: Terminal): void {
  const models = program
    .command('models')
    .summary('list models, or download one')
    .description(
      'Lists the models of this machine, bundled and cached, and the exit heads for serve --exit-head.',
    )
    .addOption(jsonFlag())
    .action(({ json }: { json?: boolean }) => list(json === true, terminal));
  models
    .command('pull')
    .summary('download a model')
    .description(pullDescription)
    .argument(
      '<reference>',
      'hf:user/repo/file.gguf, hf:user/repo:QUANT, each with an optional @revision',
    )
    .addOption(jsonFlag())
    .action((text: string, _options: unknown, command: Command) => {
      // The option may be given before or after `pull`.
      const { json } = command.optsWithGlobals<{ json?: boolean }>();
      return download(parseReference(text), json === true, terminal);
    });
}

async function list(json: boolean, terminal: Terminal): Promise<void> {
  const settings = hubSettings(terminal.env);
  const entries = await listModels(settings, terminal.env);
  if (json) {
    terminal.out.write(`${JSON.stringify(entries.map(plain), null, 2)}\n`);
    return;
  }
  terminal.out.write(`${catalogueText(entries, terminal)}\n`);
  terminal.err.write(`\nModel cache: ${settings.cacheDir}\n`);
  const leftOut = listLeftOut();
  if (leftOut.length > 0) {
    terminal.err.write(`Only in a clone of the repository: ${namesOf(leftOut)}\n`);
  }
}

/** Without the chat template, which is longer than the rest. */
function plain(entry: CatalogueEntry): object {
  const usable = entry.problem === null;
  if (entry.facts === null) return { ...entry, usable };
  const { chatTemplate, ...facts } = entry.facts;
  return { ...entry, usable, facts: { ...facts, hasChatTemplate: chatTemplate !== null } };
}

const heading = ['NAME', 'SIZE', 'QUANT', 'ARCH', 'CONTEXT', 'PARAMETERS', 'FILE'];

function catalogueText(entries: readonly CatalogueEntry[], terminal: Terminal): string {
  const paint = painter(colourWanted(terminal.out, terminal.env));
  const usable = entries.filter(({ facts }) => facts !== null);
  const rows = usable.map(({ name, bytes, path, facts }) => [
    name,
    formatBytes(bytes ?? 0),
    facts!.quantisation,
    facts!.architecture,
    formatCount(facts!.contextLength),
    formatCount(facts!.parameterCount),
    path,
  ]);
  const head = heading.map((word) => paint('bold', word));
  const align = ['left', 'right', 'left', 'left', 'right', 'right', 'left'] as const;
  const table = formatTable([head, ...rows], { align });
  const spoiled = entries.filter(({ problem }) => problem !== null);
  const lines = spoiled.map(
    ({ name, problem, path }) =>
      `${paint('yellow', 'not usable:')} ${name}: ${problem!.message} [${problem!.code}]\n  ${path}`,
  );
  return [table, ...headLines(entries, terminal), ...lines].join('\n');
}

const headHeading = ['EXIT HEAD', 'SIZE', 'AFTER BLOCK', 'KIND', 'FILE'];

/** The table of exit heads, with a line before it; empty where there are none. */
function headLines(entries: readonly CatalogueEntry[], terminal: Terminal): string[] {
  const paint = painter(colourWanted(terminal.out, terminal.env));
  const rows = entries
    .filter(({ head }) => head !== null)
    .map(({ name, bytes, path, head }) => [
      name,
      formatBytes(bytes ?? 0),
      `${head!.layer} of ${head!.targetBlockCount}`,
      'trained',
      path,
    ]);
  if (rows.length === 0) return [];
  const align = ['left', 'right', 'left', 'left', 'left'] as const;
  const title = headHeading.map((word) => paint('bold', word));
  return ['', formatTable([title, ...rows], { align })];
}

async function download(reference: HubReference, json: boolean, terminal: Terminal): Promise<void> {
  const started = performance.now();
  const pulled = await pull(reference, {
    settings: hubSettings(terminal.env),
    rules: { ...standardRules, signal: terminal.signal },
    watcher: watch(terminal),
  });
  const facts = checkModelFile(pulled.path);
  terminal.err.write(`${pullMessages[pulled.state](pulled, performance.now() - started)}\n`);
  const { quantisation, architecture, contextLength } = facts;
  const document = { ...pulled, quantisation, architecture, contextLength };
  terminal.out.write(json ? `${JSON.stringify(document, null, 2)}\n` : `${pulled.path}\n`);
}

const pullMessages: Readonly<Record<Pulled['state'], (pulled: Pulled, ms: number) => string>> = {
  downloaded: (pulled, ms) =>
    `Downloaded ${nameOf(pulled)} in ${formatDuration(ms)}; the checksum is right.`,
  present: (pulled) => `${nameOf(pulled)} is already here.`,
  unchecked: (pulled) =>
    `${nameOf(pulled)} is here; could not check for a newer one: ${pulled.reason}.`,
};

const nameOf = ({ repo, file }: Pulled): string =>
  formatReference({ repo, file, quant: null, revision: 'main' });

function watch(terminal: Terminal): PullWatcher {
  let progress: Progress | null = null;
  return {
    onStart({ file, content }, startBytes) {
      if (startBytes > 0) {
        terminal.err.write(`Continuing after ${formatBytes(startBytes)} from an earlier run.\n`);
      }
      progress = createProgress(terminal.err, {
        label: file,
        totalBytes: content.bytes,
        startBytes,
        now: () => performance.now(),
        env: terminal.env,
      });
    },
    onBytes: (doneBytes) => progress?.update(doneBytes),
    onRetry({ error }, waitMs) {
      const text = `${error.message}; trying again in ${formatDuration(waitMs)}`;
      if (progress === null) terminal.err.write(`${text}\n`);
      else progress.note(text);
    },
    onEnd() {
      progress?.finish();
      progress = null;
    },
  };
}
