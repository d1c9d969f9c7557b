// Defines `pilotfish plan`: how many users one server carries with given numbers, in which mode,
// and at which speed.

import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Command } from 'commander';
import { PilotfishError } from '../base/error.js';
import { checkKeyInClear } from '../device/websocket-dialer.js';
import type { PassCost } from '../math/pass-time.js';
import { modes } from '../protocol/frame.js';
import { acceptanceLeast } from '../sim/index.js';
import { deviceProfiles } from '../sim/profiles/device-profiles.js';
import { linkProfiles } from '../sim/profiles/link-profiles.js';
import { priceProfiles, serverProfiles } from '../sim/profiles/server-profiles.js';
import {
  type CredentialOptions,
  credentialFlags,
  credentialsOf,
} from './flags/credential-flags.js';
import { addFlags, chanceSeedFlag, decimalIn, flag, jsonFlag, wholeNumber } from './flags/flags.js';
import { serverUrl } from './flags/server-address.js';
import { planOf } from './plan/capacity-plan.js';
import { planText } from './plan/plan-text.js';
import { type PlanOptions, planQuestion } from './plan/question.js';
import { colourWanted, painter, type Terminal } from './screen/terminal.js';
import { fetchStats, statsUrl } from './stats-client.js';

const description = `Computes from your numbers how many users one server carries, which mode and draft length are best, how fast the answers are, and what they cost. Simulates the shipped server and device cores in virtual time, with all users active at once.

  pilotfish plan --pass-ms 30 --draft-ms 20 --acceptance 0.7 --round-trip-ms 40
  pilotfish plan --device pi-5 --draft-weights 494 --link lte --devices 20 --tokens-per-second 12
  pilotfish plan --pass-ms 30 --draft-ms 20 --server-draft-ms 3
  pilotfish plan --stats ws://edge:7433

\`pilotfish run\` prints the acceptance rate of your models. --stats takes the pass times from a running server. The column drafts counts those of a device that a pass tests. Profiles are round or cited figures. Plans are simulations, exact to a few percent for the given numbers.`;

interface Options extends PlanOptions, CredentialOptions {
  readonly json?: boolean;
}

const names = (profiles: object): string[] => Object.keys(profiles);

export function addPlan(program: Command, terminal: Terminal): void {
  const command = program
    .command('plan')
    .summary('compute how many users a server carries, and in which mode')
    .description(description);
  addFlags(command, [
    ...userFlags(),
    ...targetFlags(),
    ...deviceFlags(),
    ...planLinkFlags(),
    ...credentialFlags(),
    chanceSeedFlag(),
    jsonFlag(),
  ]).action((options: Options) => plan(options, terminal));
}

const userFlags = () => [
  flag(
    '--tokens-per-second <n>',
    'lowest speed that each user needs',
    decimalIn(0.01, 1e4),
  ).default(10),
  flag(
    '--devices <n>',
    'users active at once, for the comparison of modes',
    wholeNumber(1, 4096),
  ).default(1),
  flag('--users-max <n>', 'most users to try', wholeNumber(1, 4096)).default(128),
  flag(
    '--active <share>',
    'share of time in which a device is active',
    decimalIn(0.0001, 1),
  ).default(1),
  flag('--prompt-tokens <n>', 'tokens of each prompt', wholeNumber(1, 4096)).default(32),
  flag('--answer-tokens <n>', 'tokens of each answer', wholeNumber(2, 4096)).default(64),
  flag('--modes <names...>', 'compare only these modes').choices(modes),
];

const targetFlags = () => [
  flag('--target <profile>', 'profile for the cost of a pass')
    .choices(names(serverProfiles))
    .default('memory'),
  flag('--stats <url>', 'take the cost of a pass from a running server'),
  flag('--pass-ms <n>', 'fixed time of a pass', decimalIn(0.01, 1e5)),
  flag('--row-ms <n>', 'time for each verified token', decimalIn(0, 1e5)),
  flag('--token-ms <n>', 'time for each computed token, prompts included', decimalIn(0, 1e5)),
  flag('--slots <n>', 'sessions held in memory at once (default: all)', wholeNumber(1, 4096)),
  flag('--price <profile>', 'profile for the price of the server')
    .choices(names(priceProfiles))
    .default('rtx-4090'),
  flag('--dollars-per-hour <n>', 'price of the server', decimalIn(0, 1e5)),
];

const deviceFlags = () => [
  flag('--device <profile>', 'profile for speed and power of the devices')
    .choices(names(deviceProfiles))
    .default('orin-nano'),
  flag(
    '--draft-weights <millions>',
    'weights of the draft model, in millions',
    decimalIn(0.1, 1e6),
  ).default(494),
  flag('--draft-ms <n>', 'time to draft a token', decimalIn(0, 1e5)),
  flag(
    '--server-draft-ms <n>',
    'time to draft a token on the server, for auto and co-located (default: no draft model there)',
    decimalIn(0.01, 1e5),
  ),
  flag('--watts <n>', 'power of a device while it drafts', decimalIn(0, 1e4)),
  flag(
    '--acceptance <share>',
    'acceptance rate of a drafted token, if all before it were accepted',
    decimalIn(acceptanceLeast, 1),
  ).default(0.7),
];

const planLinkFlags = () => [
  flag('--link <profile>', 'profile for the link between devices and server')
    .choices(names(linkProfiles))
    .default('5g'),
  flag('--round-trip-ms <n>', 'round-trip time', decimalIn(0, 1e4)),
  flag('--jitter-ms <n>', 'most extra delay each way', decimalIn(0, 1e4)),
  flag('--up-mbps <n>', 'rate from devices to server', decimalIn(0.01, 1e5)),
  flag('--down-mbps <n>', 'rate from server to devices', decimalIn(0.01, 1e5)),
];

async function plan(options: Options, terminal: Terminal): Promise<void> {
  const { out, err, env, signal } = terminal;
  const measured = await measuredCost(options, terminal);
  const question = planQuestion(options, measured);
  const result = await planOf(question, async (line) => {
    if (err.isTTY) err.write(`\r\u001b[Ksimulating ${line}`);
    await nextTurn();
    if (signal.aborted) throw new PilotfishError('cancelled', 'stopped before the plan was done');
  });
  if (err.isTTY) err.write('\r\u001b[K');
  const text = options.json
    ? JSON.stringify({ question, ...result }, null, 2)
    : planText(question, result, painter(colourWanted(out, env)));
  out.write(`${text}\n`);
}

/** The pass cost of a running server; null where none is named. */
async function measuredCost(options: Options, terminal: Terminal): Promise<PassCost | null> {
  if (options.stats === undefined) return null;
  const credentials = credentialsOf(options, terminal);
  checkKeyInClear(serverUrl(options.stats), credentials);
  return (await fetchStats(statsUrl(options.stats), credentials)).core.passCost;
}
