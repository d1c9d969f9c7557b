// Works out what a verdict means for a device: which tokens become final, where they came from, and
// how much of the chain still stands. A pure function; frame.ts describes the protocol's side at
// Verdict.

import type { TokenLogprobs } from '../../math/logprobs.js';
import type { Resumed, Verdict } from '../../protocol/frame.js';
import type { ChainView } from './draft-chain.js';
import type { TokenOrigin } from './token.js';

/** The committed tokens, prompt included. */
export interface Committed {
  readonly length: number;
  at(position: number): number;
}

/** A chain whose sent tokens a verdict may build on. */
type SentChain = Pick<ChainView, 'length' | 'sentTo' | 'epoch' | 'at'>;

export interface CommittedToken {
  readonly token: number;
  readonly origin: Exclude<TokenOrigin, 'provisional'>;
  /** Where the server has told them. */
  readonly logprobs?: TokenLogprobs;
}

export interface Commit {
  readonly kind: 'commit';
  /** In order, from the committed length on. */
  readonly tokens: readonly CommittedToken[];
  /** Of the chain's first tokens, how many have become committed. */
  readonly matchedCount: number;
  /** Whether the chain disagrees with a committed token; all of it from there on is void. */
  readonly isContradicted: boolean;
  /** Tokens at the end of the chain that still follow the committed ones. */
  readonly keptCount: number;
}

/** Fault: the server contradicts itself or builds on what this device never said. */
export type Reconciliation = { readonly kind: 'fault'; readonly message: string } | Commit;

/** Compares a verdict, without its law, or a resumption with what the device holds. */
export function reconcile(
  committed: Committed,
  chain: SentChain,
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
        ? { token: chain.at(position)!.token, origin: 'drafted' }
        : { token: said.tokens[position - said.from]!, origin: originOf(said, position) }),
      ...(logprobs && { logprobs }),
    });
  }
  const differs = tokens.findIndex(({ token }, index) => chain.at(length + index)?.token !== token);
  const matchedCount = differs < 0 ? tokens.length : differs;
  const isContradicted = matchedCount < Math.min(chain.length, tokens.length);
  const keptCount = isContradicted ? 0 : chain.length - matchedCount;
  return { kind: 'commit', tokens, matchedCount, isContradicted, keptCount };
}

function faultOf(
  committed: Committed,
  chain: SentChain,
  { kind, epoch, from, tokens }: Verdict | Resumed,
): string | null {
  const { length } = committed;
  if (from > length) {
    if (kind === 'resumed') return `resumed from ${from}, not from the ${length} tokens told`;
    if (epoch !== chain.epoch || from > chain.sentTo) {
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

/** The last token of a verdict that tested drafts is its final one; others came from steps. */
function originOf(said: Verdict | Resumed, position: number): CommittedToken['origin'] {
  if (said.kind === 'resumed') return 'target';
  const isLast = position === said.from + said.tokens.length - 1;
  if (!isLast || said.acceptedCount + said.rejectedCount === 0) return 'target';
  return said.rejectedCount > 0 ? 'residual' : 'bonus';
}
