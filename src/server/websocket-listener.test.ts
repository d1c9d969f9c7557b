// A reader that leaves too much unread is told apart from one that reads, and is cut off when it does not take the close.

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

  send(bytes: Uint8Array): void {
    this.bufferedAmount += bytes.length;
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
    const peer = new Peer(1, socket as unknown as WebSocket);
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
});
