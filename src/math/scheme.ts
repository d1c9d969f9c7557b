// Lists the verification schemes: the rules by which drafts are accepted. MATH.md proves each one exact.

/** How drafts are verified. Each is a file of this folder. */
export const schemes = ['greedy', 'coupled', 'agreement', 'split', 'full'] as const;
/** One of `schemes`. */
export type Scheme = (typeof schemes)[number];
