// Sets up a server of the scripted target for tests of both ends, and writes what the target writes
// alone.

import assert from 'node:assert/strict';
import { slotId } from '../../base/brand.js';
import { unlimited } from '../../base/key-grant.js';
import { scriptedDefaults } from '../../engine/scripted-engine.js';
import type { ScriptedModelOptions } from '../../engine/scripted-model.js';
import { scriptedVocabulary } from '../../engine/scripted-vocabulary.js';
import { FormatChecker } from '../../grammar/format-checker.js';
import { modes, noShaping, type Open, schemes } from '../../protocol/frame.js';
import { limits } from '../../protocol/limits.js';
import { toyEngine } from '../../sim/toy.js';
import { noServerDrafting, type ServerCoreSettings } from './settings.js';

/** Resume keys count from 1. */
export function scriptedSettings(changes: Partial<ScriptedModelOptions> = {}): ServerCoreSettings {
  const { vocabSize, slotCount, contextLength, passTokensMax, passRowsMax, exit } = {
    ...scriptedDefaults,
    ...changes,
  };
  const vocabulary = scriptedVocabulary(vocabSize);
  const { fingerprint, endOfText } = vocabulary;
  const formats = new FormatChecker(vocabulary);
  let keyCount = 0;
  return {
    model: {
      modelName: 'scripted',
      fingerprint,
      vocabSize,
      endOfText,
      slotCount,
      contextLength,
      passTokensMax,
      passRowsMax,
      hasExit: exit !== null,
    },
    schemes,
    modes,
    limits: {
      frameBytes: limits.frameBytes.value,
      sessions: 8,
      promptTokens: 4096,
      draftTokens: 32,
      windowTokens: 64,
      resumeMs: 60_000,
      silenceMs: 0,
    },
    connectionsMax: 64,
    sessionsMax: 64,
    keyLimits: unlimited,
    batching: { kind: 'continuous' },
    drafting: noServerDrafting,
    tokenMsMax: Infinity,
    passMsMax: 1e9,
    prefillShare: 0.25,
    prefillMsMax: 1e9,
    slotQuantumTokens: 4,
    swapBytesMax: 4096,
    sharesPrefixesAcrossKeys: false,
    seesPictures: false,
    shaping: noShaping,
    retryAfterMs: 500,
    randomBytes: (count) => {
      const bytes = new Uint8Array(count);
      new DataView(bytes.buffer).setUint32(0, ++keyCount);
      return bytes;
    },
    acceptsKey: (key) => key !== 'stolen',
    tokenize: (prompt) => {
      const text = prompt.kind === 'text' ? prompt.text : prompt.messages[0]!.content;
      return vocabulary.tokenize(text, { addBos: true, parseSpecial: false });
    },
    checkFormat: (schema) => formats.check(schema),
    differingBlock: () => null,
  };
}

/** Everything that the text of `greedy` and `coupled` depends on. */
type TextTerms = 'prompt' | 'sampling' | 'seed' | 'scheme' | 'tokensMax';

/** The text of the target alone: prompt and answer. */
export function targetText(
  { prompt, sampling, seed, scheme, tokensMax }: Pick<Open, TextTerms>,
  model: Partial<ScriptedModelOptions> = {},
): number[] {
  const { vocabSize, contextLength, passTokensMax } = { ...scriptedDefaults, ...model };
  const { endOfText } = scriptedVocabulary(vocabSize);
  const engine = toyEngine(model);
  assert.ok(prompt.kind === 'ids', 'prompts of ids only');
  const text = [...prompt.ids];
  engine.open(0, { sampling, seed, promptLength: text.length });
  const lengthMax = Math.min(text.length + tokensMax, contextLength);
  const name = scheme === 'coupled' ? 'coupled' : 'greedy';
  let from = 0;
  while (text.length < lengthMax) {
    // Passes are short: long prompts go in pieces.
    const tokens = Int32Array.from(text.slice(from, from + passTokensMax));
    const isLast = from + tokens.length === text.length;
    const judge = isLast ? ({ scheme: name, draftCount: 0 } as const) : null;
    const { final } = engine.pass([{ slot: slotId(0), from, tokens, judge }]).outcomes[0]!;
    from += tokens.length;
    if (!final || final.kind === 'law') continue;
    text.push(final.token);
    if (endOfText.has(final.token)) break;
  }
  return text;
}
