// llama.cpp's side of the check against PyTorch: the same token ids, and the same greedy text, through this package's
// own engine. A text may part from the reference only where PyTorch's two best logits nearly tie.
// Usage: node training/parity.mjs MODEL.gguf REFERENCE.json      (after `npm run build`; REFERENCE from parity.py)

import { readFileSync } from 'node:fs';
import { loadLlamaEngine } from '../dist/src/engine/llama/index.js';
import { speculate } from '../dist/src/engine/local/speculate.js';
import { plainSampling } from '../dist/src/math/sampling.js';

/** In logits. Batch shapes alone move a logit by 0.01 (lab/decisions/batch-shapes.md). */
const tieMax = 0.02;

/** Length of the common beginning of two lists. */
function commonLength(first, second) {
  const parts = first.findIndex((value, index) => value !== second[index]);
  return parts < 0 ? first.length : parts;
}

function countEqualTexts(vocabulary, texts) {
  const unequal = texts.filter(({ text, tokens }) => {
    const ours = [...vocabulary.tokenize(text, { addBos: false, parseSpecial: false })];
    const equal = ours.length === tokens.length && commonLength(tokens, ours) === tokens.length;
    if (!equal) console.log(`tokens of ${JSON.stringify(text)}: ${ours} instead of ${tokens}`);
    return !equal;
  });
  return texts.length - unequal.length;
}

async function writeGreedily(engine, prompt, tokensMax) {
  const request = {
    prompt: Int32Array.from(prompt),
    tokensMax,
    scheme: 'greedy',
    sampling: { ...plainSampling, temperature: 0 },
    seed: 0n,
    draftLength: 0,
    confidenceMin: 0,
  };
  const tokens = [];
  for await (const round of speculate(engine, null, request)) tokens.push(...round.tokens);
  return tokens;
}

/** @returns whether the story is the reference's, up to its end or to a near tie. */
async function checkStory(engine, { prompt, tokens, gaps }) {
  const ours = await writeGreedily(engine, prompt, tokens.length);
  const equal = commonLength(tokens, ours);
  const tie = equal === tokens.length ? '' : ` (PyTorch's two best logits: ${gaps[equal]} apart)`;
  console.log(`greedy text: ${equal} of ${tokens.length} tokens equal${tie}`);
  return equal === tokens.length || gaps[equal] <= tieMax;
}

const [modelPath, referencePath] = process.argv.slice(2);
if (!referencePath) {
  console.error('usage: node training/parity.mjs MODEL.gguf REFERENCE.json');
  process.exit(2);
}
const { texts, stories } = JSON.parse(readFileSync(referencePath, 'utf8'));
const engine = await loadLlamaEngine({ modelPath, contextLength: 512, threads: 1 });
const equalTexts = countEqualTexts(engine.info.vocabulary, texts);
console.log(`tokenisation: ${equalTexts} of ${texts.length} texts equal`);
const verdicts = [];
for (const story of stories) verdicts.push(await checkStory(engine, story));
await engine.close();
process.exitCode = equalTexts === texts.length && verdicts.every(Boolean) ? 0 : 1;
