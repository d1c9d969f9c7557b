// The flags that say how drafts are made and verified, the same in every command, and the contradictions among them
// that are refused before anything is loaded. None of them changes the target's law.

import type { Command, Option } from 'commander';
import { PilotfishError } from '../../base/error.js';
import { type Scheme, schemes } from '../../protocol/frame.js';
import { decimal, flag, oneOfNames, wholeNumber } from './flags.js';

/** Longer drafts are never accepted whole often enough to pay; each draft is a row of logits of memory. */
const draftLengthMax = 64;

/** What the draft flags come to. */
export interface DraftOptions {
  /** A model, `ngram`, or `none`. */
  readonly draft: string;
  readonly draftLength: number;
  /** 0: never. */
  readonly confidenceMin: number;
  /** Absent: greedy at temperature 0, else coupled. */
  readonly scheme?: Scheme;
}

/** @param defaults the drafter and the most tokens of a round where nobody names them. */
export function draftFlags(defaults: { draft: string; draftLength: number }): Option[] {
  return [
    flag(
      '-md, --draft <name>',
      'draft model: a path, a bundled name, or hf:user/repo/file.gguf; or ngram: look-up in the text; or none',
    ).default(defaults.draft),
    flag(
      '--draft-length <n>',
      'most tokens drafted in a round; 0 is the target alone',
      wholeNumber('--draft-length', 0, draftLengthMax),
    ).default(defaults.draftLength),
    flag(
      '--confidence-min <p>',
      'a draft ends behind the first token less sure than this; 0 never',
      decimal('--confidence-min'),
    ).default(0),
    flag(
      '--scheme <name>',
      `how drafts are verified: ${schemes.join(', ')} (default: greedy at --temp 0, else coupled)`,
      oneOfNames('--scheme', schemes),
    ),
  ];
}

/** What drafts: a model by its name, a look-up, or nothing. */
export type DrafterName =
  | { readonly kind: 'model'; readonly name: string }
  | { readonly kind: 'ngram' }
  | { readonly kind: 'none' };

export function drafterOf({
  draft,
  draftLength,
}: Pick<DraftOptions, 'draft' | 'draftLength'>): DrafterName {
  if (draft === 'none' || draftLength === 0) return { kind: 'none' };
  return draft === 'ngram' ? { kind: 'ngram' } : { kind: 'model', name: draft };
}

/** The scheme that is named, or the one that suits the temperature. Throws `usage` for greedy above temperature 0. */
export function schemeOf({ scheme, temp }: { scheme?: Scheme; temp: number }): Scheme {
  if (scheme === 'greedy' && temp > 0) {
    throw usage(
      `--scheme greedy always takes the likeliest token, but --temp is ${temp}: add --temp 0, or use --scheme coupled`,
    );
  }
  return scheme ?? (temp === 0 ? 'greedy' : 'coupled');
}

/**
 * Refuses flags that nothing would come of.
 *
 * @param needy long names of flags that say how a model drafts, beside those of draftFlags.
 * @throws PilotfishError `usage`.
 */
export function checkDraftFlags(
  options: DraftOptions & { readonly showDraft?: boolean; readonly json?: boolean },
  command: Pick<Command, 'options' | 'getOptionValueSource'>,
  needy: readonly string[] = [],
): void {
  const { confidenceMin, draft, showDraft, json } = options;
  if (!(confidenceMin >= 0 && confidenceMin <= 1)) {
    throw usage(`--confidence-min ${confidenceMin} is outside [0, 1]`);
  }
  if (showDraft && json) throw usage('--show-draft and --json exclude each other');
  if (draft !== 'none') return;
  for (const name of ['--draft-length', '--confidence-min', '--show-draft', ...needy]) {
    const option = command.options.find(({ long }) => long === name);
    if (option && command.getOptionValueSource(option.attributeName()) === 'cli') {
      throw usage(`${name} needs something that drafts, such as --draft stories-draft`);
    }
  }
}

const usage = (message: string): PilotfishError => new PilotfishError('usage', message);
