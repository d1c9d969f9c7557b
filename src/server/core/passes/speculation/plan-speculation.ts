// Decides, when the target's engine is free: run a pass with the drafts in line, run the server's
// draft model first, or hold for drafts of devices. Maximises expected tokens per millisecond of
// the whole server (MATH.md, "Verify, draft, hold or step"). Pure: no clock, no memory.

import { assert } from '../../../../base/assert.js';
import { arrivedCount, DraftOutlook } from './draft-outlook.js';
import { sharePass } from './pass-shares.js';
import { patienceOf } from './patience.js';
import type {
  DraftArrival,
  HoldShare,
  SpeculationCosts,
  SpeculationPlan,
  SpeculationSession,
  StageShare,
} from './speculation.js';
import { type Prices, pricesOf } from './speculation-prices.js';

/** What the whole choice is worth, in tokens. */
interface Option {
  readonly worth: number;
  readonly plan: () => SpeculationPlan;
}

/** A hold that gains less, as a share of the pass's tokens, is not worth its risk. */
const holdGainMin = 0.01;
/** Ends of a hold that are considered: drafts to wait for with few sessions, times with many. */
const holdCounts = [0, 1, 2, 3, 4, 6, 8, 12, 16, 24];
const holdTimesMany = 4;
const fewSessions = 4;
/** Drafts may be a little late: a share of the time between two, and the clock's resolution. */
const slackShare = 0.1;
const slackMs = 0.05;

/**
 * The best use of the engine now.
 *
 * @param sessions with distinct keys, at least one; all go into the next pass.
 * @param heldMs how long the engine has been held already.
 */
export function planSpeculation(
  sessions: readonly SpeculationSession[],
  costs: SpeculationCosts,
  heldMs: number,
): SpeculationPlan {
  assert(sessions.length > 0, 'no session wants a token');
  const prices = pricesOf(sessions, costs);
  const outlooks = sessions.map(
    (session, index) => new DraftOutlook(session, prices.rates[index]!, prices.usualCount, prices),
  );
  const pass = passOption(outlooks, prices, costs);
  // Drafts of the server's model are not kept waiting: those of the device would be for the same
  // places.
  if (sessions.some(({ modelCount }) => modelCount > 0)) return pass.plan();
  const stage = stageOption(outlooks, prices, costs);
  const hold = holdOption(outlooks, prices, costs, Math.max(pass.worth, stage.worth), heldMs);
  if (hold) return hold.plan();
  return stage.worth > pass.worth ? stage.plan() : pass.plan();
}

function passOption(
  outlooks: readonly DraftOutlook[],
  prices: Prices,
  costs: SpeculationCosts,
): Option {
  let worth = 0;
  for (const outlook of outlooks) worth += outlook.value(0, 0);
  const sessions = outlooks.map(({ session }) => session);
  const plan = (): SpeculationPlan => ({
    kind: 'pass',
    shares: sharePass(sessions, prices.rate, costs.predict),
  });
  return { worth, plan };
}

/**
 * The best number of steps of the draft model, and for each session how many of them it joins. A
 * step costs nearly the same for all that join it.
 */
function stageOption(
  outlooks: readonly DraftOutlook[],
  prices: Prices,
  { draftStepMs }: SpeculationCosts,
): Option {
  const none: Option = { worth: -Infinity, plan: () => assert(false, 'no stage') as never };
  if (prices.modelMax === 0) return none;
  const best = outlooks.map((outlook) => ({ outlook, count: 0, worth: outlook.value(0, 0) }));
  const joinPrice = prices.rate * prices.joinMs;
  const joined: number[] = [];
  let chosen: { worth: number; counts: number[] } | null = null;
  for (let count = 1; count <= prices.modelMax; count++) {
    for (const part of best) {
      const { session } = part.outlook;
      if (count > session.modelMax || session.budgetMs < count * prices.draftMs) continue;
      const worth = part.outlook.value(0, count) - count * joinPrice;
      if (worth > part.worth) {
        for (let step = part.count; step < count; step++) joined[step] = (joined[step] ?? 0) + 1;
        part.count = count;
        part.worth = worth;
      }
    }
    if (!joined[count - 1]) {
      // More may still be worth the price of the first row, which they share.
      if (prices.severalPrice > 0) continue;
      break;
    }
    let worth = 0;
    for (const part of best) worth += part.worth + part.count * joinPrice;
    for (const members of joined) worth -= prices.rate * draftStepMs(members);
    if (chosen === null || worth > chosen.worth) {
      chosen = { worth, counts: best.map((part) => part.count) };
    }
  }
  if (chosen === null) return none;
  const { worth, counts } = chosen;
  return { worth, plan: () => stagePlan(outlooks, prices, counts, draftStepMs) };
}

function stagePlan(
  outlooks: readonly DraftOutlook[],
  prices: Prices,
  counts: readonly number[],
  draftStepMs: (rowCount: number) => number,
): SpeculationPlan {
  const shares: StageShare[] = [];
  const stepCount = Math.max(...counts);
  const members = Array.from(
    { length: stepCount },
    (_, step) => counts.filter((count) => count > step).length,
  );
  for (const [index, { session, wholeChance }] of outlooks.entries()) {
    const countMax = counts[index]!;
    if (countMax === 0) continue;
    // All sessions wait for the stage, and those that draft answer for it.
    let chargeMs = 0;
    for (const joined of members.slice(0, countMax)) {
      chargeMs += (draftStepMs(joined) * outlooks.length) / joined;
    }
    const stepPrice = (prices.rate * draftStepMs(members[0]!)) / members[0]!;
    const chanceMin = Math.min(1, (prices.rowPrice + stepPrice) / Math.max(wholeChance, 1e-3));
    shares.push({ key: session.key, countMax, chanceMin, chargeMs });
  }
  return { kind: 'draft', shares };
}

