// Recomputes every verdict under split and full from the draft laws, the target's law and the
// recorded noise, and checks that no token is told without one.

import { InvariantError, unreachable } from '../../base/assert.js';
import type { GenerateRequest } from '../../device/core/event.js';
import type { DraftedToken, Outcome, Segment } from '../../engine/engine.js';
import { keyedChance } from '../../math/chance.js';
import { cutLaw, residualFromCut, residualFromWhole } from '../../math/cut-law.js';
import { verifyFull } from '../../math/full.js';
import { type Law, pointLaw, probOf } from '../../math/law.js';
import { noiseKey } from '../../math/noise.js';
import { schemeTraits } from '../../math/scheme.js';
import { residualToken, verifySplit } from '../../math/split.js';
import type { Verification } from '../../math/verification.js';
import type { Observer } from '../observer.js';
import { TargetReader } from '../reference.js';
import type { SimAnswer } from '../sim-answer.js';
import type { CheckerContext } from './checker.js';
import { type SlotOwner, SlotOwners } from './slot-owners.js';

/** Everything known about a request, on any server. */
class Record {
  readonly request: GenerateRequest;
  readonly reader: TargetReader;
  /** By position: tokens that a device drafted there, and those that a verdict decided. */
  readonly drafted = new Map<number, DraftedToken[]>();
  readonly decided = new Map<number, Set<number>>();

  constructor(request: GenerateRequest, contextLength: number) {
    this.request = request;
    this.reader = new TargetReader(request, contextLength);
  }

  decide(position: number, token: number): void {
    const tokens = this.decided.get(position);
    if (tokens === undefined) this.decided.set(position, new Set([token]));
    else tokens.add(token);
  }

  isDecided(position: number, token: number): boolean {
    return this.decided.get(position)?.has(token) === true;
  }
}

export function checkVerdicts({ world, violate }: CheckerContext): Observer {
  const records = new Map<bigint, Record>();
  const owners = new SlotOwners();
  const complain = ({ request }: Record, what: string): void =>
    violate('verdicts', `request of seed ${request.seed} (${request.scheme}): ${what}`);

  const recordOf = ({ ask: { request } }: SimAnswer): Record | undefined =>
    records.get(request.seed);

  return {
    onAsk({ ask: { request } }) {
      if (schemeTraits[request.scheme].test !== 'ratio' || records.has(request.seed)) return;
      const { contextLength } = world().servers[0]!.settings.model;
      records.set(request.seed, new Record(request, contextLength));
    },
    onDrafted(answer, token) {
      const record = recordOf(answer);
      if (record === undefined) return;
      const before = record.drafted.get(token.position);
      if (before === undefined) record.drafted.set(token.position, [token]);
      else before.push(token);
    },
    onAnswered(server, answered) {
      const { operation, event } = answered;
      const landed = owners.follow(server, answered);
      if (operation.kind !== 'pass' || event.kind !== 'passed') return;
      operation.segments.forEach((segment, index) => {
        const owner = landed[index];
        const record = owner && records.get(owner.seed);
        if (!owner || !record || segment.judge === null) return;
        const fault = judgeAgain(record, segment, owner, event.result.outcomes[index]!);
        if (fault !== null) complain(record, fault);
      });
    },
    onTell(answer, effect) {
      const record = recordOf(answer);
      if (record === undefined) return;
      if (effect.kind === 'ended' || effect.kind === 'failed') records.delete(record.request.seed);
      if (effect.kind !== 'tokens') return;
      for (const { position, token, origin } of effect.tokens) {
        if (origin === 'provisional' || record.isDecided(position, token)) continue;
        complain(record, `${origin} token ${token} at ${position} was told, but never decided`);
      }
    },
  };
}

/** Compares an outcome with one computed from the records. @returns what differs, or null. */
function judgeAgain(
  record: Record,
  { tokens, judge }: Segment,
  { textBefore }: SlotOwner,
  outcome: Outcome,
): string | null {
  const { draftCount } = judge!;
  const text = [...textBefore, ...tokens];
  const from = text.length - draftCount;
  const unknown = text.findIndex((token, position) => {
    const { prompt } = record.reader;
    if (position >= from) return false;
    return position < prompt.length
      ? prompt[position] !== token
      : !record.isDecided(position, token);
  });
  if (unknown >= 0) return `token ${text[unknown]} at ${unknown} was computed, but never decided`;
  const drafts = draftsOf(record, text, from, judge!);
  if (typeof drafts === 'string') return drafts;
  const expected = verdictOf(record, drafts, text, from);
  const difference = differenceOf(expected, outcome);
  if (difference !== null) return `verdict from ${from}: ${difference}`;
  decide(record, drafts, expected, from);
  return null;
}

