// `--exit-head` of serve: which early exit of the target tells hints, as a file, a bundled name, a layer or off.
// Loads nothing; says on stderr what was chosen, and that an untrained exit is one.

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

/**
 * `--exit-head`. Off by default, for a bundled target too: race, the default mode, asks for no hints, and outside it they
 * add more to branches than an exit costs only over a short link (lab/decisions/drafting-ahead.md).
 */
export function exitHeadFlag(): Option {
  return flag(
    '--exit-head <file|layer|off>',
    'tell devices in mid-pass what is likely to come, by a trained head of the target (a file, or ' +
      `${namesOf(listBundledHeads())}), or by an untrained exit behind that many blocks (default: off; only pipeline ` +
      'and stop-and-wait ask for hints, which pay over round trips up to about 20 ms)',
  );
}

/**
 * What the flag means; of a head only the package's own are looked at.
 *
 * @param value absent: off.
 * @throws PilotfishError `model-not-found` for a name that is no file and no bundled head; `checksum-mismatch` for a head
 *   of the package that is not the one that was published.
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
  throw new PilotfishError(
    'model-not-found',
    `--exit-head: there is no file '${wanted}'; bundled heads are ${namesOf(listBundledHeads())}`,
  );
}

/** Whether the package vouches for the head: then nothing of it needs a probe. */
export const isBundledExit = (choice: ExitChoice | null): boolean =>
  choice === null ||
  'layer' in choice ||
  listBundledHeads().some(({ path }) => path === choice.headPath);

/** What an exit is, in words that say whether it was trained; null for an engine without one. */
export function exitText({ exit }: Pick<EngineInfo, 'exit'>): string | null {
  if (exit === null) return null;
  const place = `behind block ${exit.layer} of ${exit.layerCount}`;
  return exit.trained
    ? `hints from a trained exit head ${place}`
    : `hints from an untrained exit ${place} (logit lens): expect poor guesses; a trained head makes better ones`;
}
