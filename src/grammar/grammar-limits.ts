// Every bound of the grammar layer. A schema comes from a stranger: nothing below may cost more than these allow.

export const grammarLimits = {
  /** UTF-8 bytes of a schema's JSON text. */
  schemaBytes: 65_536,
  /** Levels of nesting of a schema, and of a pattern. */
  depth: 64,
  /** Nodes of the automaton that a schema becomes. Repetitions count as often as they may occur. */
  nodes: 65_536,
  /** Pairs of schemas, and values of them, compared to see that no two of a `characterOf` can hold. */
  disjointWork: 1_048_576,
  /** Ways that a text so far can be read at once. Ways beyond are given up: what is written stays valid. */
  stacks: 1024,
  /** Nodes looked at to find those ways after one byte; the same holds. */
  closureVisits: 16_384,
  /**
   * Work on states met for the first time in one mask (State.cost); longer tokens are given up first. Masks are made
   * within a pass, so others wait for them: this is 30 to 80 ms of a slow core, and a list of 2000 values needs half of it.
   */
  maskWork: 32_768,
  /**
   * Work (Grammar.work) on the masks of one pass beyond the first mask of each session: drafts behind it are not tested
   * then. A string over a vocabulary of 128 000 takes all of it the first time, one over 32 000 a quarter.
   */
  passWork: 262_144,
  /** Work on all states that are kept with what follows them; beyond, all are forgotten, and found anew where needed. */
  keptWork: 1_048_576,
  /** Masks kept, [vocab] bits each. */
  masks: 512,
  /** Spaces behind a line break: no model can write white space for ever. */
  indent: 24,
  /** Digits of a number before and behind its point; of its exponent two. */
  digits: 15,
} as const;
