// Records what the toy writes when nothing breaks, and checks that a disturbed text is that: no
// token lost, none repeated, none changed.

import { assert } from '../../src/base/assert.js';
import { type Client, connect, type GenerateOptions } from '../../src/device/index.js';
import { bannedEnd, scriptedVocabulary } from '../../src/engine/scripted-vocabulary.js';
import { isOffered, type Mode, modes, type Scheme, schemes } from '../../src/protocol/frame.js';

/** A request, and the only text that may come of it. */
export interface ToyText {
  readonly request: GenerateOptions;
  /** [request.tokensMax] */
  readonly tokens: readonly number[];
  /** The same as people read it. */
  readonly text: string;
}

/** Every scheme in every mode that goes with it. */
export const schemeModes: readonly { readonly scheme: Scheme; readonly mode: Mode }[] =
  schemes.flatMap((scheme) =>
    modes.filter((mode) => isOffered(scheme, mode)).map((mode) => ({ scheme, mode })),
  );

const promptOf = (index: number): Int32Array =>
  Int32Array.of(0, 2 + (index % 14), 3 + (index % 13), 5);

/** From an undisturbed stream. @returns [2 * count]: sampled, the index as seed; then greedy. */
export async function toyTexts(
  url: string,
  key: string,
  count: number,
  tokensMax: number,
): Promise<readonly ToyText[]> {
  const client = await connect({ url, key, drafter: { kind: 'none' }, fallback: 'fail' });
  const texts: ToyText[] = [];
  for (const temperature of [1, 0]) {
    for (let index = 0; index < count; index++) {
      const sampling = { ...bannedEnd, temperature };
      const request = { ids: promptOf(index), sampling, seed: BigInt(index), tokensMax };
      texts.push(await written(client, request));
    }
  }
  await client.close();
  return texts;
}

async function written(client: Client, request: GenerateOptions): Promise<ToyText> {
  const { tokens } = await client.generate(request).result;
  assert(tokens.length === request.tokensMax, `a text of ${tokens.length} tokens`);
  return { request, tokens, text: textOf(tokens) };
}

const { tokenBytes } = scriptedVocabulary(16);
const textOf = (tokens: readonly number[]): string =>
  Buffer.concat(tokens.map((token) => tokenBytes(token))).toString('utf8');

/** Ends the trial where a text is not the one. @param isWhole else: a beginning of it. */
export function checkText(got: readonly number[] | string, text: ToyText, isWhole: boolean): void {
  const all = typeof got === 'string' ? text.text : text.tokens;
  const wanted = isWhole ? all : all.slice(0, got.length);
  const isSame = String(got) === String(wanted);
  assert(isSame, `a text of ${got.length} is not the target's of ${wanted.length}`);
}
