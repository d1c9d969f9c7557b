// Defines the legal moves of a connection outside its sessions: the handshake, draining, the end.
// Same form as session-state.ts. The shells handle sockets, silence and time.

import { assert } from '../base/assert.js';
import { type WireFault, wireFault } from './code.js';
import { type Frame, sessionOf } from './frame.js';

export const connectionStates = [
  /** Nothing was sent. */
  'fresh',
  /** Hello was sent. */
  'greeting',
  'ready',
  /** The server takes no new sessions here. */
  'draining',
  /** A failure of the connection was sent; the transport closes after it. */
  'failed',
] as const;
export type ConnectionState = (typeof connectionStates)[number];

export const connectionEvents = [
  'hello',
  'welcome',
  /** Open and Resume. */
  'new-session',
  /** Any other frame of a session. */
  'session',
  'ping',
  'pong',
  'drain',
  /** A Failure without session. */
  'failure',
] as const;
export type ConnectionEvent = (typeof connectionEvents)[number];

type Moves = { readonly [event in ConnectionEvent]?: ConnectionState };

/** Legal moves at both ends. */
export const connectionMoves: { readonly [state in ConnectionState]: Moves } = {
  fresh: { hello: 'greeting', failure: 'failed' },
  greeting: { welcome: 'ready', failure: 'failed' },
  ready: {
    'new-session': 'ready',
    session: 'ready',
    ping: 'ready',
    pong: 'ready',
    drain: 'draining',
    failure: 'failed',
  },
  draining: {
    session: 'draining',
    ping: 'draining',
    pong: 'draining',
    // With newer advice.
    drain: 'draining',
    failure: 'failed',
  },
  failed: {},
};

/**
 * An Open or Resume that crossed Drain is late: the server answers it with the session failure
 * `server-busy`. Frames that crossed a failure of the connection are dropped.
 */
const late: { readonly [state in ConnectionState]: readonly ConnectionEvent[] } = {
  fresh: [],
  greeting: [],
  ready: [],
  draining: ['new-session'],
  failed: connectionEvents,
};

export type ConnectionReception =
  | { readonly kind: 'move'; readonly state: ConnectionState }
  | { readonly kind: 'late' }
  | { readonly kind: 'fault'; readonly fault: WireFault };

/** The event of a frame for its connection. */
export function connectionEventOf(frame: Frame): ConnectionEvent {
  switch (frame.kind) {
    case 'hello':
    case 'welcome':
    case 'ping':
    case 'pong':
    case 'drain':
      return frame.kind;
    case 'open':
    case 'resume':
      return 'new-session';
    default:
      return frame.kind === 'failure' && sessionOf(frame) === null ? 'failure' : 'session';
  }
}

/** The state after sending; an illegal move fails an assertion. */
export function connectionStateAfterSending(
  state: ConnectionState,
  event: ConnectionEvent,
): ConnectionState {
  const next = connectionMoves[state][event];
  assert(next !== undefined, `sending ${event} in connection state ${state}`);
  return next;
}

/** The effect of a received frame on its connection. */
export function receiveOnConnection(
  state: ConnectionState,
  event: ConnectionEvent,
): ConnectionReception {
  const next = connectionMoves[state][event];
  if (next !== undefined) return { kind: 'move', state: next };
  if (late[state].includes(event)) return { kind: 'late' };
  const message = `${event} in connection state ${state}`;
  return { kind: 'fault', fault: wireFault('frame-unexpected', message, null) };
}
