// Counts what happened to the branches and hints of one answer.

export class BranchTally {
  /** Drafted tokens of branches; those that became text or chain, and those that did not. */
  branchTokenCount = 0;
  branchUsedCount = 0;
  branchWastedCount = 0;
  runnerUpHitCount = 0;
  hintHitCount = 0;
  branchMissCount = 0;
  hintCount = 0;
  lateHintCount = 0;
  hintRightCount = 0;
  /** Of the hints whose verdict has come. */
  readonly hintLead = { count: 0, totalMs: 0 };
}
