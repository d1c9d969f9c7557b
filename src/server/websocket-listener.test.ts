// Checks that a slow reader is told apart from a fast one, and that one that leaves too much unread
// is cut off, also when it does not take the close.

import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { describe, it, mock } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { closeCodeOf } from '../protocol/code.js';
import { limits } from '../protocol/limits.js';
import { Peer } from './websocket-listener.js';

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

  send(bytes: Uint8Array): void {
    this.stream.write(bytes);
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

function peerOf(socket: StuckSocket, onFlow: (peer: Peer, isClogged: boolean) => void): Peer {
  return new Peer({ id: 1, grant: null }, socket, socket.stream, onFlow);
}

describe('a peer', () => {
  it('is too slow when more than the limit is unread, and is cut off after its close', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const socket = new StuckSocket();
    const peer = peerOf(socket, () => undefined);
    const half = new Uint8Array(limits.bufferedBytes.value / 2);
    assert.equal(peer.send(half), true);
    assert.equal(peer.send(half), true);
    assert.equal(peer.send(new Uint8Array(1)), false);
    peer.close('too-slow');
    assert.equal(socket.closedWith, closeCodeOf('too-slow'));
    assert.equal(peer.send(half), true, 'nothing more is buffered for a closing socket');
    assert.equal(socket.bufferedAmount, limits.bufferedBytes.value + 1);
    mock.timers.tick(10_000);
    assert.equal(socket.isTerminated, true);
    mock.timers.reset();
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
  });
});
