// A reader that falls behind is told apart from one that reads, and one that leaves too much unread is cut off, also when
// it does not take the close.

import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import type { WebSocket } from 'ws';
import { closeCodeOf } from '../protocol/code.js';
import { limits } from '../protocol/limits.js';
import { Peer } from './websocket-listener.js';

class StuckSocket {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  closedWith: number | null = null;
  isTerminated = false;

  readonly onSent: (() => void)[] = [];

  send(bytes: Uint8Array, _options: unknown, onSent: () => void): void {
    this.bufferedAmount += bytes.length;
    this.onSent.push(onSent);
  }

  /** The system takes all that waits. */
  read(): void {
    this.bufferedAmount = 0;
    for (const onSent of this.onSent.splice(0)) onSent();
  }

  close(code: number): void {
    this.closedWith = code;
    this.readyState = 2;
  }

  terminate(): void {
    this.isTerminated = true;
  }
}

describe('a peer', () => {
  it('is too slow when more than the limit is unread, and is cut off after its close', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const socket = new StuckSocket();
    const peer = new Peer(1, socket as unknown as WebSocket, () => undefined);
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

  it('says once that it falls behind, and once that it has caught up', () => {
    const socket = new StuckSocket();
    const flow: boolean[] = [];
    const peer = new Peer(1, socket as unknown as WebSocket, (_, isClogged) =>
      flow.push(isClogged),
    );
    peer.send(new Uint8Array(1_000));
    socket.read();
    assert.deepEqual(flow, []);
    for (let count = 0; count < 100; count++) peer.send(new Uint8Array(1_000));
    assert.deepEqual(flow, [true]);
    socket.read();
    assert.deepEqual(flow, [true, false]);
  });
});
