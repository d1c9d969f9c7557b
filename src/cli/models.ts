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
import { type Align, formatTable } from './screen/table.js';
import { colourWanted, painter, printJson, type Terminal } from './screen/terminal.js';
import { visible } from './screen/visible.js';

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
    printJson(terminal, entries.map(plain));
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
const headHeading = ['EXIT HEAD', 'SIZE', 'AFTER BLOCK', 'KIND', 'FILE'];

/** A table of models, one of exit heads where there are any, and the unusable files. */
function catalogueText(entries: readonly CatalogueEntry[], { out, env }: Terminal): string {
  const paint = painter(colourWanted(out, env));
  const table = (titles: readonly string[], align: readonly Align[], rows: string[][]): string =>
    formatTable(
      [
        titles.map((word) => paint('bold', word)),
        ...rows.map((row) => row.map((cell) => visible(cell, 'all'))),
      ],
      { align },
    );
  const models: string[][] = [];
  const heads: string[][] = [];
  const spoiled: string[] = [];
  for (const { name, bytes, path, facts, head, problem } of entries) {
    const size = formatBytes(bytes ?? 0);
    if (facts !== null) {
      const counts = [facts.contextLength, facts.parameterCount].map(formatCount);
      models.push([name, size, facts.quantisation, facts.architecture, ...counts, path]);
    }
    if (head !== null) {
      heads.push([name, size, `${head.layer} of ${head.targetBlockCount}`, 'trained', path]);
    }
    if (problem !== null) {
      const why = `${name}: ${problem.message} [${problem.code}]`;
      spoiled.push(
        `${paint('yellow', 'not usable:')} ${visible(why, 'all')}\n  ${visible(path, 'all')}`,
      );
    }
  }
  const numbers = ['left', 'right', 'left', 'left', 'right', 'right'] as const;
  const headTable = heads.length > 0 ? ['', table(headHeading, ['left', 'right'], heads)] : [];
  return [table(heading, numbers, models), ...headTable, ...spoiled].join('\n');
}

async function download(reference: HubReference, json: boolean, terminal: Terminal): Promise<void> {
  const started = performance.now();
  const pulled = await pull(reference, {
    settings: hubSettings(terminal.env),
    rules: { ...standardRules, signal: terminal.signal },
    watcher: watch(terminal),
  });
  const facts = checkModelFile(pulled.path);
  const message = pullMessages[pulled.state](pulled, performance.now() - started);
  terminal.err.write(`${visible(message, 'all')}\n`);
  const { quantisation, architecture, contextLength } = facts;
  const document = { ...pulled, quantisation, architecture, contextLength };
  if (json) printJson(terminal, document);
  else terminal.out.write(`${pulled.path}\n`);
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
        label: visible(file, 'all'),
        totalBytes: content.bytes,
        startBytes,
        now: () => performance.now(),
        env: terminal.env,
      });
    },
    onBytes: (doneBytes) => progress?.update(doneBytes),
    onRetry({ error }, waitMs) {
      const text = visible(`${error.message}; trying again in ${formatDuration(waitMs)}`, 'all');
      if (progress === null) terminal.err.write(`${text}\n`);
      else progress.note(text);
    },
    onEnd() {
      progress?.finish();
      progress = null;
    },
  };
}
