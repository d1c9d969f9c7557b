// What a key grants whoever shows it: a stable id, and how much at once. The secret itself is never part of it, so a
// grant may be logged and counted.

/** What one key may use, whatever number of connections show it; null: what the server gives every key. */
export interface KeyLimits {
  /** Sessions that are not closed; those that wait for a resumption count. */
  readonly sessions: number | null;
  /** Sessions in one pass of the target; the others wait their turn. */
  readonly rounds: number | null;
  /** Tokens that the target judges or writes for it in a minute: rows, tested drafts included; not those of prompts. */
  readonly tokensPerMinute: number | null;
  /** Tokens of one prompt. */
  readonly promptTokens: number | null;
  /** Bytes of frames in a minute, both ways. */
  readonly bytesPerMinute: number | null;
}

/** What a key may do beside asking for text: `stats` reads what is counted of everybody. */
export const rights = ['stats'] as const;
export type Right = (typeof rights)[number];

/** What a key grants; no secret, so that it may be logged and counted. */
export interface KeyGrant {
  /** Names the key for ever, in files, logs and statistics; tells nothing of the secret. */
  readonly id: string;
  readonly limits: KeyLimits;
  /** Absent: none. */
  readonly may?: readonly Right[];
}

export const unlimited: KeyLimits = {
  sessions: null,
  rounds: null,
  tokensPerMinute: null,
  promptTokens: null,
  bytesPerMinute: null,
};
