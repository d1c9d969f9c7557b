// Defines the flags for drafting and verification, the same in every command, and refuses
// contradictions before anything is loaded. No flag changes the target's law.

import type { Command, Option } from 'commander';
import { type Scheme, schemes } from '../../protocol/frame.js';
import { decimal, flag, oneOfNames, usageError, wholeNumber } from './flags.js';

/** Longer drafts are rarely accepted whole, and each drafted token takes a row of logits. */
const draftLengthMax = 64;

/** The values of the draft flags. */
export interface DraftOptions {
  /** A model, `suffix`, or `none`. */
  readonly draft: string;
  readonly draftLength: number;
  /** 0: no limit. */
  readonly confidenceMin: number;
  /** Absent: greedy at temperature 0, else coupled. */
  readonly scheme?: Scheme;
}

/** @param defaults drafter and draft length where no flag names them. */
export function draftFlags(defaults: { draft: string; draftLength: number }): Option[] {
  return [
    flag(
      '-md, --draft <name>',
      'draft model: a path, a bundled name, hf:user/repo/file.gguf, suffix (look-up in the text), or none',
    ).default(defaults.draft),
    flag(
      '--draft-length <n>',
      'most tokens drafted per round; 0 uses the target alone',
      wholeNumber(0, draftLengthMax),
    ).default(defaults.draftLength),
    flag(
      '--confidence-min <p>',
      'end a draft after the first token less likely than this; 0 turns it off',
      decimal,
    ).default(0),
    flag(
      '--scheme <name>',
      `how drafts are verified: ${schemes.join(', ')} (default: greedy at --temp 0, else coupled)`,
      oneOfNames(schemes),
    ),
  ];
}

/** The drafter: a model by its name, a look-up, or none. */
export type DrafterName =
  | { readonly kind: 'model'; readonly name: string }
  | { readonly kind: 'suffix' }
  | { readonly kind: 'none' };

export function drafterOf({
  draft,
  draftLength,
}: Pick<DraftOptions, 'draft' | 'draftLength'>): DrafterName {
  if (draft === 'none' || draftLength === 0) return { kind: 'none' };
  return draft === 'suffix' ? { kind: 'suffix' } : { kind: 'model', name: draft };
}

/** The named scheme, or the default. @throws `usage` for greedy above temperature 0. */
export function schemeOf({ scheme, temp }: { scheme?: Scheme; temp: number }): Scheme {
  if (scheme === 'greedy' && temp > 0) {
    throw usageError(
      `--scheme greedy always takes the likeliest token, but --temp is ${temp}: add --temp 0, or use --scheme coupled`,
    );
  }
  return scheme ?? (temp === 0 ? 'greedy' : 'coupled');
}

/** Refuses flags without effect. @param needy further flags that need a drafter. */
export function checkDraftFlags(
  options: DraftOptions & { readonly showDraft?: boolean; readonly json?: boolean },
  command: Pick<Command, 'options' | 'getOptionValueSource'>,
  needy: readonly string[] = [],
): void {
  const { confidenceMin, draft, showDraft, json } = options;
  if (!(confidenceMin >= 0 && confidenceMin <= 1)) {
    throw usageError(`--confidence-min ${confidenceMin} is outside [0, 1]`);
  }
  if (showDraft && json) throw usageError('--show-draft and --json cannot be combined');
  if (draft !== 'none') return;
  for (const name of ['--draft-length', '--confidence-min', '--show-draft', ...needy]) {
    const option = command.options.find(({ long }) => long === name);
    if (option && command.getOptionValueSource(option.attributeName()) === 'cli') {
      throw usageError(`${name} needs a drafter, such as --draft stories-draft`);
    }
  }
}
