// What quantising a model changes: speed of a pass, fidelity of its laws, acceptance of drafts, and whether the bits of
// a row depend on how many rows share its pass. First file of each role is the yardstick of the others. One ggml thread.
// Usage: node dist/lab/engine/model-bench.js [--target FILE]... [--draft FILE]... [--turns N] [--prompts N]

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { storyPrompts } from '../../src/cli/demo/openings.js';
import { loadLlamaEngine } from '../../src/engine/llama/index.js';
import type { PairedRatio } from '../paired.js';
import { acceptanceCases, countAcceptance } from './model-acceptance.js';
import { compareLaws, compareShapes } from './model-fidelity.js';
import { comparePasses } from './model-speed.js';

const bundled = (name: string): string =>
  fileURLToPath(new URL(`../../../models/${name}`, import.meta.url));
const tokensMax = 128;
const draftLength = 4;
const rowCounts = [1, 2, 5, 9];

const print = (...cells: (string | number)[]): void => console.log(cells.join('  '));
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const ratioText = ({ median, low, high }: PairedRatio): string =>
  `${median.toFixed(2)}  [${low.toFixed(2)}, ${high.toFixed(2)}]`;

/** How many times as fast as the yardstick each other file is, pass by pass of the same rows. */
async function printSpeed(paths: readonly string[], counts: readonly number[], turns: number) {
  const [yardstick, ...others] = paths;
  for (const path of others) {
    for (const rowCount of counts) {
      const ratio = await comparePasses({ path: yardstick!, rowCount }, { path, rowCount }, turns);
      print('speed', basename(path), `rows ${rowCount}`, ratioText(ratio));
    }
  }
}

/** What more rows cost in units of one row of the same file. */
async function printRowCosts(paths: readonly string[], turns: number) {
  for (const path of paths) {
    for (const rowCount of rowCounts.slice(1)) {
      const ratio = await comparePasses({ path, rowCount }, { path, rowCount: 1 }, turns);
      print('cost', basename(path), `rows ${rowCount} over 1`, ratioText(ratio));
    }
  }
}

function printFidelity(paths: readonly string[], prompts: readonly string[]): void {
  const [yardstick, ...others] = paths;
  for (const other of others) {
    const { positions, argmaxShare, klNats } = compareLaws(yardstick!, other, prompts, tokensMax);
    const same = `same argmax ${percent(argmaxShare)}`;
    print('laws', basename(other), same, `KL ${klNats.toFixed(5)} nats`, `of ${positions}`);
  }
  for (const path of paths) {
    const { againstOne, amongMore } = compareShapes(path, prompts);
    const apart = `alone against in company: ${againstOne.toFixed(5)}`;
    print('shapes', basename(path), apart, `in company among themselves: ${amongMore.toFixed(5)}`);
  }
}

async function printAcceptance(
  targets: readonly string[],
  drafts: readonly string[],
  prompts: readonly string[],
): Promise<void> {
  const load = (modelPath: string) =>
    loadLlamaEngine({ modelPath, contextLength: 512, threads: 1, probe: false });
  for (const targetPath of targets) {
    const target = await load(targetPath);
    for (const draftPath of drafts) {
      const draft = await load(draftPath);
      const pair = `${basename(targetPath)} + ${basename(draftPath)}`;
      for (const acceptanceCase of acceptanceCases) {
        const size = { prompts, tokensMax, draftLength };
        const count = await countAcceptance(target, draft, acceptanceCase, size);
        const rate = `${percent(count.accepted / count.tested)} of ${count.tested}`;
        const perPass = `${(count.tokens / count.passes).toFixed(2)} tokens a pass`;
        const parted = `${count.parted} of ${count.texts} texts part`;
        print('acceptance', pair, acceptanceCase.name, rate, perPass, parted);
      }
      await draft.close();
    }
    await target.close();
  }
}

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    draft: { type: 'string', multiple: true },
    turns: { type: 'string', default: '20' },
    prompts: { type: 'string', default: '16' },
  },
});
const roleFiles = (role: string): string[] => [
  bundled(`stories-${role}-f16.gguf`),
  bundled(`stories-${role}-q8_0.gguf`),
];
const targets = values.target ?? roleFiles('target');
const drafts = values.draft ?? roleFiles('draft');
const prompts = storyPrompts.slice(0, Number(values.prompts));

await printSpeed(drafts, [1], Number(values.turns));
await printSpeed(targets, rowCounts, Number(values.turns));
await printRowCosts(targets, Number(values.turns));
printFidelity(drafts, prompts);
printFidelity(targets, prompts);
await printAcceptance(targets, drafts, prompts);
