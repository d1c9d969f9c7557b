// The vocabulary of actions, cut as the trained pair's tokenizer cuts them: words, marks and single
// digits. A prompt has 16 tokens of picture, told apart by their ids, and an instruction.

import { actionText } from '../../../examples/robot/action.js';
import { drawErrand } from '../../../examples/robot/room/draw-errand.js';
import { expertAction, viewOf } from '../../../examples/robot/room/sights.js';
import type { Vocabulary } from '../../../src/engine/vocabulary.js';

const marks = ['{"', 'turn', '":', ' -', ' ', ',', ' "', 'forward', '.', 'stop', ' false', ' true'];
const digits = Array.from({ length: 10 }, (_, digit) => `${digit}`);
const texts = ['<s>', '</s>', ...marks, '}', ...digits];
export const bos = 0;
export const eos = 1;
/** Picture tokens stand for parts of one picture; so do words of the instruction. */
const firstPicture = texts.length;
const pictureIds = 64;
const size = firstPicture + pictureIds;
const pictureTokens = 16;
const instructionTokens = 9;
export const promptLength = 1 + pictureTokens + instructionTokens;

const bytes = new Map(texts.map((text, token) => [token, Buffer.from(token <= eos ? '' : text)]));
const none = new Uint8Array(0);

export const actionVocabulary: Vocabulary = {
  ...{ size, bos, eos, endOfText: new Set([eos]), addsSpacePrefix: false },
  fingerprint: 'actions of a robot',
  longestTokenBytes: Math.max(...texts.map((text) => Buffer.byteLength(text))),
  tokenize: (text) => tokensOf(text),
  tokenText: (token) => texts[token] ?? `<picture ${token - firstPicture}>`,
  tokenBytes: (token) => bytes.get(token) ?? none,
};

/** Longest piece first. */
const bySize = [...texts.entries()].slice(2).sort(([, a], [, b]) => b.length - a.length);

function tokensOf(text: string): Int32Array {
  const tokens: number[] = [];
  for (let at = 0; at < text.length; ) {
    const [token, piece] = bySize.find(([, one]) => text.startsWith(one, at))!;
    tokens.push(token);
    at += piece.length;
  }
  return Int32Array.from(tokens);
}

/** With the end of text. */
export const actionTokens = (text: string): Int32Array => Int32Array.of(...tokensOf(text), eos);

export const textOf = (tokens: readonly number[]): string =>
  tokens.map((token) => (token <= eos ? '' : texts[token]!)).join('');

/** [promptLength] @param picture its number: below 64^4. */
export function promptOf(picture: number): Int32Array {
  const prompt = new Int32Array(promptLength).fill(firstPicture);
  prompt[0] = bos;
  for (let place = 0, left = picture; left > 0; place++, left = Math.floor(left / pictureIds)) {
    prompt[1 + place] = firstPicture + (left % pictureIds);
  }
  return prompt;
}

/** The picture's number. */
export const pictureIn = (prompt: readonly number[]): number =>
  [1, 2, 3, 4].reduce(
    (sum, place) => sum + (prompt[place]! - firstPicture) * pictureIds ** (place - 1),
    0,
  );

/** Actions of the expert in random rooms, for what can be known of them without a picture. */
export function usualActions(count: number): Int32Array[] {
  return Array.from({ length: count }, (_, index) => {
    const { room, pose, goal } = drawErrand(-1 - index);
    return actionTokens(actionText(expertAction(viewOf(room, pose).sights, goal)));
  });
}
