// What a key grants whoever shows it: a stable id, and how much at once. The secret itself is never part of it, so a
// grant may be logged and counted.

/** What one key may use, whatever number of connections show it; null: as much as there is. */
export interface KeyLimits {
  /** Sessions that are open at once. */
  readonly sessions: number | null;
  /** Rounds that wait for a verdict at once. */
  readonly rounds: number | null;
  /** Tokens that the target judges or writes for it in a minute. */
  readonly tokensPerMinute: number | null;
  /** Tokens of one prompt. */
  readonly promptTokens: number | null;
  /** Bytes of frames in a minute, both ways. */
  readonly bytesPerMinute: number | null;
}

export interface KeyGrant {
  /** Names the key for ever, in files, logs and statistics; tells nothing of the secret. */
  readonly id: string;
  readonly limits: KeyLimits;
}

export const unlimited: KeyLimits = {
  sessions: null,
  rounds: null,
  tokensPerMinute: null,
  promptTokens: null,
  bytesPerMinute: null,
};
