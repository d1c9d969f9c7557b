// Works out what a verdict means for a device: which tokens become final, where they came from, and
// how much of the chain still stands. A pure function; frame.ts describes the protocol's side at
// Verdict.

import type { DraftedToken } from '../../engine/engine.js';
import type { TokenLogprobs } from '../../math/logprobs.js';
import type { Resumed, Verdict } from '../../protocol/frame.js';
import type { TokenOrigin } from './token.js';

/** The committed tokens, prompt included. */
export interface Committed {
  readonly length: number;
  at(position: number): number;
}

/** Drafted tokens that follow the committed ones without a gap, all of one epoch. */
export interface Chain {
  readonly epoch: number;
  readonly tokens: readonly DraftedToken[];
  /** The first so many of them have been sent: on these a verdict may build. */
  readonly sentCount: number;
}

export interface CommittedToken {
  readonly token: number;
  readonly origin: Exclude<TokenOrigin, 'provisional'>;
  /** Where the server has told them. */
  readonly logprobs?: TokenLogprobs;
}

export type Reconciliation =
  /** The server contradicts itself or builds on what this device never said. */
  | { readonly kind: 'fault'; readonly message: string }
  | {
      readonly kind: 'commit';
      /** In order, from the committed length on. */
      readonly tokens: readonly CommittedToken[];
      /** Of the chain's first tokens, how many have become committed. */
      readonly matchedCount: number;
      /** Whether the chain disagrees with a committed token; all of it from there on is void. */
      readonly isContradicted: boolean;
      /** Tokens at the end of the chain that still follow the committed ones. */
      readonly keptCount: number;
    };

/**
 * Weighs a verdict or a resumption against what the device holds. Repeats and overlaps change
 * nothing.
 *
 * @param said the frame; a verdict's law is not looked at.
 */
export function reconcile(
  committed: Committed,
  chain: Chain,
  said: Verdict | Resumed,
): Reconciliation {
  const fault = faultOf(committed, chain, said);
  if (fault !== null) return { kind: 'fault', message: fault };
  const { length } = committed;
  const newLength = Math.max(length, said.from + said.tokens.length);
  const tokens: CommittedToken[] = [];
  for (let position = length; position < newLength; position++) {
    const isOwn = position < said.from;
    const logprobs = logprobsAt(said, position);
    tokens.push({
      ...(isOwn
        ? { token: chain.tokens[position - length]!.token, origin: 'drafted' }
        : { token: said.tokens[position - said.from]!, origin: originOf(said, position) }),
      ...(logprobs && { logprobs }),
    });
  }
  const matchedCount = matchLength(chain, tokens);
  const isContradicted = matchedCount < Math.min(chain.tokens.length, tokens.length);
  const keptCount = isContradicted ? 0 : chain.tokens.length - matchedCount;
  return { kind: 'commit', tokens, matchedCount, isContradicted, keptCount };
}

function faultOf(
  committed: Committed,
  chain: Chain,
  { kind, epoch, from, tokens }: Verdict | Resumed,
): string | null {
  const { length } = committed;
  if (from > length) {
    if (kind === 'resumed') return `resumed from ${from}, not from the ${length} tokens told`;
    if (epoch !== chain.epoch || from > length + chain.sentCount) {
      return `verdict from ${from} of epoch ${epoch} builds on drafts beyond ${length} that are not there`;
    }
  }
  const overlap = Math.min(length - from, tokens.length);
  for (let index = 0; index < overlap; index++) {
    const held = committed.at(from + index);
    if (held !== tokens[index]) {
      return `token ${tokens[index]} at ${from + index} contradicts the committed ${held}`;
    }
  }
  return null;
}

/** A frame tells those of the last tokens that it commits. */
function logprobsAt(
  { from, tokens, logprobs }: Verdict | Resumed,
  position: number,
): TokenLogprobs | undefined {
  return logprobs?.[position - (from + tokens.length - logprobs.length)];
}

/** Leading tokens of the chain that equal the committed ones. */
function matchLength(chain: Chain, tokens: readonly CommittedToken[]): number {
  const shared = Math.min(chain.tokens.length, tokens.length);
  let count = 0;
  while (count < shared && chain.tokens[count]!.token === tokens[count]!.token) count++;
  return count;
}

/** The last token of a verdict that tested drafts is its final one; others came from steps. */
function originOf(said: Verdict | Resumed, position: number): CommittedToken['origin'] {
  if (said.kind === 'resumed') return 'target';
  const isLast = position === said.from + said.tokens.length - 1;
  if (!isLast || said.acceptedCount + said.rejectedCount === 0) return 'target';
  return said.rejectedCount > 0 ? 'residual' : 'bonus';
}
