// Lists the wire codes: the reasons why one end terminates a session or a connection. A Failure
// frame carries a code by number; a connection that ends for it is closed with 4000 + number.
// PROTOCOL.md prints this table.

import type { ErrorCode } from '../base/error.js';

/** The meaning of a wire code. */
export interface CodeEntry {
  /** On the wire, in [1, 99]. Never reused for another meaning. */
  readonly number: number;
  /** Scope of the end. A session code in a frame without session ends the connection. */
  readonly ends: 'session' | 'connection';
  /** For the HTTP API and for a refused upgrade. */
  readonly httpStatus: number;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** The code of base/error.ts under which a device reports it; null: none fits. */
  readonly error: ErrorCode | null;
  /** One sentence: what happened. */
  readonly meaning: string;
  /** One sentence: how the user can fix it. */
  readonly remedy: string;
}

type CodeFacts = readonly [
  number: number,
  ends: CodeEntry['ends'],
  httpStatus: number,
  again: 'retry' | 'final',
  error: ErrorCode | null,
];

const entry = (
  [number, ends, httpStatus, again, error]: CodeFacts,
  meaning: string,
  remedy: string,
): CodeEntry => ({
  ...{ number, ends, httpStatus, error, meaning, remedy },
  retryable: again === 'retry',
});

/** Every code a Failure may carry. Connection codes come first; the numbers leave gaps. */
export const codeTable = {
  'frame-malformed': entry(
    [1, 'connection', 400, 'final', null],
    'A message is not a frame of this protocol.',
    'Encode with the published schema; the message names the place.',
  ),
  'frame-too-large': entry(
    [2, 'connection', 413, 'final', null],
    'A message is longer than the frame limit.',
    'Send shorter drafts, fewer laws or a shorter prompt.',
  ),
  'frame-unexpected': entry(
    [3, 'connection', 400, 'final', null],
    'A frame came in the wrong direction or before its time.',
    'Follow the order of the handshake.',
  ),
  'version-unsupported': entry(
    [4, 'connection', 426, 'final', null],
    'Device and server share no protocol version.',
    'Update the older of the two.',
  ),
  'key-refused': entry(
    [5, 'connection', 401, 'final', null],
    'The server does not accept this key.',
    'Ask the operator of the server for a key.',
  ),
  'vocabulary-mismatch': entry(
    [6, 'connection', 409, 'final', 'vocabulary-mismatch'],
    'Draft and target do not share one vocabulary.',
    'Use a draft model of the same family as the target.',
  ),
  'server-full': entry(
    [7, 'connection', 503, 'retry', 'server-busy'],
    'The server has as many connections as it takes.',
    'Wait as long as the frame says, or try another server.',
  ),
  draining: entry(
    [8, 'connection', 503, 'retry', 'server-busy'],
    'The server is going away.',
    'Connect to an alternative, or wait as long as the frame says.',
  ),
  'too-slow': entry(
    [9, 'connection', 408, 'retry', null],
    'The peer was silent too long, or left messages unread or a long one unfinished.',
    'Connect again and resume.',
  ),
  'server-failed': entry(
    [10, 'connection', 500, 'retry', null],
    'The server hit an error of its own.',
    'Connect again and resume; report it if it stays.',
  ),
  'session-unknown': entry(
    [20, 'session', 404, 'final', null],
    'A frame names a session that was never opened on this connection.',
    'Open or resume the session first.',
  ),
  'session-reused': entry(
    [21, 'session', 409, 'final', null],
    'A session id does not lie above all earlier ones of its connection.',
    'Count session ids upwards.',
  ),
  'session-state': entry(
    [22, 'session', 409, 'final', null],
    'The frame is not legal in the state of its session.',
    'Follow the state table.',
  ),
  'sessions-exhausted': entry(
    [23, 'session', 429, 'retry', 'server-busy'],
    'The connection has as many sessions as it may.',
    'Close one first.',
  ),
  'server-busy': entry(
    [24, 'session', 503, 'retry', 'server-busy'],
    'The server has no room for another session now.',
    'Wait as long as the frame says.',
  ),
  'quota-exceeded': entry(
    [25, 'session', 429, 'retry', 'quota-exceeded'],
    'The key has used up its quota.',
    'Wait as long as the frame says.',
  ),
  'prompt-empty': entry(
    [26, 'session', 400, 'final', 'prompt-empty'],
    'The prompt has no tokens.',
    'Give at least one token; most models also accept their start token alone.',
  ),
  'prompt-too-long': entry(
    [27, 'session', 400, 'final', 'prompt-too-long'],
    'The prompt does not fit the context.',
    'Shorten the prompt.',
  ),
  'sampling-invalid': entry(
    [28, 'session', 400, 'final', 'sampling-invalid'],
    'A sampling parameter is missing or outside its range.',
    'Send every parameter; read the named bound.',
  ),
  'mode-unsupported': entry(
    [29, 'session', 400, 'final', null],
    'The server does not offer this scheme in this mode.',
    'Pick from what Welcome lists; race, auto and co-located need greedy or coupled.',
  ),
  'token-out-of-range': entry(
    [30, 'session', 400, 'final', 'token-out-of-range'],
    'A token id lies outside the vocabulary.',
    'Tokenise with the same model that the server runs.',
  ),
  'law-invalid': entry(
    [31, 'session', 400, 'final', null],
    'A probability or a law is not one.',
    'Send the law the token was drawn from, unrounded, in falling order.',
  ),
  'limit-exceeded': entry(
    [32, 'session', 400, 'final', null],
    'A count or length is above its limit.',
    'Read the named limit.',
  ),
  'window-exceeded': entry(
    [33, 'session', 400, 'final', null],
    'More tokens or drafts are waiting for a verdict than the window allows.',
    'Wait for verdicts before drafting on.',
  ),
  'draft-gap': entry(
    [34, 'session', 400, 'final', null],
    'A draft does not continue the chain of its epoch.',
    'Start at or before the end of the chain; a new epoch starts at or before the committed length.',
  ),
  'draft-contradicts': entry(
    [35, 'session', 400, 'final', null],
    'Two drafts of one epoch disagree about a position, or a draft lacks what its scheme needs.',
    'Raise the epoch to replace a chain.',
  ),
  'epoch-impossible': entry(
    [36, 'session', 400, 'final', null],
    'The epoch is above the number of answers that could have raised it.',
    'Raise the epoch once for each answer that discards drafts.',
  ),
  'residual-invalid': entry(
    [37, 'session', 400, 'final', null],
    'No residual token is due there, or the target law excludes it.',
    'Send one residual token for each law that a verdict brings.',
  ),
  'resume-refused': entry(
    [38, 'session', 404, 'final', null],
    'There is no session with this resume key; it may have expired.',
    'Open a new session with the prompt and the answer so far.',
  ),
  'log-mismatch': entry(
    [39, 'session', 409, 'final', null],
    'The committed tokens of device and server differ.',
    'Open a new session with the prompt and the answer so far.',
  ),
  'session-taken': entry(
    [40, 'session', 409, 'final', null],
    'Another connection has resumed this session.',
    'Nothing to do: the other connection carries on.',
  ),
  'session-expired': entry(
    [41, 'session', 408, 'retry', null],
    'The session was idle too long.',
    'Open a new session with the prompt and the answer so far.',
  ),
  'engine-failed': entry(
    [42, 'session', 500, 'retry', 'engine-failed'],
    'The model failed in the middle of the session.',
    'Open a new session with the prompt and the answer so far.',
  ),
  'format-invalid': entry(
    [43, 'session', 400, 'final', 'format-invalid'],
    'The server cannot follow the schema.',
    'Change the schema where the message says.',
  ),
  'picture-invalid': entry(
    [44, 'session', 400, 'final', 'picture-invalid'],
    'A picture is damaged, of another kind than it takes, or not what was announced.',
    'Send PNG, JPEG or WebP with one frame and 8 bits a colour, and its own SHA-256.',
  ),
  'picture-too-large': entry(
    [45, 'session', 400, 'final', 'picture-too-large'],
    'A picture, or all pictures of a prompt, exceed their limits.',
    'Scale it down, or send fewer.',
  ),
  'picture-unseen': entry(
    [46, 'session', 400, 'final', 'picture-unseen'],
    'The model takes no pictures.',
    'Leave them out, or ask a server whose Welcome says that it sees them.',
  ),
} as const satisfies Record<string, CodeEntry>;

