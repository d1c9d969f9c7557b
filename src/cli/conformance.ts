// Defines `pilotfish conformance`: checks another implementation of the protocol, a server that it
// connects to, or a device that connects to it.

import type { Command } from 'commander';
import type { ConformanceOutcome, ConformanceResult } from './conformance/conformance-check.js';
import { checkDevice } from './conformance/device-conformance.js';
import { checkServer } from './conformance/server-conformance.js';
import {
  type CredentialOptions,
  credentialFlags,
  credentialsOf,
} from './flags/credential-flags.js';
import { addFlags, flag, jsonFlag, usageError, wholeNumber } from './flags/flags.js';
import { serverUrl } from './flags/server-address.js';
import {
  colourWanted,
  type Exit,
  painter,
  printJson,
  type Style,
  type Terminal,
} from './screen/terminal.js';
import { visible } from './screen/visible.js';

const description = `Checks an implementation of the protocol (PROTOCOL.md) by its behaviour, rule by rule.

  pilotfish conformance ws://127.0.0.1:7433
  pilotfish conformance wss://edge.local:7433 --key-file pi.key --only resumption
  pilotfish conformance --device --listen-port 7500

With an address it connects to a server and acts as a device that also breaks rules. Its texts are compared with each other: a server on several threads may differ at near ties, so run pilotfish's own with --deterministic. With --device it listens as a scripted server, says where, and judges the first answer that a device asks for; it cuts the link once. The exit code is 1 if a check fails.`;

interface ConformanceOptions extends CredentialOptions {
  readonly device?: boolean;
  readonly listenPort: number;
  readonly only?: string;
  readonly waitMs: number;
  readonly json?: boolean;
}

export function addConformance(program: Command, terminal: Terminal, exit: Exit): void {
  const command = program
    .command('conformance')
    .summary('check another implementation of the protocol')
    .description(description)
    .argument('[server]', 'host, host:port, or a ws:// or wss:// address');
  addFlags(command, [
    flag('--device', 'check a device in place of a server'),
    flag('--listen-port <n>', 'with --device; 0 picks a free one', wholeNumber(0, 65_535)).default(
      0,
    ),
    flag('--only <text>', 'run only checks of a server whose names hold this'),
    flag('--wait-ms <ms>', 'how long an answer may take', wholeNumber(100, 600_000)).default(
      20_000,
    ),
    jsonFlag(),
    ...credentialFlags(),
  ]).action(async (server: string | undefined, options: ConformanceOptions) => {
    exit(await conformance(server, options, terminal));
  });
}

async function conformance(
  server: string | undefined,
  options: ConformanceOptions,
  terminal: Terminal,
): Promise<number> {
  if ((server === undefined) !== (options.device === true)) {
    throw usageError('conformance takes the address of a server, or --device');
  }
  const results: ConformanceResult[] = [];
  for await (const result of resultsOf(server, options, terminal)) {
    results.push(result);
    if (!options.json) terminal.out.write(`${lineOf(result, terminal)}\n`);
  }
  const counts = { pass: 0, fail: 0, skipped: 0 };
  for (const { outcome } of results) counts[outcome]++;
  if (options.json) printJson(terminal, { ...counts, results });
  else
    terminal.out.write(`\n${counts.pass} pass, ${counts.fail} fail, ${counts.skipped} skipped\n`);
  return counts.fail > 0 || counts.pass === 0 ? 1 : 0;
}

function resultsOf(
  server: string | undefined,
  options: ConformanceOptions,
  terminal: Terminal,
): AsyncIterable<ConformanceResult> {
  const { waitMs, only, listenPort } = options;
  if (server !== undefined) {
    const probing = { ...credentialsOf(options, terminal), waitMs };
    return checkServer(serverUrl(server, 'conformance'), probing, only);
  }
  return checkDevice({
    port: listenPort,
    waitMs,
    signal: terminal.signal,
    onListening: (address) => terminal.err.write(`pilotfish: waiting for a device on ${address}\n`),
  });
}

const styles: Readonly<Record<ConformanceOutcome, Style>> = {
  pass: 'green',
  fail: 'red',
  skipped: 'yellow',
};

function lineOf({ name, outcome, detail }: ConformanceResult, { out, env }: Terminal): string {
  const paint = painter(colourWanted(out, env));
  const mark = paint(styles[outcome], outcome.padEnd(7));
  return `${mark}  ${visible(name, 'all')}: ${visible(detail, 'all')}`;
}
