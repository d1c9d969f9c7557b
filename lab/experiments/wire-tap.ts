// Counts what a round would send: listens to engines that speculate in one process, and encodes the
// frames that device and server would have exchanged.

import { withPass } from '../../src/cli/demo/paced-engine.js';
import type { DraftedToken, Engine, Outcome, Segment } from '../../src/engine/engine.js';
import { keyedChance } from '../../src/math/chance.js';
import { type CutLimit, cutLaw, residualFromCut } from '../../src/math/cut-law.js';
import type { Law } from '../../src/math/law.js';
import { noiseKey } from '../../src/math/noise.js';
import { encodeFrame } from '../../src/protocol/codec.js';
import type { Draft, SentLaw, Verdict } from '../../src/protocol/frame.js';

/** One round; bytes are those of the messages, without the layers below. */
export interface Exchange {
  readonly draftedCount: number;
  readonly acceptedCount: number;
  readonly upBytes: number;
  readonly downBytes: number;
  /** Where a cut law did not suffice: the device asks for the whole, and gets it. */
  readonly tail: { readonly upBytes: number; readonly downBytes: number } | null;
}

const session = 1;
/** Of a verdict: numbers of a usual size, which take two and three bytes. */
const usualTimes = { queueUs: 900, verifyUs: 30_000 } as const;

/** @param cut of `split`; null: laws whole. @param seed by which residual tokens are drawn. */
export function tapWire(target: Engine, draft: Engine, cut: CutLimit | null, seed: () => bigint) {
  let rounds: Exchange[] = [];
  let drafted: readonly DraftedToken[] = [];
  let epoch = 0;
  /** Whether the last verdict left the final token to the device. */
  let isResidualOpen = false;
  const note = (segment: Segment, outcome: Outcome): void => {
    const draftFrame = draftOf(segment, epoch, isResidualOpen);
    const { judge } = segment;
    const draftCount = judge?.draftCount ?? 0;
    const { final, acceptedCount } = outcome;
    const law = final?.kind === 'law' ? sentOf(final.law, cut) : null;
    const verdict = encodeFrame(verdictOf(draftFrame, outcome, law));
    const rejected = drafted[acceptedCount];
    rounds.push({
      draftedCount: draftCount,
      acceptedCount,
      upBytes: encodeFrame(draftFrame).length,
      downBytes: verdict.length,
      tail:
        law?.kind === 'cut' && final?.kind === 'law' && rejected?.law
          ? tailOf(law, final.law, rejected.law, rejected.position, seed())
          : null,
    });
    isResidualOpen = law !== null;
    if (acceptedCount < draftCount) epoch++;
  };
  const plainDraft = withPass(draft, (segments) => draft.pass(segments));
  return {
    target: withPass(target, async (segments) => {
      const result = await target.pass(segments);
      segments.forEach((segment, index) => {
        if (segment.judge) note(segment, result.outcomes[index]!);
      });
      return result;
    }),
    draft: {
      ...plainDraft,
      draft: (...[request, onToken]: Parameters<Engine['draft']>) => {
        const run = draft.draft(request, onToken);
        const done = run.done.then((end) => {
          drafted = end.drafted;
          return end;
        });
        return { stop: () => run.stop(), done };
      },
    },
    /** Rounds since the last call, which begins a new session. */
    take: (): Exchange[] => {
      const taken = rounds;
      rounds = [];
      epoch = 0;
      isResidualOpen = false;
      return taken;
    },
  };
}

function draftOf({ from, tokens, judge }: Segment, epoch: number, isResidualOpen: boolean): Draft {
  const draftsFrom = tokens.length - (judge?.draftCount ?? 0);
  return {
    kind: 'draft',
    session,
    epoch,
    from: from + draftsFrom,
    ids: tokens.slice(draftsFrom),
    probs: judge?.scheme === 'split' && judge.draftCount > 0 ? judge.draftProbs : null,
    laws: judge?.scheme === 'full' && judge.draftCount > 0 ? judge.draftLaws : null,
    residual: isResidualOpen ? tokens[draftsFrom - 1]! : null,
    more: false,
    chances: null,
  };
}

/** As the server does: a cut that leaves nothing out is the whole law. */
function sentOf(law: Law, limit: CutLimit | null): SentLaw {
  if (limit === null) return { kind: 'whole', law };
  const cut = cutLaw(law, limit);
  return cut.tailMass === 0 ? { kind: 'whole', law } : { kind: 'cut', cut };
}

/** The device knows its own drafts: the verdict brings what it lacks. */
function verdictOf(draft: Draft, { acceptedCount, final }: Outcome, law: SentLaw | null): Verdict {
  const isRejected = acceptedCount < draft.ids.length;
  return {
    kind: 'verdict',
    session,
    epoch: draft.epoch,
    from: draft.from + acceptedCount,
    tokens: final !== null && final.kind !== 'law' ? Int32Array.of(final.token) : new Int32Array(),
    acceptedCount,
    rejectedCount: isRejected ? 1 : 0,
    ...usualTimes,
    advisedDraftLength: null,
    end: null,
    law,
    logprobs: null,
    lawLogprobs: null,
    sources: null,
  };
}

function tailOf(
  { cut }: Extract<SentLaw, { kind: 'cut' }>,
  law: Law,
  draftLaw: Law,
  position: number,
  seed: bigint,
): Exchange['tail'] {
  const key = noiseKey(seed, 'residual');
  const drawn = residualFromCut(cut, draftLaw, keyedChance(key, key, position));
  if (drawn.kind === 'token') return null;
  return {
    upBytes: encodeFrame({ kind: 'tail-request', session, position }).length,
    downBytes: encodeFrame({ kind: 'tail', session, position, law, lawLogprobs: null }).length,
  };
}
