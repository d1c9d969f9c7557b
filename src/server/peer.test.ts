// Checks that a slow reader is told apart from a fast one, and that one that leaves too much unread
// is cut off, also when it does not take the close.

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it, mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { closeCodeOf } from '../protocol/code.js';
import { limits } from '../protocol/limits.js';
import { Peer, waitingBytes } from './peer.js';
import { SharedBytes } from './shared-bytes.js';

/** Writes to a stream that takes nothing until it is told to. */
class StuckSocket {
  readonly OPEN = 1;
  readyState = 1;
  closedWith: number | null = null;
  isTerminated = false;
  #goOn: (() => void) | null = null;

  readonly stream = new Writable({ write: (_bytes, _encoding, done) => (this.#goOn = done) });

  get bufferedAmount(): number {
    return this.stream.writableLength;
  }

  send(bytes: Uint8Array, _options: object, onTaken: () => void): void {
    this.stream.write(bytes, onTaken);
  }

  pong(payload: Uint8Array, _isMasked: boolean, onTaken: () => void): void {
    this.send(payload, {}, onTaken);
  }

  /** The system takes all that waits. */
  async read(): Promise<void> {
    while (this.bufferedAmount > 0) {
      this.#goOn?.();
      await nextTurn();
    }
  }

  close(code: number): void {
    this.closedWith = code;
    this.readyState = 2;
  }

  terminate(): void {
    this.isTerminated = true;
  }
}

type OnFlow = (peer: Peer, isClogged: boolean) => void;

function peerOf(
  socket: StuckSocket,
  onFlow: OnFlow = () => undefined,
  {
    unread = new SharedBytes(Infinity).share(() => undefined),
    onReady = (): void => undefined,
  } = {},
): Peer {
  const parts = { id: 1, grant: null, socket, stream: socket.stream, onWork: () => undefined };
  return new Peer({ ...parts, unread, onFlow, onReady });
}

describe('a peer', () => {
  it('is too slow when more than the limit is unread, and is cut off after its close', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const socket = new StuckSocket();
    const peer = peerOf(socket);
    const half = new Uint8Array(limits.bufferedBytes.value / 2 - waitingBytes);
    assert.equal(peer.send(half), true);
    assert.equal(peer.send(half), true);
    assert.equal(peer.send(new Uint8Array(1)), false);
    peer.close('too-slow');
    assert.equal(socket.closedWith, closeCodeOf('too-slow'));
    assert.equal(peer.send(half), true, 'nothing more is buffered for a closing socket');
    assert.equal(socket.bufferedAmount, 2 * half.length + 1);
    mock.timers.tick(10_000);
    assert.equal(socket.isTerminated, true);
    mock.timers.reset();
  });

  it('is too slow when short frames that it leaves unread cost more than the limit', () => {
    const peer = peerOf(new StuckSocket());
    let count = 1;
    while (peer.send(new Uint8Array(9))) count++;
    assert.equal(count, Math.ceil(limits.bufferedBytes.value / (9 + waitingBytes)));
  });

  it('is not read while many answers wait for it, control frames included', async () => {
    const socket = new StuckSocket();
    let readyCount = 0;
    const peer = peerOf(socket, () => undefined, { onReady: () => void readyCount++ });
    for (let count = 0; count < 128; count++) peer.send(new Uint8Array(9));
    assert.ok(peer.isReady);
    peer.pong(new Uint8Array(9));
    assert.equal(peer.isReady, false);
    await socket.read();
    assert.ok(peer.isReady);
    assert.equal(readyCount, 1);
  });

  it('is cut off when all together leave too much unread, and it leaves most', () => {
    const all = new SharedBytes(1024 * 1024);
    const cut: number[] = [];
    const peers = [300, 500, 400, 400].map((KiB, index) => {
      const peer = peerOf(new StuckSocket(), () => undefined, {
        unread: all.share(() => cut.push(index)),
      });
      peer.send(new Uint8Array(KiB * 1024));
      return peer;
    });
    assert.equal(peers.length, 4);
    assert.deepEqual(cut, [1]);
  });

  it('says once that it falls behind, and once that it has caught up', async () => {
    const socket = new StuckSocket();
    const flow: boolean[] = [];
    const peer = peerOf(socket, (_, isClogged) => flow.push(isClogged));
    peer.send(new Uint8Array(1_000));
    await socket.read();
    assert.deepEqual(flow, []);
    for (let count = 0; count < 100; count++) peer.send(new Uint8Array(1_000));
    assert.deepEqual(flow, [true]);
    await socket.read();
    assert.deepEqual(flow, [true, false]);
    for (let count = 0; count < 65; count++) peer.send(new Uint8Array(9));
    assert.deepEqual(flow, [true, false, true], 'short frames are as many as long ones');
    await socket.read();
    assert.deepEqual(flow, [true, false, true, false]);
  });
});
