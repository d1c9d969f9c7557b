// Asks the same thing again and again over kept-alive connections, and reads no more of an answer than where it ends:
// the client must not be what is measured. Knows chunked bodies and those of a given length.

import { connect, type Socket } from 'node:net';
import { PilotfishError } from '../../src/base/error.js';

export interface LoadResult {
  readonly ms: number;
  /** [answers] from a request to the first byte of its body. */
  readonly firstByteMs: readonly number[];
}

/** A POST with a JSON body, as bytes. */
export function requestBytes(path: string, body: object): Buffer {
  const text = JSON.stringify(body);
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
}

/**
 * Makes `count` requests over `connections` connections, each as soon as the one before it is answered.
 *
 * @throws PilotfishError `engine-failed` for an answer that is no 200, or a connection that ends.
 */
export async function load(
  port: number,
  request: Buffer,
  connections: number,
  count: number,
): Promise<LoadResult> {
  const lines = await Promise.all(Array.from({ length: connections }, () => Line.open(port)));
  const startedMs = performance.now();
  let left = count;
  await Promise.all(
    lines.map(async (line) => {
      while (left-- > 0) await line.ask(request);
    }),
  );
  const ms = performance.now() - startedMs;
  for (const line of lines) line.close();
  return { ms, firstByteMs: lines.flatMap(({ firstByteMs }) => firstByteMs) };
}

const headEnd = Buffer.from('\r\n\r\n');
const chunkedEnd = '0\r\n\r\n';

class Line {
  readonly firstByteMs: number[] = [];
  readonly #socket: Socket;
  /** Null: the first byte of the body is there. */
  #askedMs: number | null = null;
  /** Null: the head is not there yet. Negative: chunked. */
  #bodyLeft: number | null = null;
  #head = Buffer.alloc(0);
  /** The last bytes of a chunked body, as many as its end has: pieces may cut it anywhere. */
  #tail = '';
  #resolve: () => void = () => undefined;
  #reject: (reason: Error) => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', (reason) => this.#reject(reason));
    socket.on('close', () =>
      this.#reject(new PilotfishError('engine-failed', 'the server ended the connection')),
    );
  }

  static open(port: number): Promise<Line> {
    const socket = connect(port, '127.0.0.1');
    return new Promise((resolve, reject) => {
      socket.once('connect', () => resolve(new Line(socket)));
      socket.once('error', reject);
    });
  }

  ask(request: Buffer): Promise<void> {
    this.#askedMs = performance.now();
    this.#bodyLeft = null;
    this.#head = Buffer.alloc(0);
    this.#tail = '';
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(request);
    });
  }

  #take(bytes: Buffer): void {
    const body = this.#bodyLeft === null ? this.#readHead(bytes) : bytes;
    if (body === null || body.length === 0) return;
    if (this.#askedMs !== null) this.firstByteMs.push(performance.now() - this.#askedMs);
    this.#askedMs = null;
    if (this.#bodyLeft! < 0) {
      const end = body.subarray(-chunkedEnd.length).toString('latin1');
      this.#tail = (this.#tail + end).slice(-chunkedEnd.length);
      if (this.#tail === chunkedEnd) this.#resolve();
      return;
    }
    this.#bodyLeft! -= body.length;
    if (this.#bodyLeft === 0) this.#resolve();
  }

  /** @returns what of the body came with the head, or null. */
  #readHead(bytes: Buffer): Buffer | null {
    this.#head = Buffer.concat([this.#head, bytes]);
    const end = this.#head.indexOf(headEnd);
    if (end < 0) return null;
    const head = this.#head.subarray(0, end).toString('latin1').toLowerCase();
    if (!head.startsWith('http/1.1 200')) {
      this.#reject(new PilotfishError('engine-failed', `the server answers ${head.slice(0, 60)}`));
    }
    const [, length] = /content-length: (\d+)/.exec(head) ?? [];
    this.#bodyLeft = length === undefined ? -1 : Number(length);
    return this.#head.subarray(end + headEnd.length);
  }

  close(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.destroy();
  }
}
