// Moves a session from state to state: a function for each thing that can happen, from the state
// before to the state after. Pure. What cannot happen in a state is our mistake and throws; what
// means nothing to a state leaves it as it is.

import { assert } from '../../base/assert.js';
import type { EndReason } from '../../protocol/frame.js';
import type { AfterPass } from './commit-outcome.js';
import {
  type AttachedDevice,
  type DetachedDevice,
  type InFlightSegment,
  type PassTimes,
  type SessionDevice,
  type SessionStatus,
  statusMoves,
} from './session-status.js';

/** A state that the table allows after another. */
function move(from: SessionStatus, to: SessionStatus): SessionStatus {
  const isLegal = statusMoves[from.kind].includes(to.kind);
  assert(isLegal, `a session goes from ${from.kind} to ${to.kind}`);
  return to;
}

/**
 * The first state.
 *
 * @param end why no token may follow the text that the session begins with, or null.
 */
export function newStatus(device: AttachedDevice, end: EndReason | null): SessionStatus {
  return end === null
    ? { kind: 'waiting', device, phase: 'prefill', isSuspect: false }
    : { kind: 'ended', device, reason: end };
}

export function passStarted(status: SessionStatus, segment: InFlightSegment): SessionStatus {
  assert(status.kind === 'waiting', `a pass for a session that is ${status.kind}`);
  const { device, phase } = status;
  return move(status, { kind: 'in-pass', device, phase, segment, isInvalid: false });
}

/** @param after what follows from the outcome. @param wasJudged whether rows were asked for. */
export function passEnded(
  status: SessionStatus,
  { end, due }: AfterPass,
  wasJudged: boolean,
): SessionStatus {
  if (status.kind === 'cancelling') {
    const { device } = status;
    return move(status, { kind: 'ended', device, reason: end ?? 'cancelled' });
  }
  assert(status.kind === 'in-pass', `a pass ends for a session that is ${status.kind}`);
  const { device, phase } = status;
  if (end !== null) return move(status, { kind: 'ended', device: upToDate(device), reason: end });
  if (due !== null) return move(status, { kind: 'law-due', device: upToDate(device), due });
  const next = wasJudged ? 'decode' : phase;
  return move(status, { kind: 'waiting', device, phase: next, isSuspect: false });
}

export function passFailed(status: SessionStatus): SessionStatus {
  switch (status.kind) {
    case 'in-pass': {
      const { device, phase } = status;
      return move(status, { kind: 'waiting', device, phase, isSuspect: true });
    }
    case 'cancelling':
      return move(status, { kind: 'ended', device: status.device, reason: 'cancelled' });
    default:
      return status;
  }
}

/** An operation on the slot has failed: what a pass computes there is worth nothing. */
export function slotFailed(status: SessionStatus): SessionStatus {
  const isComputing = status.kind === 'in-pass' || status.kind === 'cancelling';
  return isComputing ? { ...status, isInvalid: true } : status;
}

/**
 * The slot was given to another session. This one would take it back at once if it still wanted its
 * prompt computed.
 */
export function evicted(status: SessionStatus): SessionStatus {
  return status.kind === 'waiting' ? { ...status, phase: 'decode' } : status;
}

/**
 * The device has sent the token drawn from the law that was due.
 *
 * @param end why no token may follow it, or null.
 */
export function residualCommitted(status: SessionStatus, end: EndReason | null): SessionStatus {
  assert(status.kind === 'law-due', `a residual token for a session that is ${status.kind}`);
  const { device } = status;
  if (end !== null) return move(status, { kind: 'ended', device, reason: end });
  return move(status, { kind: 'waiting', device, phase: 'decode', isSuspect: false });
}

export function withCancel(status: SessionStatus): SessionStatus {
  switch (status.kind) {
    case 'waiting':
    case 'law-due':
      return move(status, {
        kind: 'ended',
        device: upToDate(status.device),
        reason: 'cancelled',
      });
    case 'in-pass': {
      const { segment, isInvalid, device } = status;
      return move(status, { kind: 'cancelling', device: upToDate(device), segment, isInvalid });
    }
    default:
      return status;
  }
}

export function forgotten(status: SessionStatus): SessionStatus {
  return status.kind === 'forgotten' ? status : move(status, { kind: 'forgotten' });
}

/** Another device, none, or the same in another state on the wire. Nothing is deferred for it. */
export function withDevice(
  status: SessionStatus,
  device: AttachedDevice | DetachedDevice,
): SessionStatus {
  assert(status.kind !== 'forgotten', 'a device for a session that is forgotten');
  return { ...status, device };
}

/** A verdict is kept back, because the device reads slowly. */
export function deferred(status: SessionStatus, times: PassTimes): SessionStatus {
  const goesOn = status.kind === 'waiting' || status.kind === 'in-pass';
  assert(goesOn, `a verdict is deferred for a session that is ${status.kind}`);
  const { device } = status;
  assert(device.kind !== 'detached', 'a verdict is deferred for no device');
  return { ...status, device: { kind: 'slow', address: device.address, wire: 'open', times } };
}

/** A device that the next verdict brings up to date: none is deferred any more. */
function upToDate(device: SessionDevice): AttachedDevice | DetachedDevice {
  if (device.kind !== 'slow') return device;
  const { address, wire } = device;
  return { kind: 'attached', address, wire };
}
