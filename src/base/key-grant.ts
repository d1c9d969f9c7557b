// Describes the grant of an API key: a stable id and limits. The secret is never part of it, so a
// grant may be logged and counted.

/** Limits of one key over all its connections; null: the server's default for keys. */
export interface KeyLimits {
  /** Connections of devices at once. */
  readonly connections: number | null;
  /** Open sessions. Sessions that wait to be resumed count too. */
  readonly sessions: number | null;
  /** Sessions in one pass of the target; the others wait their turn. */
  readonly rounds: number | null;
  /** Rows of the target in a minute: tokens it judges or writes. Prompts do not count. */
  readonly tokensPerMinute: number | null;
  /** Tokens of one prompt. */
  readonly promptTokens: number | null;
  /** Bytes of frames in a minute, both directions together, and 128 more for each frame. */
  readonly bytesPerMinute: number | null;
}

/** Rights beyond generation. `stats`: read the statistics of all keys. */
export const rights = ['stats'] as const;
export type Right = (typeof rights)[number];

/** The grant of a key. Holds no secret, so it may be logged and counted. */
export interface KeyGrant {
  /** Permanent name of the key in files, logs and statistics. Reveals nothing of the secret. */
  readonly id: string;
  readonly limits: KeyLimits;
  /** Absent: no rights. */
  readonly may?: readonly Right[];
}

export const unlimited: KeyLimits = {
  connections: null,
  sessions: null,
  rounds: null,
  tokensPerMinute: null,
  promptTokens: null,
  bytesPerMinute: null,
};