/** The best hold; null: none is worth more than what can be done now. */
function holdOption(
  outlooks: readonly DraftOutlook[],
  prices: Prices,
  costs: SpeculationCosts,
  nowWorth: number,
  heldMs: number,
): Option | null {
  const msMax = prices.passMs - heldMs;
  const coming = outlooks.filter(({ session }) => session.arrival && session.budgetMs > 0);
  if (coming.length === 0 || msMax <= 0) return null;
  const now = outlooks.map((outlook) => partAfter(outlook, prices, 0));
  let best: { worth: number; ms: number; keys: number[] } | null = null;
  for (const ms of holdTimes(coming, msMax)) {
    const { worth, keys } = holdWorth(outlooks, now, prices, costs, ms);
    if (
      keys.length > 0 &&
      ms <= patienceWithout(outlooks, keys) &&
      (best === null || worth > best.worth)
    )
      best = { worth, ms, keys };
  }
  if (best === null || best.worth < nowWorth + holdGainMin * outlooks.length) return null;
  const { worth, ms, keys } = best;
  const chargeShare = outlooks.length / keys.length;
  const shares = keys.map((key): HoldShare => ({ key, chargeShare }));
  return { worth, plan: () => ({ kind: 'hold', forMs: ms, shares }) };
}

function patienceWithout(outlooks: readonly DraftOutlook[], keys: readonly number[]): number {
  const paying = new Set(keys);
  const others = outlooks.filter(({ session }) => !paying.has(session.key));
  return patienceOf(others.map(({ session }) => session));
}

/** A session's value once a hold is over and the usual drafts of the server's model are made. */
interface Part {
  readonly worth: number;
  readonly drafted: number;
}

function partAfter(outlook: DraftOutlook, prices: Prices, holdMs: number): Part {
  const { arrival, chances } = outlook.session;
  const alone = outlook.value(holdMs, 0);
  if (prices.usualCount === 0) return { worth: alone, drafted: 0 };
  const arrived = arrival ? arrivedCount(arrival, holdMs) : 0;
  const drafted = Math.max(0, prices.usualCount - arrived - chances.length);
  const joinPrice = prices.rate * prices.joinMs * drafted;
  const worth = outlook.value(holdMs, drafted);
  return worth - joinPrice > alone ? { worth, drafted } : { worth: alone, drafted: 0 };
}

/** Values of all sessions, less the time that all lose by the hold and by the stage after it. */
function holdWorth(
  outlooks: readonly DraftOutlook[],
  now: readonly Part[],
  prices: Prices,
  { draftStepMs }: SpeculationCosts,
  ms: number,
): { worth: number; keys: number[] } {
  const later = outlooks.map((outlook) => partAfter(outlook, prices, ms));
  const joinPrice = prices.rate * prices.joinMs;
  const gainOf = (index: number): number =>
    later[index]!.worth -
    now[index]!.worth +
    joinPrice * (now[index]!.drafted - later[index]!.drafted);
  const gainers = outlooks.filter((_, index) => gainOf(index) > 0).length;
  const keys: number[] = [];
  const members: number[] = [];
  let worth = -prices.rate * ms;
  for (const [index, { session }] of outlooks.entries()) {
    const isPaid = gainOf(index) > 0 && session.budgetMs >= (ms * outlooks.length) / gainers;
    const part = isPaid ? later[index]! : now[index]!;
    if (isPaid) keys.push(session.key);
    worth += part.worth;
    for (let step = 0; step < part.drafted; step++) members[step] = (members[step] ?? 0) + 1;
  }
  for (const joined of members) worth -= prices.rate * draftStepMs(joined);
  return { worth, keys };
}

/** When drafts are due: exactly with few sessions, evenly spread with many. */
function holdTimes(coming: readonly DraftOutlook[], msMax: number): Set<number> {
  const times = new Set<number>();
  const consider = (dueMs: number, tokenMs: number): void => {
    const ms = dueMs + slackShare * tokenMs + slackMs;
    if (ms <= msMax) times.add(ms);
  };
  if (coming.length <= fewSessions) {
    for (const { session } of coming) {
      const { firstMs, tokenMs, early } = session.arrival!;
      if (early) consider(early.firstMs, tokenMs);
      for (const count of holdCounts) consider(firstMs + count * tokenMs, tokenMs);
    }
    return times;
  }
  const firstMs = Math.min(...coming.map(({ session: { arrival } }) => firstOf(arrival!)));
  const tokenMs = Math.min(...coming.map(({ session }) => session.arrival!.tokenMs));
  for (let part = 0; part <= holdTimesMany; part++) {
    consider(firstMs + ((msMax - firstMs) * part * part) / holdTimesMany ** 2, tokenMs);
  }
  return times;
}

const firstOf = ({ firstMs, early }: DraftArrival): number =>
  early ? Math.min(early.firstMs, firstMs) : firstMs;

/** Whether nothing but a step is possible for a session. */
export const isStep = (session: SpeculationSession): boolean =>
  session.chances.length === 0 &&
  session.arrival === null &&
  session.suffixChances.length === 0 &&
  session.modelMax === 0;
