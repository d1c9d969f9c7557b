// Downloads one model file into the Hugging Face cache: looks it up, locks it, continues where a broken run stopped,
// checks its hash, links it. The library has neither resume nor check; the bytes come through its range requests.

import { mkdir, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { downloadFile, fileDownloadInfo } from '@huggingface/hub';
import { PilotfishError } from '../../base/error.js';
import { takeLock } from '../file-lock.js';
import { formatBytes } from '../screen/numbers.js';
import {
  type CachedFile,
  findCached,
  isCommit,
  isFile,
  isPresent,
  placeBlob,
  repoPaths,
  writeRef,
} from './cache.js';
import { downloadFailed, fileFailed, type HubFailure } from './failure.js';
import { hubQuestion, libraryParams, lookUpRemote, type RemoteFile } from './look-up.js';
import { PartialFile } from './partial-file.js';
import type { HubReference } from './reference.js';
import { formatReference } from './reference.js';
import { cancelled, type RetryRules, withRetries } from './retry.js';
import type { HubSettings } from './settings.js';
import type { HubTransport } from './transport.js';

const lookUpAttemptsMax = 3;

/** What happens during a pull, for whoever shows it. */
export interface PullWatcher {
  /** The transfer begins. @param startBytes what an earlier run left. */
  onStart(remote: RemoteFile, startBytes: number): void;
  /** @param doneBytes of the whole file; falls to 0 when the server cannot continue. */
  onBytes(doneBytes: number): void;
  onRetry(failure: HubFailure, waitMs: number): void;
  /** The transfer is over, however it ended. */
  onEnd(): void;
}

export interface Pulled {
  readonly repo: string;
  readonly commit: string;
  readonly file: string;
  /** Path through the snapshot. */
  readonly path: string;
  readonly bytes: number;
  /** `downloaded` now; `present` already, same as the hub's; `unchecked`: present, and the hub did not say. */
  readonly state: 'downloaded' | 'present' | 'unchecked';
  /** Why the hub did not say, for `unchecked`; else null. */
  readonly reason: string | null;
}

export interface PullContext {
  readonly settings: HubSettings;
  readonly rules: Omit<RetryRules, 'onRetry'>;
  readonly watcher: PullWatcher;
}

/**
 * Brings the file of a reference into the cache.
 *
 * Throws `usage`, `model-not-found`, `model-unsupported` for what the hub does not have, `download-failed` when it
 * cannot be reached, refuses, or the disk is full, `checksum-mismatch` (the bytes are removed then), `cancelled`
 * (the bytes are kept).
 */
export async function pull(reference: HubReference, context: PullContext): Promise<Pulled> {
  const { settings, watcher } = context;
  const cached = await findCached(settings.cacheDir, reference);
  if (cached !== null && isCommit(reference.revision)) {
    return { ...cached, state: 'present', reason: null };
  }
  if (settings.offline) return offlinePull(reference, settings, cached);
  const rules = { ...context.rules, onRetry: watcher.onRetry };
  // With the file at hand a hub that does not answer is no reason to wait; without it, a short one: nothing is lost yet.
  const attemptsMax = cached === null ? Math.min(rules.attemptsMax, lookUpAttemptsMax) : 1;
  const patience = { ...rules, attemptsMax };
  let remote: RemoteFile;
  try {
    remote = await withRetries(hubQuestion(reference, settings), patience, (transport) =>
      lookUpRemote(reference, settings, transport),
    );
  } catch (reason) {
    const unanswered = reason instanceof PilotfishError && reason.code === 'download-failed';
    if (cached === null || !unanswered) throw reason;
    return { ...cached, state: 'unchecked', reason: reason.message };
  }
  return bring(remote, reference, context, rules);
}

function offlinePull(
  reference: HubReference,
  { cacheDir }: HubSettings,
  cached: CachedFile | null,
): Pulled {
  if (cached !== null) return { ...cached, state: 'unchecked', reason: 'HF_HUB_OFFLINE is set' };
  const message = `${formatReference(reference)} is not in ${cacheDir}, and HF_HUB_OFFLINE is set`;
  throw new PilotfishError('model-not-found', message);
}

async function bring(
  remote: RemoteFile,
  reference: HubReference,
  context: PullContext,
  rules: RetryRules,
): Promise<Pulled> {
  const { repo, commit, file, content } = remote;
  const { cacheDir } = context.settings;
  const paths = repoPaths(cacheDir, repo);
  const pointer = paths.pointer(commit, file);
  let state: Pulled['state'] = 'present';
  if (!(await isFile(pointer))) {
    const lock = await takeLock(paths.lock(content.hash.hex), {
      busy: (holder) =>
        downloadFailed(`${formatReference(reference)} is being downloaded by ${holder}`),
      failed: fileFailed,
    });
    try {
      state = await fill(remote, reference, context, rules);
    } finally {
      await lock.release();
    }
  }
  // Last, so that a reference never names a snapshot that is not there.
  await writeRef(cacheDir, repo, reference.revision, commit);
  return { repo, commit, file, path: pointer, bytes: content.bytes, state, reason: null };
}

/** Makes blob and pointer; another commit may have brought the blob. To be called under the lock. */
async function fill(
  remote: RemoteFile,
  reference: HubReference,
  context: PullContext,
  rules: RetryRules,
): Promise<'present' | 'downloaded'> {
  const { content } = remote;
  const paths = repoPaths(context.settings.cacheDir, remote.repo);
  const blob = paths.blob(content.hash.hex);
  const pointer = paths.pointer(remote.commit, remote.file);
  if (await isPresent(blob)) {
    await placeBlob(blob, null, pointer);
    return 'present';
  }
  await mkdir(dirname(blob), { recursive: true }).catch((reason: unknown) => {
    throw fileFailed(blob, reason);
  });
  const partial = await PartialFile.open(paths.partial(content.hash.hex), content);
  await transfer(partial, remote, reference, context, rules);
  await partial.finish();
  await placeBlob(blob, partial.path, pointer);
  return 'downloaded';
}

async function transfer(
  partial: PartialFile,
  remote: RemoteFile,
  reference: HubReference,
  context: PullContext,
  rules: RetryRules,
): Promise<void> {
  const { settings, watcher } = context;
  await checkSpace(partial, remote.content.bytes);
  watcher.onStart(remote, partial.length);
  try {
    await withRetries(hubQuestion(reference, settings), rules, (transport) =>
      receive(partial, remote, settings, transport, watcher),
    );
  } catch (reason) {
    if (!(reason instanceof PilotfishError && reason.code === 'checksum-mismatch')) {
      await partial.close();
    }
    if (rules.signal.aborted) throw stoppedAt(partial, remote, reference);
    throw reason;
  } finally {
    watcher.onEnd();
  }
}

function stoppedAt(partial: PartialFile, remote: RemoteFile, reference: HubReference) {
  const kept = `${formatBytes(partial.length)} of ${formatBytes(remote.content.bytes)}`;
  return cancelled(`the download of ${formatReference(reference)} (${kept} are kept)`);
}

/** One try: everything from the first missing byte on. */
async function receive(
  partial: PartialFile,
  remote: RemoteFile,
  settings: HubSettings,
  transport: HubTransport,
  watcher: PullWatcher,
): Promise<void> {
  const { bytes } = remote.content;
  if (partial.length === bytes) return;
  const params = {
    ...libraryParams(settings, transport),
    repo: remote.repo,
    path: remote.file,
    revision: remote.commit,
  };
  // Asked anew for every try: the address it gives may be signed and run out.
  const info = await fileDownloadInfo(params);
  if (info === null) throw new PilotfishError('model-not-found', `the hub lost '${remote.file}'`);
  if (info.size !== bytes) {
    throw downloadFailed(
      `the hub says '${remote.file}' has ${bytes} bytes and serves ${info.size}`,
    );
  }
  // Not over Xet, which keeps 64 to 256 MiB in flight: too much for a small device. Every file is served plainly too.
  const whole = (await downloadFile({ ...params, downloadInfo: info, xet: false }))!;
  try {
    for await (const chunk of whole.slice(partial.length).stream()) {
      transport.arrived();
      await partial.append(chunk);
      watcher.onBytes(partial.length);
    }
  } catch (reason) {
    if (transport.failure()?.action === 'restart') await partial.reset();
    throw reason;
  }
  // A stream may end early without an error, as after a proxy's time-out: not final, so not one of our own errors.
  if (partial.length < bytes)
    throw new Error(`the answer ended ${bytes - partial.length} bytes early`);
}

/** Refuses at once what would fill the disk after an hour. */
async function checkSpace(partial: PartialFile, bytes: number): Promise<void> {
  const facts = await statfs(dirname(partial.path)).catch(() => null);
  if (facts === null) return;
  const free = facts.bavail * facts.bsize;
  const missing = bytes - partial.length;
  if (missing > free) {
    await partial.close();
    throw downloadFailed(
      `${formatBytes(missing)} are to come, and ${dirname(partial.path)} has ${formatBytes(free)} free`,
    );
  }
}
