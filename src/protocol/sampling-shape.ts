// Maps sampling parameters and the cut of laws to bytes. All seven numbers are required: a default
// would change the law without the device's knowledge.

import type { CutLimit } from '../math/cut-law.js';
import type { Sampling } from '../math/sampling.js';
import { tokenMax } from './law-shape.js';
import { limits } from './limits.js';
import { embedded, listed, Message, oneOf, required, variant } from './wire-message.js';
import type { WireReader } from './wire-reader.js';
import { f64, f64List, mapped, noF64, noTokens, tokens, u32, type Value } from './wire-value.js';

type SamplingRecord = Omit<Sampling, 'logitBias'> & {
  readonly biasTokens: Int32Array;
  readonly biases: Float64Array;
};

const parameter = <T>(number: number, value: Value<T>, name: string) =>
  required(number, value, 'sampling-invalid', name);

export const samplingMessage = new Message<SamplingRecord>({
  temperature: parameter(1, f64, 'temperature'),
  topK: parameter(2, u32, 'topK'),
  topP: parameter(3, f64, 'topP'),
  minP: parameter(4, f64, 'minP'),
  repetitionPenalty: parameter(5, f64, 'repetitionPenalty'),
  presencePenalty: parameter(6, f64, 'presencePenalty'),
  frequencyPenalty: parameter(7, f64, 'frequencyPenalty'),
  biasTokens: listed(8, tokens(limits.logitBias, tokenMax, 'biasTokens'), noTokens),
  biases: listed(9, f64List(limits.logitBias, 'biases'), noF64),
});

function samplingFrom(
  { biasTokens, biases, ...rest }: SamplingRecord,
  reader: WireReader,
): Sampling {
  const logitBias = new Map<number, number>();
  biasTokens.forEach((token, index) => {
    logitBias.set(token, biases[index] ?? Number.NaN);
  });
  if (biases.length !== biasTokens.length || logitBias.size !== biases.length) {
    const counts = `${biases.length} biases for ${logitBias.size} different tokens`;
    reader.refuse('sampling-invalid', counts);
  }
  return { ...rest, logitBias };
}

export const samplingValue: Value<Sampling> = mapped(
  embedded(samplingMessage),
  samplingFrom,
  ({ logitBias, ...rest }) => ({
    ...rest,
    biasTokens: Int32Array.from(logitBias.keys()),
    biases: Float64Array.from(logitBias.values()),
  }),
);

type Keep = Extract<CutLimit, { readonly keepMax: number }>;
type Leave = Extract<CutLimit, { readonly tailMassMax: number }>;

const keep: Value<Keep> = mapped(
  u32,
  (keepMax) => ({ keepMax }),
  ({ keepMax }) => keepMax,
);
const leave: Value<Leave> = mapped(
  f64,
  (tailMassMax) => ({ tailMassMax }),
  ({ tailMassMax }) => tailMassMax,
);

/** The cut of laws; each kind of limit has its own field number. Null: not sent. */
export const cutLimit = (keepNumber: number, leaveNumber: number) =>
  oneOf<CutLimit>(
    variant(keepNumber, keep, (cut): cut is Keep => 'keepMax' in cut),
    variant(leaveNumber, leave, (cut): cut is Leave => 'tailMassMax' in cut),
  );
