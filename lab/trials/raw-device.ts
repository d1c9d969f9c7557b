// Plays a device as bytes: sockets and frames without the shipped device behind them, for what it
// would never do.

import { WebSocket } from 'ws';
import { bannedEnd } from '../../src/engine/scripted-vocabulary.js';
import { encodeFrame } from '../../src/protocol/codec.js';
import { noPictures, type Open } from '../../src/protocol/frame.js';
import { subprotocol, versionMax, versionMin } from '../../src/protocol/version.js';

interface RawSocketOptions {
  readonly key?: string;
  /** wss:, with a certificate of any signer. */
  readonly overTls?: boolean;
}

/** A socket that is open, or null where it is refused. */
export function openSocket(
  port: number,
  { key, overTls = false }: RawSocketOptions = {},
): Promise<WebSocket | null> {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const url = `${overTls ? 'wss' : 'ws'}://127.0.0.1:${port}`;
  const socket = new WebSocket(url, [subprotocol], { headers, rejectUnauthorized: false });
  return new Promise((resolve) => {
    socket.on('open', () => resolve(socket));
    socket.on('error', () => resolve(null));
  });
}

/** The greeting of a device that knows no vocabulary. */
export const helloFrame = (): Uint8Array =>
  encodeFrame({
    kind: 'hello',
    ...{ versionMin, versionMax },
    ...{ name: 'raw', key: '', fingerprint: '', vocabSize: 0, blockHashes: new Uint32Array(0) },
  });

/** Opens a session that is streamed to, behind a prompt of 200 tokens. */
export function rawOpenFrame(session: number, changes: Partial<Open> = {}): Uint8Array {
  return encodeFrame({
    kind: 'open',
    session,
    prompt: { kind: 'ids', ids: Int32Array.from({ length: 200 }, (_, at) => 2 + (at % 5)) },
    answer: new Int32Array(0),
    sampling: bannedEnd,
    seed: BigInt(session),
    scheme: 'coupled',
    mode: 'stream',
    tokensMax: 200,
    windowMax: 8,
    cut: null,
    schema: null,
    topLogprobs: null,
    wantsHints: false,
    ...noPictures,
    padBytes: 0,
    aggregateMs: 0,
    ...changes,
  });
}
