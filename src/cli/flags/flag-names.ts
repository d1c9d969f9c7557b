// Rewrites messages of the library for the command line: replaces names of API options with their
// flags. Pure.

/** The flag of each API option. */
const flagOf: Readonly<Record<string, string>> = {
  temperature: '--temp',
  topK: '--top-k',
  topP: '--top-p',
  minP: '--min-p',
  repetitionPenalty: '--repeat-penalty',
  presencePenalty: '--presence-penalty',
  frequencyPenalty: '--frequency-penalty',
  logitBias: '--logit-bias',
  contextLength: '--ctx-size',
  slotCount: '--slots',
  threads: '--threads',
  batchThreads: '--threads-batch',
  poll: '--poll',
  priority: '--prio',
  gpuLayers: '--gpu-layers',
  cacheTypeK: '--cache-type-k',
  cacheTypeV: '--cache-type-v',
  flashAttention: '--flash-attn',
  passTokensMax: '--batch-size',
  tokensMax: '--max-tokens',
  windowMax: '--window',
  draftLengthMax: '--draft-length',
};

/** Ordinary words too: replaced only at the beginning of a message, with a value after them. */
const plainWords = new Set(['temperature', 'threads', 'poll', 'priority']);

const phrases: readonly (readonly [RegExp, string])[] = [
  [/\bstopped by the caller\b/, 'stopped with Ctrl-C'],
  [/\(key-refused\); .*/, '(key-refused); --key-file or PILOTFISH_KEY takes a key of that server'],
  [
    /\b(its certificate is (self-signed and not trusted|not signed by a trusted authority))/,
    '$1; --ca names the authority to trust',
  ],
  [/\binsecureOpenToNetwork\b/, '--insecure-open-to-network'],
  [/\binsecureKeyInClear\b/, '--insecure-key-in-clear'],
  [/\bthe context size\b/, '--ctx-size'],
  [/\bthe number of slots\b/, '--slots'],
  [/\banother host or port\b/, 'another --host or --port (device: --http-host or --http)'],
];

/** The message with each API name replaced by its flag. */
export function withFlagNames(message: string): string {
  let text = message.replace(/(?<![^\s(])[a-zA-Z]+(?![^\s),.:;])/g, (name, at: number) => {
    const isOption = Object.hasOwn(flagOf, name) && (!plainWords.has(name) || at === 0);
    return isOption ? flagOf[name]! : name;
  });
  for (const [phrase, other] of phrases) text = text.replace(phrase, other);
  return text;
}
