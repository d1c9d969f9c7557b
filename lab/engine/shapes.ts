// Batch shapes of verification passes, as the engine benchmark runs them.

export interface Shape {
  readonly name: string;
  /** Tokens of each segment: one committed token and the drafts behind it. */
  readonly lengths: readonly number[];
}

const uniform = (sequences: number, tokens: number): Shape => ({
  name: `${sequences} x ${tokens}`,
  lengths: Array.from({ length: sequences }, () => tokens),
});

export const passShapes: readonly Shape[] = [
  uniform(1, 1),
  uniform(1, 5),
  uniform(4, 5),
  uniform(16, 5),
  { name: 'mixed', lengths: [1, 5, 2, 9, 3, 5, 1, 7] },
];
