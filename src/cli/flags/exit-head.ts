// Reads `--exit-head` of serve: the early exit of the target that gives hints, as a file, a bundled
// name, a layer or off. Loads nothing; describes the exit and says if it is untrained.

import { statSync } from 'node:fs';
import type { Option } from 'commander';
import { PilotfishError } from '../../base/error.js';
import type { EngineInfo } from '../../engine/engine.js';
import {
  checkBundled,
  findBundledHead,
  listBundledHeads,
  namesOf,
} from '../../engine/llama/bundled.js';
import type { ExitChoice } from '../../engine/llama/index.js';
import { flag } from './flags.js';

/** Off by default: race uses no hints, and elsewhere they pay over short links only. */
export function exitHeadFlag(): Option {
  return flag(
    '--exit-head <file|layer|off>',
    'send devices hints in mid-pass of the likely next tokens, from a trained exit head (a file, ' +
      `${namesOf(listBundledHeads())}), or from an untrained exit after that many blocks (default: off; only pipeline ` +
      'and stop-and-wait use hints, which pay off for round trips up to about 20 ms)',
  );
}

/**
 * The exit that the flag means; null: off. @throws PilotfishError `model-not-found` for a name that
 * is neither a file nor a bundled head; `checksum-mismatch` for a changed bundled head.
 */
export function exitChoiceOf(wanted = 'off'): ExitChoice | null {
  if (wanted.toLowerCase() === 'off') return null;
  if (/^[+-]?\d+$/.test(wanted)) return { layer: Number(wanted) };
  const isFile = statSync(wanted, { throwIfNoEntry: false })?.isFile() === true;
  const headPath = isFile ? wanted : findBundledHead(wanted)?.path;
  if (headPath !== undefined) {
    checkBundled(headPath);
    return { headPath };
  }
  const known = `bundled heads are ${namesOf(listBundledHeads())}`;
  const message = `--exit-head: there is no file '${wanted}'; ${known}`;
  throw new PilotfishError('model-not-found', message);
}

/** Whether the head is bundled; such a head needs no probe. */
export const isBundledExit = (choice: ExitChoice | null): boolean =>
  choice === null ||
  'layer' in choice ||
  listBundledHeads().some(({ path }) => path === choice.headPath);

/** Describes an exit and whether it was trained; null for an engine without one. */
export function exitText({ exit }: Pick<EngineInfo, 'exit'>): string | null {
  if (exit === null) return null;
  const place = `after block ${exit.layer} of ${exit.layerCount}`;
  return exit.trained
    ? `hints from a trained exit head ${place}`
    : `hints from an untrained exit ${place} (logit lens): expect poor guesses; a trained head guesses better`;
}
