// Adds the command `peer`: Pilotfish's server beside a llama-server that the user names.

import type { Command, Option } from 'commander';
import { flag, oneOfNames, wholeNumber } from '../../src/cli/flags/flags.js';
import type { Terminal } from '../../src/cli/screen/terminal.js';
import { measurePeer, type PeerOptions } from '../peer/peer.js';
import { peerGroups, peerModels } from '../peer/rows.js';
import { addExperiment } from './report.js';

const head = { id: 'peer', minutes: 45 } as const;

export function addPeer(lab: Command, terminal: Terminal): void {
  const llamaServer = flag('--llama-server <path>', 'llama-server of the same llama.cpp version');
  addExperiment(lab, head, terminal, (options: PeerOptions) => ({
    ...{ ...head, flags: flagsOf(options) },
    run: (context) => measurePeer(options, context),
  }))
    .addOption(llamaServer.makeOptionMandatory())
    .addOption(listFlag('--rows <names>', peerGroups))
    .addOption(listFlag('--model <names>', peerModels))
    .addOption(
      flag('--pairs <n>', 'turns of both servers (default: 8, quick 2)', wholeNumber(1, 1000)),
    );
}

/** Takes some of these names, with commas between. */
const listFlag = (spec: string, names: readonly string[]): Option =>
  flag(spec, `only these: ${names.join(',')}`, (text, name) =>
    text.split(',').map((one) => oneOfNames(names)(one, name)),
  ).default(names, 'all');

/** Without the path, which is of one machine. */
function flagsOf({ rows, model, pairs }: PeerOptions): string {
  const part = (name: string, some: readonly string[], all: readonly string[]): string =>
    some.length === all.length ? '' : ` ${name} ${some.join(',')}`;
  const parts = part('--rows', rows, peerGroups) + part('--model', model, peerModels);
  return ` --llama-server llama-server${parts}${pairs === undefined ? '' : ` --pairs ${pairs}`}`;
}
