// Tests the table of connection states: handshake, drain and failure, in every order.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvariantError } from '../base/assert.js';
import {
  type ConnectionEvent,
  type ConnectionState,
  connectionEventOf,
  connectionEvents,
  connectionMoves,
  connectionStateAfterSending,
  connectionStates,
  receiveOnConnection,
} from './connection-state.js';
import { vectors } from './vectors.suite.js';

/** The sender of each event; both ends send frames of sessions. */
const saidByDevice: readonly ConnectionEvent[] = ['hello', 'new-session', 'session', 'ping'];
const saidByServer: readonly ConnectionEvent[] = ['welcome', 'session', 'pong', 'drain', 'failure'];

describe('the table of connection states', () => {
  it('answers every event in every state: it moves, is late, or is a fault', () => {
    const counts = { move: 0, late: 0, fault: 0 };
    for (const state of connectionStates) {
      for (const event of connectionEvents) {
        const reception = receiveOnConnection(state, event);
        counts[reception.kind]++;
        const next = connectionMoves[state][event];
        assert.equal(reception.kind === 'move', next !== undefined);
        if (next === undefined) {
          assert.throws(() => connectionStateAfterSending(state, event), InvariantError);
        } else {
          assert.equal(connectionStateAfterSending(state, event), next);
        }
      }
    }
    assert.deepEqual(counts, { move: 15, late: 9, fault: 16 });
  });

  it('ends the connection of a peer that breaks it', () => {
    const reception = receiveOnConnection('fresh', 'new-session');
    assert.ok(reception.kind === 'fault');
    assert.deepEqual(reception.fault, {
      code: 'frame-unexpected',
      message: 'new-session in connection state fresh',
      session: null,
    });
  });

  it('never faults two ends that follow it, whatever crosses on the way', () => {
    const faults: string[] = [];
    interface World {
      readonly device: ConnectionState;
      readonly server: ConnectionState;
      readonly up: readonly ConnectionEvent[];
      readonly down: readonly ConnectionEvent[];
    }
    const start: World = { device: 'fresh', server: 'fresh', up: [], down: [] };
    const worlds = new Map([[JSON.stringify(start), start]]);
    const visit = (world: World): void => {
      const key = JSON.stringify(world);
      if (!worlds.has(key)) worlds.set(key, world);
    };
    const arrival = (end: 'device' | 'server', world: World, event: ConnectionEvent) => {
      const reception = receiveOnConnection(world[end], event);
      if (reception.kind === 'fault') faults.push(`${end}: ${reception.fault.message}`);
      return reception.kind === 'move' ? reception.state : world[end];
    };
    for (const world of worlds.values()) {
      const { device, server, up, down } = world;
      for (const event of saidByDevice) {
        const next = connectionMoves[device][event];
        if (next && up.length < 3) visit({ ...world, device: next, up: [...up, event] });
      }
      for (const event of saidByServer) {
        const next = connectionMoves[server][event];
        if (next && down.length < 3) visit({ ...world, server: next, down: [...down, event] });
      }
      const [arrived, ...restUp] = up;
      if (arrived) visit({ ...world, server: arrival('server', world, arrived), up: restUp });
      const [heard, ...restDown] = down;
      if (heard) visit({ ...world, device: arrival('device', world, heard), down: restDown });
    }
    assert.ok(worlds.size > 500, `${worlds.size} worlds`);
    assert.deepEqual([...new Set(faults)], []);
  });

  it('has an event for every golden vector', () => {
    const events = new Map(
      vectors.map(({ frame }) => [`${frame.kind}: ${connectionEventOf(frame)}`, 1]),
    );
    assert.deepEqual([...events.keys()].sort(), [
      'cancel: session',
      'close: session',
      'draft: session',
      'drain: drain',
      'failure: failure',
      'failure: session',
      'hello: hello',
      'hint: session',
      'open: new-session',
      'opened: session',
      'picture-part: session',
      'pictures-wanted: session',
      'ping: ping',
      'pong: pong',
      'resume: new-session',
      'resumed: session',
      'tail-request: session',
      'tail: session',
      'verdict: session',
      'welcome: welcome',
    ]);
  });
});