/** Names why a session or a connection was ended: a key of `codeTable`. */
export type WireCode = keyof typeof codeTable;

/** In the order of their numbers. */
export const wireCodes = Object.keys(codeTable) as readonly WireCode[];

const byNumber = new Map<number, WireCode>(
  wireCodes.map((code) => [codeTable[code].number, code] as const),
);

/** The code of a number, or null for one that this version does not know. */
export function codeOfNumber(number: number): WireCode | null {
  return byNumber.get(number) ?? null;
}

/**
 * The WebSocket close code of a wire code: 4000 + its number, in [4001, 4099].
 *
 * @example
 * ```ts
 * import { closeCodeOf } from 'pilotfish/protocol';
 * closeCodeOf('frame-malformed'); // = 4001
 * ```
 */
export function closeCodeOf(code: WireCode): number {
  return closeCodeBase + codeTable[code].number;
}

/**
 * The wire code of a WebSocket close code, or null for any other close code.
 *
 * @example
 * ```ts
 * import { codeOfCloseCode } from 'pilotfish/protocol';
 * codeOfCloseCode(4001); // = 'frame-malformed'
 * ```
 */
export function codeOfCloseCode(closeCode: number): WireCode | null {
  return codeOfNumber(closeCode - closeCodeBase);
}

const closeCodeBase = 4000;

/** A mistake of a peer, as a value; never thrown. */
export interface WireFault {
  readonly code: WireCode;
  /** Names value and bound. */
  readonly message: string;
  /** The session that ends; null: the connection ends. */
  readonly session: number | null;
}

/** A fault. It ends the session, or the connection if the code or the frame says so. */
export function wireFault(code: WireCode, message: string, session: number | null): WireFault {
  return { code, message, session: codeTable[code].ends === 'connection' ? null : session };
}
