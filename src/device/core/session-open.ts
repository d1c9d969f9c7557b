// Builds the frame that brings an answer to a server: Open for a new session, Resume for one the
// server may still hold. Or says why the server cannot take it.

import { PilotfishError } from '../../base/error.js';
import { samplingRequestOf } from '../../math/sampling-request.js';
import { schemeTraits } from '../../math/scheme.js';
import {
  type DeviceFrame,
  type EndReason,
  isOffered,
  type Mode,
  modeTraits,
  type TrafficShaping,
  type Welcome,
} from '../../protocol/frame.js';
import { tokenLogHash } from '../../protocol/token-log-hash.js';
import {
  versionOfFormats,
  versionOfHints,
  versionOfPictures,
  versionOfShaping,
} from '../../protocol/version.js';
import type { DeviceSession } from './device-session.js';
import type { SessionView } from './session-view.js';

/** The mode on this server: an older one runs `race` for `auto`, or streams to a device alone. */
function modeOn({ request, settings }: SessionView, { modes, version }: Welcome): Mode {
  const { mode } = request;
  const isKnown = modes.includes(mode) && version >= modeTraits[mode].since;
  if (mode !== 'auto' || isKnown) return mode;
  return settings.drafter === null ? 'stream' : 'race';
}

/** Why this server does not verify as the answer asks for, or null. */
export function misfitOf(view: SessionView, welcome: Welcome): PilotfishError | null {
  const { request } = view;
  const { scheme } = request;
  const { schemes, modes } = welcome;
  const mode = modeOn(view, welcome);
  if (schemes.includes(scheme) && modes.includes(mode) && isOffered(scheme, mode)) return null;
  const offer = `schemes ${schemes.join(', ')}; modes ${modes.join(', ')}`;
  return refused(`scheme ${scheme} in mode ${mode}: the server offers ${offer}`);
}

/** Why this server is too old, or null: it would ignore fields that it does not know. */
export function tooNewFor(
  { request, settings }: SessionView,
  { version, seesPictures }: Welcome,
): PilotfishError | null {
  if ((request.pictures?.length ?? 0) > 0 && !(version >= versionOfPictures && seesPictures)) {
    return new PilotfishError('picture-unseen', 'the model of this server takes no pictures');
  }
  const { padBytes, aggregateMs } = settings.shaping;
  if (padBytes + aggregateMs > 0 && version < versionOfShaping) {
    return refused(
      `padding and aggregation need version ${versionOfShaping}, the server speaks ${version}`,
    );
  }
  const { schema, topLogprobs } = samplingRequestOf(request);
  const isFormatted = schema !== null || topLogprobs !== null;
  if (!isFormatted || version >= versionOfFormats) return null;
  return refused(
    `formats and log-probabilities need version ${versionOfFormats}, the server speaks ${version}`,
  );
}

const refused = (message: string): PilotfishError => new PilotfishError('server-refused', message);

/**
 * Why no token may follow the committed ones, or null. The verdict that said so may have been lost
 * with its server, and another session would have nothing to do.
 */
export function endReasonOf(view: SessionView, contextLength: number): EndReason | null {
  const { text, settings } = view;
  if (text === null) return null;
  const { log, promptLength } = text;
  if (log.length > promptLength && settings.endOfText.has(log.at(log.length - 1))) {
    return 'end-of-text';
  }
  if (log.length >= view.endMax) return 'length';
  return log.length > promptLength && log.length >= contextLength ? 'context' : null;
}

/** @param id of the session on this connection. @param shaping asked of the server. */
export function openFrame(
  session: DeviceSession,
  id: number,
  welcome: Welcome,
  shaping: TrafficShaping,
): DeviceFrame {
  const { request, text } = session;
  const { scheme, tokensMax, windowMax, cut } = request;
  return {
    kind: 'open',
    session: id,
    // Pictures have their places in messages. Their model's template is the same everywhere.
    prompt:
      text === null || session.pictures.count > 0
        ? request.prompt
        : { kind: 'ids', ids: text.log.slice(0, text.promptLength) },
    answer: text === null ? new Int32Array(0) : text.log.slice(text.promptLength),
    ...samplingRequestOf(request),
    scheme,
    mode: modeOn(session, welcome),
    tokensMax,
    windowMax: Math.min(windowMax, welcome.limits.windowTokens),
    cut: schemeTraits[scheme].residualBy === 'device' ? cut : null,
    wantsHints: session.draftPlanner.usesHints && welcome.version >= versionOfHints,
    ...session.pictures.open(session.link.pictures),
    ...shaping,
  };
}

export function resumeFrame(session: DeviceSession, id: number): DeviceFrame {
  const committedLength = session.sharedLength;
  return {
    kind: 'resume',
    session: id,
    resumeKey: session.resumeKey!,
    committedLength,
    logHash: tokenLogHash(session.text!.log.slice(0, committedLength)),
  };
}
