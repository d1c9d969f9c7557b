// What quantising a model changes: speed of a pass, fidelity of its laws, acceptance of drafts, and whether the bits of
// a row depend on how many rows share its pass. First file of each role is the yardstick of the others. One ggml thread.
// Usage: node dist/bench/model-bench.js [--target FILE]... [--draft FILE]... [--turns N] [--prompts N]

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadLlamaEngine } from '../engine/llama/index.js';
import { acceptanceCases, countAcceptance } from './model-acceptance.js';
import { compareLaws, compareShapes } from './model-fidelity.js';
import { speedOf } from './model-speed.js';
import { storyPrompts } from './prompts.js';

const bundled = (name: string): string =>
  fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
const tokensMax = 128;
const draftLength = 4;
const rowCounts = [1, 2, 5, 9];

const print = (...cells: (string | number)[]): void => console.log(cells.join('  '));
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Time of a pass of the yardstick in units of the other's: above 1, the other is faster. */
async function printSpeed(paths: readonly string[], counts: readonly number[], turns: number) {
  const [yardstick, ...others] = paths;
  for (const other of others) {
    for (const rowCount of counts) {
      const { median, low, high } = await speedOf(yardstick!, other, rowCount, turns);
      const range = `[${low.toFixed(2)}, ${high.toFixed(2)}]`;
      print('speed', basename(other), `rows ${rowCount}`, median.toFixed(2), range);
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
    const apart = `1 row against 2..17: ${againstOne.toFixed(5)}`;
    print('shapes', basename(path), apart, `2..17 among themselves: ${amongMore.toFixed(5)}`);
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
printFidelity(drafts, prompts);
printFidelity(targets, prompts);
await printAcceptance(targets, drafts, prompts);
