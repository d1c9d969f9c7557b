// Parses and matches names of files on the hub: hf:user/repo/file.gguf, hf:user/repo:Q4_K_M, each
// with @revision. Pure. Refuses every name that could leave the folder of its repository.

import { PilotfishError } from '../../base/error.js';
import { usageError } from '../flags/flags.js';

export interface HubReference {
  /** `user/repo`. */
  readonly repo: string;
  /** Path inside the repository; null where the quantisation picks it. */
  readonly file: string | null;
  /** Quantisation as in file names, such as Q4_K_M; null with a file, and for the only file. */
  readonly quant: string | null;
  /** Branch, tag or commit. */
  readonly revision: string;
}

const forms =
  'hf:user/repo/file.gguf, hf:user/repo:QUANT or hf:user/repo, each with an optional @revision';
/** The hub's rule for users and repositories. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,95}$/;
const segmentPattern = /^[A-Za-z0-9_.+()=,~ -]{1,200}$/;
const quantPattern = /^[A-Za-z0-9_]{1,32}$/;

/** Whether a model name is a reference to the hub. */
export const isHubReference = (name: string): boolean => /^hf:/i.test(name);

/** Parses `hf:` and `hf://` names. @throws PilotfishError `usage` that names the wrong part. */
export function parseReference(text: string): HubReference {
  const body = text.replace(/^hf:(\/\/)?/i, '');
  const refuse = (why: string): never => {
    throw usageError(`'${text}' ${why}; the forms are ${forms}`);
  };
  if (!isHubReference(text)) refuse('does not begin with hf:');
  const [path = '', revision = 'main', ...rest] = body.split('@');
  if (rest.length > 0) refuse('has more than one @');
  const [user = '', name = '', ...fileParts] = path.split('/');
  const [repoName = '', quant = null, ...more] = name.split(':');
  for (const part of [user, repoName]) {
    if (!namePattern.test(part) || part.includes('..')) refuse(`names no repository ('${part}')`);
  }
  if (more.length > 0 || (quant !== null && (fileParts.length > 0 || !quantPattern.test(quant)))) {
    refuse('has an invalid quantisation');
  }
  if (!isSafePath(revision)) refuse(`has an invalid revision ('${revision}')`);
  const file = fileParts.length > 0 ? fileParts.join('/') : null;
  if (file !== null && !isSafePath(file)) refuse(`has an invalid file name ('${file}')`);
  if (file !== null && !isGguf(file)) refuse('does not name a .gguf file');
  return { repo: `${user}/${repoName}`, file, quant, revision };
}

/** The shortest text that parses to the same reference. */
export function formatReference({ repo, file, quant, revision }: HubReference): string {
  const what = file !== null ? `/${file}` : quant !== null ? `:${quant}` : '';
  return `hf:${repo}${what}${revision === 'main' ? '' : `@${revision}`}`;
}

/** Whether a path of a repository stays inside any folder it is joined to, on every system. */
export function isSafePath(path: string): boolean {
  return path.split('/').every((part) => segmentPattern.test(part) && !/^\.+$/.test(part));
}

export const isGguf = (path: string): boolean => /\.gguf$/i.test(path);

/** One part of a model split over several files: `-00001-of-00003.gguf`. */
const isSplitPart = (path: string): boolean => /-\d{5}-of-\d{5}\.gguf$/i.test(path);

/** An image or audio projector, which has the quantisation of its model but is no model. */
const isProjector = (path: string): boolean => /(^|\/)mmproj[^/]*$/i.test(path);

/**
 * The one file of `paths` that a reference without file name means.
 * @throws PilotfishError `model-not-found` where none matches, `model-unsupported` where only parts
 *   of split models do, `usage` where several do.
 */
export function pickFile(reference: HubReference, paths: readonly string[]): string {
  const models = paths.filter((path) => isGguf(path) && !isProjector(path));
  const { quant } = reference;
  const matches = models.filter((path) => quant === null || hasQuant(path, quant));
  const whole = matches.filter((path) => !isSplitPart(path));
  if (whole.length === 1) return whole[0]!;
  const name = formatReference(reference);
  if (whole.length > 1) {
    throw usageError(`${name} matches ${listNames(whole)}; name one of them`);
  }
  if (matches.length > 0) {
    throw new PilotfishError('model-unsupported', `${name} is split over ${matches.length} files`);
  }
  const others = models.length > 0 ? `it has ${listNames(models)}` : 'it has no GGUF file at all';
  const message = `${name} matches no file of the repository; ${others}`;
  throw new PilotfishError('model-not-found', message);
}

/** Whether the file name has the quantisation as a whole word: Q4_K does not match Q4_K_M. */
function hasQuant(path: string, quant: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.gguf$/i, '');
  return new RegExp(`(^|[-.])${quant}([-.]|$)`, 'i').test(name);
}

function listNames(paths: readonly string[]): string {
  const shown = paths.slice(0, 12).join(', ');
  return paths.length > 12 ? `${shown} and ${paths.length - 12} more` : shown;
}
