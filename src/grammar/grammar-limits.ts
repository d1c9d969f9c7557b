// Bounds the cost of the grammar layer. A schema comes from an untrusted client: no work below may
// exceed these limits.

export const grammarLimits = {
  /** UTF-8 bytes of a schema's JSON text. */
  schemaBytes: 65_536,
  /** Levels of nesting of a schema, and of a pattern. */
  depth: 64,
  /**
   * Nodes of the automaton that a schema becomes. A repetition counts once per possible occurrence.
   */
  nodes: 65_536,
  /** Comparisons of schemas and their values, to prove that no two of a `oneOf` can hold. */
  disjointWork: 1_048_576,
  /**
   * Parses of the text so far kept in parallel. Further ones are dropped; the written text stays
   * valid.
   */
  stacks: 1024,
  /** Nodes visited to find those parses after one byte; further ones are dropped too. */
  closureVisits: 8_192,
  /**
   * Work on states met for the first time in one mask (State.cost); longer tokens are dropped
   * first, single bytes never. Masks are made within a pass, so other sessions wait for them: this
   * is 10 to 30 ms of a slow core; a list of 5000 values needs a third of it.
   */
  maskWork: 32_768,
  /**
   * Work (Grammar.work) on the masks of one pass beyond the first mask of each session: later
   * drafts are then not tested. The first string over a vocabulary of 128 000 takes all of it, over
   * 32 000 a quarter.
   */
  passWork: 262_144,
  /**
   * Work on all cached states and their successors. Beyond it the cache is cleared and rebuilt on
   * demand.
   */
  keptWork: 1_048_576,
  /** Masks kept, [vocab] bits each. */
  masks: 512,
  /** Spaces after a line break, so that a model cannot write white space forever. */
  indent: 24,
  /** Digits of a number before and after its point; its exponent has two. */
  digits: 15,
} as const;
