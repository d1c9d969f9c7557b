// Maps laws and cut laws to bytes, and checks that a decoded law is one. A law without ids is
// dense.

import { assert } from '../base/assert.js';
import { type CutLaw, checkCutLaw } from '../math/cut-law.js';
import { checkLaw, type Law } from '../math/law.js';
import type { SentLaw } from './frame.js';
import { limits } from './limits.js';
import { embedded, listed, Message, oneOf, plain, variant } from './wire-message.js';
import type { WireReader } from './wire-reader.js';
import { f64, f64List, mapped, noF64, noTokens, tokens, type Value } from './wire-value.js';

interface LawRecord {
  readonly ids: Int32Array;
  readonly probs: Float64Array;
}

/** Largest id of any vocabulary. session-check.ts checks the bound of a session. */
export const tokenMax = limits.vocabTokens.value - 1;

const ids = tokens(limits.lawEntries, tokenMax, 'law ids');
const probs = f64List(limits.lawEntries, 'law probabilities');

export const lawMessage = new Message<LawRecord>({
  ids: listed(1, ids, noTokens),
  probs: listed(2, probs, noF64),
});

export const cutLawMessage = new Message<CutLaw>({
  ids: listed(1, ids, noTokens),
  probs: listed(2, probs, noF64),
  tailMass: plain(3, f64, 0),
});

/** The fault of a law in any vocabulary, or null. */
function lawComplaint(law: Law): string | null {
  return checkLaw(law, law.kind === 'dense' ? law.probs.length : limits.vocabTokens.value);
}

/** The fault of a cut law in any vocabulary, or null. */
function cutLawComplaint(cut: CutLaw): string | null {
  return checkCutLaw(cut, limits.vocabTokens.value);
}

export const lawValue: Value<Law> = mapped(
  embedded(lawMessage),
  (record: LawRecord, reader: WireReader): Law => {
    const law: Law =
      record.ids.length === 0
        ? { kind: 'dense', probs: record.probs }
        : { kind: 'sparse', ids: record.ids, probs: record.probs };
    const complaint = lawComplaint(law);
    if (complaint) reader.refuse('law-invalid', complaint);
    return law;
  },
  (law) => {
    const complaint = lawComplaint(law);
    assert(complaint === null, `a law of our own: ${complaint}`);
    return { ids: law.kind === 'sparse' ? law.ids : noTokens, probs: law.probs };
  },
);

const cutLawValue: Value<CutLaw> = mapped(
  embedded(cutLawMessage),
  (cut: CutLaw, reader: WireReader): CutLaw => {
    const complaint = cutLawComplaint(cut);
    if (complaint) reader.refuse('law-invalid', complaint);
    return cut;
  },
  (cut) => {
    const complaint = cutLawComplaint(cut);
    assert(complaint === null, `a cut law of our own: ${complaint}`);
    return cut;
  },
);

type WholeLaw = Extract<SentLaw, { readonly kind: 'whole' }>;
type Cut = Extract<SentLaw, { readonly kind: 'cut' }>;

const whole: Value<WholeLaw> = mapped(
  lawValue,
  (law) => ({ kind: 'whole', law }),
  ({ law }) => law,
);
const cut: Value<Cut> = mapped(
  cutLawValue,
  (law) => ({ kind: 'cut', cut: law }),
  (sent) => sent.cut,
);

/** The law of a verdict, under the number of its kind; null: none. */
export const sentLaw = (wholeNumber: number, cutNumber: number) =>
  oneOf<SentLaw>(
    variant(wholeNumber, whole, (law): law is WholeLaw => law.kind === 'whole'),
    variant(cutNumber, cut, (law): law is Cut => law.kind === 'cut'),
  );
