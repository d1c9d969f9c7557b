// Tests the table of session states, and walks both ends through every order of crossing frames.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvariantError } from '../base/assert.js';
import type { Draft } from './frame.js';
import {
  type DeviceFrameEvent,
  deviceEvents,
  eventOf,
  late,
  moves,
  receive,
  type ServerFrameEvent,
  type SessionEvent,
  type SessionState,
  serverEvents,
  sessionStates,
  stateAfterSending,
} from './session-state.js';
import { vectors } from './vectors.suite.js';

const allEvents: readonly SessionEvent[] = [...deviceEvents, ...serverEvents];

describe('the table of session states', () => {
  it('answers every event in every state: it moves, is late, or is a fault', () => {
    const counts = { move: 0, late: 0, fault: 0 };
    for (const state of sessionStates) {
      for (const event of allEvents) {
        const { kind } = receive(state, event, 5);
        counts[kind]++;
        const isLegal = moves[state][event] !== undefined;
        const isLate = late[state][event] !== undefined;
        assert.ok(!(isLegal && isLate), `${event} in ${state} is both legal and late`);
        assert.equal(kind, isLegal ? 'move' : isLate ? 'late' : 'fault');
      }
    }
    assert.deepEqual(counts, { move: 31, late: 25, fault: 80 });
  });

  it('lets us send what is legal and nothing else', () => {
    for (const state of sessionStates) {
      for (const event of allEvents) {
        const next = moves[state][event];
        if (next === undefined) {
          assert.throws(() => stateAfterSending(state, event), InvariantError);
        } else {
          assert.equal(stateAfterSending(state, event), next);
        }
      }
    }
  });

  it('names the session in a fault, and calls one that was never opened unknown', () => {
    const unknown = receive('unused', 'draft', 5);
    assert.ok(unknown.kind === 'fault' && unknown.fault.code === 'session-unknown');
    const wrong = receive('open', 'tail-request', 5);
    assert.ok(wrong.kind === 'fault' && wrong.fault.code === 'session-state');
    assert.equal(wrong.fault.session, 5);
    assert.equal(wrong.fault.message, 'tail-request in state open');
  });

  it('leads from every state to closed, and out of it never', () => {
    for (const start of sessionStates) {
      const reached = reachableFrom(start);
      assert.ok(reached.has('closed'), start);
    }
    assert.deepEqual([...reachableFrom('closed')], ['closed']);
    assert.deepEqual([...reachableFrom('unused')].sort(), [...sessionStates].sort());
  });

  it('never faults two ends that follow it, whatever crosses on the way', (test) => {
    const seen = walkBothEnds(4);
    test.diagnostic(`${seen.worldCount} joint states with up to 4 frames under way each way`);
    assert.ok(seen.worldCount > 1000);
    assert.deepEqual(seen.faults, []);
    // Every move and every late frame of the tables occurs.
    assert.deepEqual(seen.unusedMoves, []);
    assert.deepEqual(seen.unusedLate, []);
  });

  it('tells the events of the golden vectors apart', () => {
    const events = vectors.map(({ frame }) => `${frame.kind}: ${eventOf(frame, 300)}`);
    assert.deepEqual([...new Set(events)].sort(), [
      'cancel: cancel',
      'close: close',
      'draft: draft',
      'draft: residual',
      'drain: null',
      'failure: failure',
      'failure: null',
      'hello: null',
      'hint: hint',
      'open: open',
      'opened: opened',
      'picture-part: picture-part',
      'pictures-wanted: pictures-wanted',
      'ping: null',
      'pong: null',
      'resume: resume',
      'resumed: resumed',
      'tail-request: tail-request',
      'tail: tail',
      'verdict: verdict',
      'verdict: verdict-end',
      'verdict: verdict-law',
      'welcome: null',
    ]);
  });

  it('takes a repeated residual token for a draft', () => {
    const frame = vectors.find(
      ({ frame: { kind }, title }) => kind === 'draft' && title.startsWith('split'),
    )!.frame as Draft;
    assert.equal(eventOf(frame, frame.from - 1), 'residual');
    assert.equal(eventOf(frame, frame.from), 'draft');
  });
});

function reachableFrom(start: SessionState): ReadonlySet<SessionState> {
  const reached = new Set([start]);
  for (const state of reached) for (const next of Object.values(moves[state])) reached.add(next);
  return reached;
}

/** Both ends of a session and the frames between them. */
interface World {
  readonly device: SessionState;
  readonly server: SessionState;
  readonly up: readonly DeviceFrameEvent[];
  readonly down: readonly ServerFrameEvent[];
}

interface Walk {
  readonly worldCount: number;
  readonly faults: readonly string[];
  readonly unusedMoves: readonly string[];
  readonly unusedLate: readonly string[];
}

/**
 * Every state that two ends can reach. They send legal frames only, or a second Cancel, with at
 * most `inFlightMax` frames in flight in each direction. Frames arrive in order, at any later time.
 */
function walkBothEnds(inFlightMax: number): Walk {
  const faults = new Set<string>();
  const used = new Set<string>();
  const start: World = { device: 'unused', server: 'unused', up: [], down: [] };
  const worlds = new Map([[JSON.stringify(start), start]]);
  const visit = (world: World): void => {
    const key = JSON.stringify(world);
    if (!worlds.has(key)) worlds.set(key, world);
  };
  const arrival = (end: 'device' | 'server', world: World, event: SessionEvent): SessionState => {
    const reception = receive(world[end], event, 0);
    used.add(`${reception.kind} ${event} in ${world[end]}`);
    if (reception.kind === 'fault') faults.add(`${end}: ${reception.fault.message}`);
    return reception.kind === 'move' ? reception.state : world[end];
  };
  for (const world of worlds.values()) {
    const { device, server, up, down } = world;
    for (const event of deviceEvents) {
      const isAgain = event === 'cancel' && device === 'cancelling';
      const next = isAgain ? device : moves[device][event];
      if (next && up.length < inFlightMax) visit({ ...world, device: next, up: [...up, event] });
    }
    for (const event of serverEvents) {
      const next = moves[server][event];
      if (next && down.length < inFlightMax)
        visit({ ...world, server: next, down: [...down, event] });
    }
    const [arrived, ...restUp] = up;
    if (arrived) visit({ ...world, server: arrival('server', world, arrived), up: restUp });
    const [heard, ...restDown] = down;
    if (heard) visit({ ...world, device: arrival('device', world, heard), down: restDown });
  }
  const listed = (kind: string, table: typeof moves | typeof late): string[] =>
    sessionStates.flatMap((state) =>
      Object.keys(table[state]).map((event) => `${kind} ${event} in ${state}`),
    );
  return {
    worldCount: worlds.size,
    faults: [...faults],
    unusedMoves: listed('move', moves).filter((name) => !used.has(name)),
    unusedLate: listed('late', late).filter((name) => !used.has(name)),
  };
}
