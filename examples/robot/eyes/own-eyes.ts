// Starts a server with the robot's target and encoder and a device with its draft, as a user would
// on two machines, and asks the device.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/cli/package-root.js';
import type { Eyes } from './eyes.js';
import { httpEyes } from './http-eyes.js';

/** Answers that may run at once: a cancelled one may end a little later than the next begins. */
const slots = 4;
const startMsMax = 60_000;

/** Where the trained pair is; null: nowhere. */
export function robotModels(): string | null {
  const { PILOTFISH_ROBOT_MODELS } = process.env;
  const folders = [PILOTFISH_ROBOT_MODELS ?? join(packageRoot, 'models', 'robot')];
  return folders.find((folder) => existsSync(join(folder, 'robot-target-f16.gguf'))) ?? null;
}

/** @param folder of the pair. @param atOnce robots. @throws where a process ends early. */
export async function ownEyes(folder: string, atOnce: number): Promise<Eyes> {
  const file = (part: string): string => join(folder, `robot-${part}-f16.gguf`);
  const count = `${slots * atOnce}`;
  const server = await started(
    [
      ...['serve', '-m', file('target'), '--mmproj', file('encoder')],
      ...['--port', '0', '--slots', count, '--draft', 'suffix'],
    ],
    /ready on (ws:\S+),/,
  );
  const device = await started(
    ['device', '--http', '0', '-md', file('draft'), '-s', server.address, '--slots', count],
    /(http:\S+?)[,\s]*$/m,
  ).catch(async (reason) => {
    await ended(server.child);
    throw reason;
  });
  const eyes = await httpEyes(device.address, null);
  return {
    ...eyes,
    close: async () => {
      await ended(device.child);
      await ended(server.child);
    },
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly address: string;
}

/** @param says what it writes once it is ready; the first group is its address. */
async function started(args: readonly string[], says: RegExp): Promise<Started> {
  const command = join(packageRoot, 'dist', 'src', 'cli', 'main.js');
  const child = spawn(process.execPath, [command, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  const ready = new Promise<string>((resolve, reject) => {
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, address] = says.exec(said) ?? [];
      if (address !== undefined) resolve(address);
    });
    child.once('exit', () => reject(new Error(`${args[0]} ended: ${said.trim()}`)));
    setTimeout(
      () => reject(new Error(`${args[0]} is not ready: ${said.trim()}`)),
      startMsMax,
    ).unref();
  });
  try {
    return { child, address: await ready };
  } catch (reason) {
    await ended(child);
    throw reason;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
