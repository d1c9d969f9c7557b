// Writes the closing lines of an answer from a server, the same for every command.

import type { Statistics } from '../../device/index.js';
import { modeTraits } from '../../protocol/frame.js';
import type { DrafterName } from '../flags/draft-flags.js';
import type { LinkOptions } from '../flags/link-flags.js';
import {
  draftLine,
  eventLines,
  sourceLines,
  type TextEnd,
  textLine,
  whyUntested,
  wireLine,
} from '../screen/summary.js';

/** The facts that the lines report. */
export interface AnswerFacts {
  readonly statistics: Statistics;
  /** Tokens of the answer, after a stop string has cut it. */
  readonly tokenCount: number;
  readonly end: TextEnd;
  readonly seed: bigint;
  readonly drafter: DrafterName;
  readonly mode: LinkOptions['mode'];
}

/** [n] lines without line breaks: text and speed, drafts, sources, traffic, other events. */
export function answerLines(facts: AnswerFacts): string[] {
  const { statistics, tokenCount, end, seed, drafter, mode } = facts;
  const drafted = {
    kind: drafter.kind,
    isStreamed: mode !== undefined && !modeTraits[mode].takesDrafts,
  };
  return [
    textLine({ tokenCount, ms: statistics.totalMs, end, seed }),
    draftLine(statistics, whyUntested(statistics, drafted)),
    ...sourceLines(statistics),
    ...(statistics.upMessageCount > 0 ? [wireLine(statistics)] : []),
    ...eventLines(statistics),
  ];
}
