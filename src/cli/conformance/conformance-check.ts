// Defines a conformance check, its outcomes, and how checks are run one after the other.

/** What a check of the peer's behaviour came to. */
export type ConformanceOutcome = 'pass' | 'fail' | 'skipped';

export interface ConformanceResult {
  readonly name: string;
  readonly outcome: ConformanceOutcome;
  /** Why it failed or was skipped; else the rule that holds. */
  readonly detail: string;
}

/** One rule of PROTOCOL.md and the attempt to see it broken. */
export interface ConformanceCheck<Bench> {
  readonly name: string;
  /** The rule, as a clause. */
  readonly rule: string;
  /** Throws `RuleBroken` or `NotApplicable`; any other error counts as a failure too. */
  run(bench: Bench): Promise<void>;
}

/** The peer does not keep the rule. */
export class RuleBroken extends Error {}

/** The peer does not offer what the rule is about. */
export class NotApplicable extends Error {}

/** @throws RuleBroken unless the condition holds. */
export function expectThat(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new RuleBroken(otherwise);
}

/** @throws NotApplicable unless the condition holds. */
export function needs(condition: boolean, reason: string): asserts condition {
  if (!condition) throw new NotApplicable(reason);
}

/** Runs a check. */
export async function resultOf<Bench>(
  { name, rule, run }: ConformanceCheck<Bench>,
  bench: Bench,
): Promise<ConformanceResult> {
  try {
    await run(bench);
    return { name, outcome: 'pass', detail: rule };
  } catch (reason) {
    const detail = reason instanceof Error ? reason.message : String(reason);
    return { name, outcome: reason instanceof NotApplicable ? 'skipped' : 'fail', detail };
  }
}
