// Starts a server with the robot's target and encoder and a device with its draft, as a user would
// on two machines, and asks the device.

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { packageRoot } from '../../../src/cli/package-root.js';
import type { Eyes } from './eyes.js';
import { httpEyes } from './http-eyes.js';

/** Answers that may run at once: a cancelled one may end a little later than the next begins. */
const slots = 4;
const command = join(packageRoot, 'dist', 'src', 'cli', 'main.js');
const startMsMax = 60_000;
/** Letters of what a process says that are kept, for an error. */
const saidMax = 4_000;

/** The folder of the trained pair. @throws where it is not there. */
export function robotModels(): string {
  const folder = process.env['PILOTFISH_ROBOT_MODELS'] ?? join(packageRoot, 'models', 'robot');
  if (existsSync(join(folder, 'robot-target-f16.gguf'))) return folder;
  throw new Error(
    `${folder} has no models: run in a clone of the repository, or name a server with --url`,
  );
}

/** @param folder of the pair. @param atOnce robots. @throws where a process ends early. */
export async function ownEyes(folder: string, atOnce: number): Promise<Eyes> {
  const file = (part: string): string => join(folder, `robot-${part}-f16.gguf`);
  const count = `${slots * atOnce}`;
  const children: ChildProcess[] = [];
  const close = async (): Promise<void> => {
    for (const child of children.toReversed()) await ended(child);
  };
  const start = async (args: readonly string[], says: RegExp): Promise<string> => {
    const child = spawn(process.execPath, [command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.push(child);
    return addressOf(child, says);
  };
  try {
    const server = await start(
      [
        ...['serve', '-m', file('target'), '--mmproj', file('encoder')],
        ...['--port', '0', '--slots', count],
      ],
      /ready on (ws:[^,\s]+),/,
    );
    const device = await start(
      ['device', '--http', '0', '-md', file('draft'), '-s', server, '--slots', count],
      / on (http:\S+)\n/,
    );
    return { ...(await httpEyes(device, null)), close };
  } catch (reason) {
    await close();
    throw reason;
  }
}

/** @param says what it writes once it is ready; the first group is its address. */
function addressOf(
  child: ChildProcessByStdio<null, Readable, Readable>,
  says: RegExp,
): Promise<string> {
  let said = '';
  return new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = `${said}${text}`.slice(-saidMax);
        const [, address] = says.exec(said) ?? [];
        if (address !== undefined) resolve(address);
      });
    }
    child.once('exit', () => reject(new Error(`it ended: ${said.trim()}`)));
    setTimeout(() => reject(new Error(`it is not ready: ${said.trim()}`)), startMsMax).unref();
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}
