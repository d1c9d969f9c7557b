// Starts the processes of the demo: a server that drafts too, two devices, and an emulated link
// between each of them and the server. Closes everything that was started.

import { evenLink } from '../../sim/profiles/link-profiles.js';
import { resolveModel } from '../models/model-name.js';
import type { Environment } from '../screen/terminal.js';
import { DeviceProcess } from './device-process.js';
import { type Relay, startRelay } from './relay.js';
import { type ServerHandle, startServerProcess } from './server-handle.js';

/** The emulated times, in milliseconds. */
export interface Emulation {
  readonly roundTripMs: number;
  /** Time of a pass of the large target, for any number of rows. */
  readonly passMs: number;
}

export const targetName = 'stories-target';
export const draftName = 'stories-draft';
const contextLength = 512;

export interface DemoProcesses extends DemoContext {
  readonly server: ServerHandle;
  /** Drafts with the draft model. */
  readonly modelDevice: DeviceProcess;
  /** Drafts nothing. */
  readonly plainDevice: DeviceProcess;
  /** The emulated link. */
  readonly relay: Relay;
}

/** Closes things in reverse order, also after one of them fails to close. */
export class Closers {
  readonly #closers: (() => Promise<void>)[] = [];

  add(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  async closeAll(): Promise<void> {
    while (this.#closers.length > 0) await this.#closers.pop()!().catch(() => undefined);
  }
}

/** Starts everything; each running part adds its end to `closers`. @throws also `cancelled`. */
export async function startDemo(
  { roundTripMs, passMs }: Emulation,
  closers: Closers,
  env: Environment,
  signal: AbortSignal,
): Promise<DemoProcesses> {
  const [modelPath, draftPath] = [
    await resolveModel(targetName, env),
    await resolveModel(draftName, env),
  ];
  const loading = { slotCount: 4, contextLength, threads: 1, probe: false };
  const server = await startServerProcess(
    {
      kind: 'llama',
      // Bit-identical passes: otherwise two modes could differ at a near tie.
      options: { ...loading, modelPath, deterministic: true },
      draft: { ...loading, modelPath: draftPath },
      pace: { passMs, rowMs: 0 },
    },
    true,
  );
  closers.add(() => server.stop());
  const relay: Relay = await startRelay(server.port, evenLink(roundTripMs));
  closers.add(() => relay.close());
  const linkAddress = `127.0.0.1:${relay.port}`;
  const surroundings = { linkAddress, closers, env, signal };
  const [modelDevice, plainDevice] = await startDevices(surroundings, []);
  return { server, modelDevice, plainDevice, relay, ...surroundings };
}

/** The context of a device's start. */
interface DemoContext {
  /** The server's address through the emulated link. */
  readonly linkAddress: string;
  readonly closers: Closers;
  readonly env: Environment;
  readonly signal: AbortSignal;
}

/** Starts one device with the draft model and one that drafts nothing, with further `flags`. */
export async function startDevices(
  { linkAddress, closers, env, signal }: DemoContext,
  flags: readonly string[],
): Promise<[DeviceProcess, DeviceProcess]> {
  const common = ['--server', linkAddress, '-t', '1', '-c', `${contextLength}`, ...flags];
  const start = async (draft: string): Promise<DeviceProcess> => {
    const device = await DeviceProcess.start([...common, '--draft', draft], env, signal);
    closers.add(() => device.close());
    return device;
  };
  // Both are awaited even if one fails, so that no process is left.
  const [one, other] = await Promise.allSettled([start(draftName), start('none')]);
  if (one.status === 'rejected') throw one.reason;
  if (other.status === 'rejected') throw other.reason;
  return [one.value, other.value];
}