/** The drafts as their device drew them. */
function draftsOf(
  record: Record,
  text: readonly number[],
  from: number,
  judge: NonNullable<Segment['judge']>,
): DraftedToken[] | string {
  const drafts: DraftedToken[] = [];
  for (let position = from; position < text.length; position++) {
    const index = position - from;
    const draft = record.drafted.get(position)?.find(({ token, law, prob }) => {
      if (token !== text[position] || law === null) return false;
      if ('draftProbs' in judge) return prob === judge.draftProbs[index];
      return 'draftLaws' in judge && probOf(judge.draftLaws[index]!, token) === prob;
    });
    if (draft === undefined && isPadding(judge, index, text[position]!)) {
      drafts.push({ position, token: 0, confidence: null, law: padLaw, prob: 1 });
      continue;
    }
    if (draft === undefined) {
      return `draft ${text[position]} at ${position} was tested with a law that no device drew it from`;
    }
    drafts.push(draft);
  }
  return drafts;
}

/**
 * A static batch (SLED) is padded with a token that was not drafted, tested against the law that
 * allows only it.
 */
function isPadding(judge: NonNullable<Segment['judge']>, index: number, token: number): boolean {
  return judge.scheme === 'full' && token === 0 && probOf(judge.draftLaws[index]!, 0) === 1;
}

const padLaw = pointLaw(0);

function verdictOf(
  { reader, request }: Record,
  drafts: readonly DraftedToken[],
  text: readonly number[],
  from: number,
): Verification {
  const lawAt = (row: number): Law => reader.lawAfter(text.slice(0, from + row));
  const chanceAt = (row: number) => reader.chanceAt(from + row);
  const ids = Int32Array.from(drafts, ({ token }) => token);
  const { scheme } = request;
  switch (scheme) {
    case 'split': {
      const probs = Float64Array.from(drafts, ({ prob }) => prob!);
      return verifySplit(lawAt, ids, probs, chanceAt);
    }
    case 'full': {
      const laws = drafts.map(({ law }) => law!);
      return verifyFull(lawAt, ids, laws, chanceAt);
    }
    case 'greedy':
    case 'coupled':
    case 'agreement':
      throw new InvariantError(`${scheme} is checked by its text (exactness.ts)`);
    default:
      return unreachable(scheme);
  }
}

function differenceOf(expected: Verification, { acceptedCount, final }: Outcome): string | null {
  if (expected.acceptedCount !== acceptedCount) {
    return `${acceptedCount} drafts accepted, not ${expected.acceptedCount}`;
  }
  if (final?.kind !== expected.final.kind) {
    return `${final?.kind} behind them, not ${expected.final.kind}`;
  }
  if (final.kind === 'law' || expected.final.kind === 'law') return null;
  return final.token === expected.final.token
    ? null
    : `token ${final.token} behind them, not ${expected.final.token}`;
}

function decide(
  record: Record,
  drafts: readonly DraftedToken[],
  { acceptedCount, final }: Verification,
  from: number,
): void {
  for (let index = 0; index < acceptedCount; index++) {
    record.decide(from + index, drafts[index]!.token);
  }
  const position = from + acceptedCount;
  if (final.kind !== 'law') {
    record.decide(position, final.token);
    return;
  }
  // Which of the drafts of this token was rejected only the device knows, where several have the
  // same probability.
  const { token, prob } = drafts[acceptedCount]!;
  for (const draft of record.drafted.get(position)!) {
    if (draft.token !== token || draft.prob !== prob) continue;
    record.decide(position, residualOf(record, position, draft.law!, final.law));
  }
}

/** The token that the device has to draw. */
function residualOf({ request }: Record, position: number, draftLaw: Law, law: Law): number {
  const key = noiseKey(request.seed, 'residual');
  const chance = keyedChance(key, key, position);
  if (request.cut === null) return residualToken(law, draftLaw, chance);
  const cut = cutLaw(law, request.cut);
  if (cut.tailMass === 0) return residualToken(law, draftLaw, chance);
  const drawn = residualFromCut(cut, draftLaw, chance);
  return drawn.kind === 'token' ? drawn.token : residualFromWhole(cut, law, draftLaw, chance);
}
