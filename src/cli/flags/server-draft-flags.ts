// Defines the flags of `serve` for the drafts that it makes itself, beside those of its devices.

import type { Option } from 'commander';
import { flag, usageError, wholeNumber } from './flags.js';

/** The values of the flags. */
export interface ServerDraftOptions {
  /** A model, `suffix`, both with a comma, or `none`. */
  readonly draft: string;
  readonly threadsDraft?: number;
  readonly draftLength: number;
  readonly suffixMib: number;
}

/** The flags for drafts that the server makes itself. */
export function serverDraftFlags(): Option[] {
  return [
    flag(
      '-md, --draft <names>',
      'what drafts on this server: a model (path, bundled name or hf:user/repo/file.gguf), suffix (look-up in the text and in recent texts of the same key), both with a comma, or none',
    ).default('suffix'),
    flag(
      '-td, --threads-draft <n>',
      'threads of the draft model (default: as --threads)',
      wholeNumber(1, 512),
    ),
    flag(
      '--draft-length <n>',
      'tokens drafted each round for sessions in mode co-located',
      wholeNumber(1, 16),
    ).default(4),
    flag(
      '--suffix-mib <n>',
      'memory for the recent texts of each key that drafts are looked up in; all keys: 16 times as much',
      wholeNumber(1, 4096),
    ).default(16),
  ];
}

/** What drafts on the server. */
export interface ChosenDrafters {
  /** null: no model drafts. */
  readonly model: string | null;
  readonly hasSuffix: boolean;
}

/** @throws PilotfishError `usage`. */
export function serverDraftsOf({ draft, threadsDraft }: ServerDraftOptions): ChosenDrafters {
  const names = draft.split(',').map((name) => name.trim());
  const models = names.filter((name) => name !== 'suffix' && name !== 'none');
  const isClear = !names.includes('') && (names.length === 1 || !names.includes('none'));
  if (!isClear || models.length > 1) {
    throw usageError(`--draft takes a model, suffix, both with a comma, or none, not '${draft}'`);
  }
  const [model = null] = models;
  if (model === null && threadsDraft !== undefined) {
    throw usageError('--threads-draft needs a draft model, such as --draft stories-draft');
  }
  return { model, hasSuffix: names.includes('suffix') };
}
