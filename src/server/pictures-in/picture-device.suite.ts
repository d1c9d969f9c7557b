// Plays a device that sends pictures, frame by frame over a real socket, to a server with the
// stand-in encoder of eyes.suite.ts.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { createScriptedEngine } from '../../engine/scripted-engine.js';
import { bannedEnd } from '../../engine/scripted-vocabulary.js';
import type { WireCode } from '../../protocol/code.js';
import { decodeServerFrame, encodeFrame } from '../../protocol/codec.js';
import type { DeviceFrame, Open, PictureRef, ServerFrame } from '../../protocol/frame.js';
import { versionMax } from '../../protocol/version.js';
import { hello, openFrame } from '../core/core-harness.suite.js';
import { StandInEncoder, until } from '../eyes/eyes.suite.js';
import { Heard, yielding } from '../plain-sessions.suite.js';
import { type RunningServer, startServer } from '../server.js';
import type { ServerOptions } from '../server-options.js';

const template = "{% for m in messages %}{{ m['content'] }}{{ ' ' }}{% endfor %}";
const partMax = 64 * 1024;

export const refOf = (file: Uint8Array, changes: Partial<PictureRef> = {}): PictureRef => ({
  hash: new Uint8Array(createHash('sha256').update(file).digest()),
  bytes: file.length,
  ...{ message: 0, at: 0, tokens: 0 },
  ...changes,
});

/** Opens a stream of 20 tokens behind one message with pictures. */
export const openWith = (pictures: readonly PictureRef[], changes: Partial<Open> = {}): Open =>
  openFrame({
    prompt: { kind: 'messages', messages: [{ role: 'user', content: 'una' }] },
    ...{ sampling: bannedEnd, seed: 9n, mode: 'stream', tokensMax: 20, pictures },
    ...changes,
  });

/** What the server writes for the same in a plain session, as a program of its own does. */
export async function plainText(server: RunningServer, file: Uint8Array): Promise<number[]> {
  const heard = new Heard();
  const prompt = { kind: 'messages', messages: [{ role: 'user', content: 'una' }] } as const;
  const terms = { sampling: bannedEnd, seed: 9n, tokensMax: 20, schema: null, topLogprobs: null };
  const pictures = [{ message: 0, at: 0, bytes: file }];
  server.plain.write({ prompt, pictures, ...terms }, null, heard);
  assert.equal(await heard.over, 'length');
  return heard.tokenIds;
}

/** Frames of one device, and what it was answered. */
export class PictureDevice {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];

  private constructor(address: string) {
    this.socket = new WebSocket(address, ['pilotfish']);
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data) => {
      const decoded = decodeServerFrame(new Uint8Array(data as Buffer));
      assert.ok('ok' in decoded, 'the server sends legal frames');
      this.frames.push(decoded.ok);
    });
  }

  /** Greeted. */
  static async at({ address }: RunningServer, version = versionMax): Promise<PictureDevice> {
    const device = new PictureDevice(address);
    await once(device.socket, 'open');
    device.send({ ...hello, versionMax: version });
    await device.until('welcome');
    return device;
  }

  send(...frames: DeviceFrame[]): void {
    for (const frame of frames) this.socket.send(encodeFrame(frame));
  }

  /** Bytes [from, to) of a file, in parts. */
  sendFile(session: number, index: number, file: Uint8Array, from = 0, to = file.length): void {
    for (let offset = from; offset < to; offset += partMax) {
      const data = file.subarray(offset, Math.min(to, offset + partMax));
      this.send({ kind: 'picture-part', session, index, offset, data });
    }
  }

  of<Kind extends ServerFrame['kind']>(
    kind: Kind,
    session = 0,
  ): Extract<ServerFrame, { kind: Kind }>[] {
    const isOwn = (frame: ServerFrame): boolean =>
      frame.kind === kind && (!('session' in frame) || frame.session === session);
    return this.frames.filter(isOwn) as Extract<ServerFrame, { kind: Kind }>[];
  }

  /** The first of its kind for a session. */
  async until<Kind extends ServerFrame['kind']>(
    kind: Kind,
    session = 0,
  ): Promise<Extract<ServerFrame, { kind: Kind }>> {
    await until(() => this.of(kind, session).length > 0);
    return this.of(kind, session)[0]!;
  }

  async refused(code: WireCode, session = 0): Promise<string> {
    const failure = await this.until('failure', session);
    assert.equal(failure.code, code, failure.message);
    return failure.message;
  }

  /** The text of a session, once it is over. */
  async text(session = 0): Promise<number[]> {
    await until(() => this.of('verdict', session).some(({ end }) => end !== null));
    return this.of('verdict', session).flatMap(({ tokens }) => [...tokens]);
  }

  async close(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.terminate();
    await once(this.socket, 'close');
  }
}

export interface EyesBench {
  readonly server: RunningServer;
  readonly encoder: StandInEncoder;
  device(version?: number): Promise<PictureDevice>;
}

/** Runs a server, and sees to it that nothing of its devices stays. */
export async function withEyes(
  use: (bench: EyesBench) => Promise<void>,
  options: Partial<ServerOptions> = {},
): Promise<void> {
  const plain = yielding(createScriptedEngine());
  const engine = {
    ...plain,
    info: { ...plain.info, chatTemplate: template },
    close: () => plain.close(),
  };
  const encoder = new StandInEncoder();
  const limits = { resumeMs: 0, ...options.limits };
  const parts = { engine, eyes: encoder, port: 0, drainMs: 200, ...options, limits };
  const server = await startServer(parts);
  const devices: PictureDevice[] = [];
  try {
    await use({
      ...{ server, encoder },
      device: async (version) => {
        const device = await PictureDevice.at(server, version);
        devices.push(device);
        return device;
      },
    });
    for (const device of devices) await device.close();
    await until(() => {
      const { core, pictures } = server.stats();
      const left = core.connectionCount + core.sessionCount + core.slotsOwned;
      return left + pictures.heldCount === 0;
    });
  } finally {
    encoder.go();
    for (const device of devices) await device.close();
    await server.close();
    await engine.close();
  }
}
