// Defines the states, events and moves of a session in one table for both ends. Each end applies it
// to frames it sends and receives. A frame that was in flight when the other end moved on is late,
// not wrong. Holds no session: the caller keeps the state.

import { assert } from '../base/assert.js';
import { type WireFault, wireFault } from './code.js';
import { type Frame, sessionOf } from './frame.js';

export const sessionStates = [
  /** The id was never used. */
  'unused',
  /** Open was sent or waits for room. */
  'opening',
  /** Resume was sent. */
  'resuming',
  'open',
  /** `split`: a verdict carried a law; the device must send the token it draws from it. */
  'residual-due',
  /** Cancel was sent; the last verdict has not arrived. */
  'cancelling',
  /**
   * The last verdict or a failure was sent; the server keeps the log for a resumption until Close.
   */
  'ended',
  /** The device has closed it. */
  'closed',
] as const;
export type SessionState = (typeof sessionStates)[number];

export const deviceEvents = [
  'open',
  'picture-part',
  'resume',
  'draft',
  /** A Draft with the residual token that is due. */
  'residual',
  'tail-request',
  'cancel',
  'close',
] as const;
export const serverEvents = [
  'pictures-wanted',
  'opened',
  'resumed',
  'hint',
  'verdict',
  /** A Verdict with a law. */
  'verdict-law',
  /** A Verdict that ends the session. */
  'verdict-end',
  'tail',
  'failure',
] as const;
export type DeviceFrameEvent = (typeof deviceEvents)[number];
export type ServerFrameEvent = (typeof serverEvents)[number];
export type SessionEvent = DeviceFrameEvent | ServerFrameEvent;

type Moves = { readonly [event in SessionEvent]?: SessionState };

/** Legal moves, at both ends, for frames sent and received. All others are illegal or late. */
export const moves: { readonly [state in SessionState]: Moves } = {
  unused: { open: 'opening', resume: 'resuming' },
  // Drafts may follow Open at once: a device that sends ids knows where the prompt ends.
  opening: {
    'picture-part': 'opening',
    'pictures-wanted': 'opening',
    draft: 'opening',
    opened: 'open',
    failure: 'ended',
    cancel: 'cancelling',
    close: 'closed',
  },
  resuming: { resumed: 'open', failure: 'ended', close: 'closed' },
  open: {
    draft: 'open',
    hint: 'open',
    verdict: 'open',
    'verdict-law': 'residual-due',
    'verdict-end': 'ended',
    failure: 'ended',
    cancel: 'cancelling',
    close: 'closed',
  },
  'residual-due': {
    residual: 'open',
    'tail-request': 'residual-due',
    tail: 'residual-due',
    'verdict-end': 'ended',
    failure: 'ended',
    cancel: 'cancelling',
    close: 'closed',
  },
  cancelling: { 'verdict-end': 'ended', failure: 'ended', close: 'closed' },
  ended: { close: 'closed' },
  closed: {},
};

/** Treatment of a late frame: apply it, or drop it. The state stays. */
export type LateUse = 'take' | 'drop';
type Late = { readonly [event in SessionEvent]?: LateUse };

/** Frames that crossed the one which changed this end's state. For received frames only. */
export const late: { readonly [state in SessionState]: Late } = {
  unused: {},
  opening: {},
  resuming: {},
  // A tail that was asked for twice; pictures that the server turned out to have.
  open: { tail: 'drop', 'picture-part': 'drop' },
  // Drafts of the chain that the verdict discarded.
  'residual-due': { draft: 'drop', 'picture-part': 'drop' },
  // Verdicts commit their tokens, cancelled or not.
  cancelling: {
    'pictures-wanted': 'drop',
    opened: 'take',
    verdict: 'take',
    'verdict-law': 'take',
    hint: 'drop',
    tail: 'drop',
    // A second one changes nothing.
    cancel: 'drop',
  },
  ended: {
    'picture-part': 'drop',
    draft: 'drop',
    residual: 'drop',
    'tail-request': 'drop',
    cancel: 'drop',
  },
  closed: {
    'pictures-wanted': 'drop',
    opened: 'drop',
    resumed: 'drop',
    hint: 'drop',
    verdict: 'drop',
    'verdict-law': 'drop',
    'verdict-end': 'drop',
    tail: 'drop',
    failure: 'drop',
  },
};

export type Reception =
  | { readonly kind: 'move'; readonly state: SessionState }
  | { readonly kind: 'late'; readonly use: LateUse }
  | { readonly kind: 'fault'; readonly fault: WireFault };

/**
 * The event of a frame for its session, or null for a frame of the connection.
 *
 * @param committedLength of this end. A draft sent again may carry a residual token that is already
 *   committed; it counts as a plain draft.
 */
export function eventOf(frame: Frame, committedLength: number): SessionEvent | null {
  if (sessionOf(frame) === null) return null;
  switch (frame.kind) {
    case 'hello':
    case 'welcome':
    case 'drain':
    case 'ping':
    case 'pong':
      return null;
    case 'draft':
      return frame.residual === null || frame.from <= committedLength ? 'draft' : 'residual';
    case 'verdict':
      if (frame.end !== null) return 'verdict-end';
      return frame.law === null ? 'verdict' : 'verdict-law';
    default:
      return frame.kind;
  }
}

/** The state after sending; an illegal move fails an assertion. */
export function stateAfterSending(state: SessionState, event: SessionEvent): SessionState {
  const next = moves[state][event];
  assert(next !== undefined, `sending ${event} in state ${state}`);
  return next;
}

/**
 * The effect of a received frame on its session.
 *
 * @param session named in the fault `session-state`.
 */
export function receive(state: SessionState, event: SessionEvent, session: number): Reception {
  const next = moves[state][event];
  if (next !== undefined) return { kind: 'move', state: next };
  const use = late[state][event];
  if (use !== undefined) return { kind: 'late', use };
  const code = state === 'unused' ? 'session-unknown' : 'session-state';
  return { kind: 'fault', fault: wireFault(code, `${event} in state ${state}`, session) };
}
