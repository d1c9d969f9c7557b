// Grows and moves the chain of an answer: carries out the draft planner's orders, takes what was
// drafted, and follows the committed tokens along the chain or onto a branch.

import { assert } from '../../base/assert.js';
import { tested } from '../../engine/judge-drafts.js';
import { schemeTraits } from '../../math/scheme.js';
import type { DraftChain } from './draft-chain.js';
import type { DraftPlanner } from './drafting/draft-planner.js';
import { type DraftRunner, sequenceText } from './drafting/draft-runner.js';
import type { SpeculationGate } from './drafting/speculation-gate.js';
import type { Timings } from './drafting/timings.js';
import type { SequenceToken } from './event.js';
import type { Commit } from './reconcile.js';
import type { SessionTextView, SessionView } from './session-view.js';
import type { AnswerTally } from './statistics.js';

/** An answer that may be drafted for. */
export interface DraftedSession extends SessionView {
  readonly text: (SessionTextView & { readonly chain: DraftChain }) | null;
  readonly timings: Timings;
  readonly tally: AnswerTally;
  readonly drafting: DraftRunner;
  readonly draftPlanner: DraftPlanner;
  readonly speculationGate: SpeculationGate;
}

/** Asks the planner for the next run, and starts it. */
export function planDrafts(session: DraftedSession, nowMs: number): void {
  const { text, drafting, tally } = session;
  if (text === null || session.settings.drafter === null) return;
  const action = session.draftPlanner.plan(session, nowMs);
  if (action.kind === 'keep') {
    drafting.drop(action.unwanted);
    return;
  }
  drafting.stop();
  if (action.kind === 'stop') return;
  const texts = action.grows.map((grows) => sequenceText(text, grows));
  tally.draftStartCount++;
  drafting.start(action.run, session.request.scheme, texts, nowMs);
}

/**
 * A pass of the drafter has brought tokens.
 *
 * @throws InvariantError where the drafter has left out what the scheme tests.
 */
export function growChain(
  session: DraftedSession,
  run: number,
  tokens: readonly SequenceToken[],
  nowMs: number,
): void {
  const { text, tally } = session;
  if (text === null) return;
  const grown = session.drafting.take(run, tokens, session.timings, nowMs);
  if (grown.length === 0) return;
  if (schemeTraits[session.request.scheme].test === 'ratio') {
    for (const { token } of grown) tested(token.law && token.prob);
  }
  tally.draftPassCount++;
  tally.draftedCount += grown.length;
  session.speculationGate.drafted(grown.length);
  for (const { grows, token } of grown) {
    if (grows === 'chain') text.chain.push(token, session.isAwaiting);
    else if (grows === 'nothing') tally.wastedCount++;
  }
  session.draftPlanner.drafted(grown);
}

/** Moves the chain along tokens that have been committed, or onto a branch that matches them. */
export function followCommit(session: DraftedSession, commit: Commit, nowMs: number): void {
  const { tally, draftPlanner } = session;
  const { log, chain } = session.text!;
  const { tokens, matchedCount, isContradicted, keptCount } = commit;
  const { end } = chain;
  const firstVoid = chain.base + matchedCount;
  // Whether the chain reached the last committed token, and whether it stood there.
  if (tokens.length > 0 && (isContradicted || end >= log.length)) {
    tally.chainTestedCount++;
    if (!isContradicted) tally.chainSurvivedCount++;
  }
  draftPlanner.learn(session, firstVoid);
  const update = chain.advance(log.length, matchedCount, !isContradicted);
  tally.keptCount += matchedCount;
  tally.aheadUsedCount += update.usedAheadCount;
  tally.wastedCount += update.wastedCount;
  session.timings.addTests(matchedCount, isContradicted ? 1 : 0);
  const isOvertaken = keptCount === 0 && log.length > end;
  if (isContradicted || isOvertaken) turn(session, Math.min(firstVoid, end), nowMs);
  else if (tokens.length > 0) {
    draftPlanner.advance(session, nowMs);
    session.drafting.onCommit();
  }
}

/** Replaces the empty chain by a branch that matches. @param firstVoid where the chain failed. */
function turn(session: DraftedSession, firstVoid: number, nowMs: number): void {
  const { drafting, tally } = session;
  const { chain } = session.text!;
  assert(chain.length === 0, `a new chain after one of ${chain.length} tokens`);
  const adoption = session.draftPlanner.settle(session, firstVoid, nowMs);
  const isRunning = adoption !== null && drafting.growths.includes(adoption.branch);
  if (!isRunning) drafting.restart(firstVoid);
  if (adoption === null) return;
  const { branch, committedCount, tokens, isWhole } = adoption;
  for (const token of tokens) chain.push(token, true);
  tally.keptCount += committedCount;
  if (isRunning && isWhole) drafting.promote(branch);
  else if (isRunning) drafting.restart(branch.position);
  if (branch.isClosed && isWhole) drafting.exhaust();
}
