// Lists the verification schemes. MATH.md proves each one exact.

/** The rules by which drafts are verified. Each is a file of this folder. */
export const schemes = ['greedy', 'coupled', 'agreement', 'split', 'full'] as const;
/** One of `schemes`. */
export type Scheme = (typeof schemes)[number];

/** Whether a draft is kept by the ratio of the laws that target and draft give it. */
export const isRatioScheme = (scheme: Scheme): boolean => scheme === 'split' || scheme === 'full';
