// Downloads one model file into the Hugging Face cache: looks it up, locks it, resumes a broken
// download, checks the hash, links it. The library can neither resume nor check; only its range
// requests are used.

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
import { cancelled, type HubTransport, type RetryRules, withRetries } from './requests.js';
import type { HubSettings } from './settings.js';

const lookUpAttemptsMax = 3;

/** Events of a pull, for display. */
export interface PullWatcher {
  /** The transfer begins. @param startBytes bytes from an earlier run. */
  onStart(remote: RemoteFile, startBytes: number): void;
  /** @param doneBytes of the whole file; falls to 0 when the server cannot resume. */
  onBytes(doneBytes: number): void;
  onRetry(failure: HubFailure, waitMs: number): void;
  /** The transfer ended, with or without success. */
  onEnd(): void;
}

export interface Pulled {
  readonly repo: string;
  readonly commit: string;
  readonly file: string;
  /** Path through the snapshot. */
  readonly path: string;
  readonly bytes: number;
  /**
   * `downloaded` now; `present` and equal to the hub's; `unchecked`: present, but the hub did not
   * answer.
   */
  readonly state: 'downloaded' | 'present' | 'unchecked';
  /** Why the hub did not answer, for `unchecked`; else null. */
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
 * @throws PilotfishError `usage`, `model-not-found`, `model-unsupported` for a reference that the
 *   hub does not have; `download-failed` when the hub cannot be reached or refuses, or the disk is
 *   full; `checksum-mismatch`, after which the bytes are removed; `cancelled`, after which the
 *   bytes are kept.
 */
export async function pull(reference: HubReference, context: PullContext): Promise<Pulled> {
  const { settings, watcher } = context;
  const cached = await findCached(settings.cacheDir, reference);
  if (cached !== null && isCommit(reference.revision)) {
    return { ...cached, state: 'present', reason: null };
  }
  if (settings.offline) return offlinePull(reference, settings, cached);
  const rules = { ...context.rules, onRetry: watcher.onRetry };
  // With the file in the cache, do not wait for a hub that does not answer. Without it, wait a
  // short time.
  const attemptsMax = cached === null ? Math.min(rules.attemptsMax, lookUpAttemptsMax) : 1;
  const lookUpRules = { ...rules, attemptsMax };
  let remote: RemoteFile;
  try {
    remote = await withRetries(hubQuestion(reference, settings), lookUpRules, (transport) =>
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
  // Last, so that a reference never names a missing snapshot.
  await writeRef(cacheDir, repo, reference.revision, commit);
  return { repo, commit, file, path: pointer, bytes: content.bytes, state, reason: null };
}

/** Makes blob and pointer; another commit may have brought the blob. Call under the lock. */
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

/** One try: transfers everything from the first missing byte. */
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
  // Requested again for every try: the address may be signed and expire.
  const info = await fileDownloadInfo(params);
  if (info === null)
    throw new PilotfishError('model-not-found', `the hub no longer has '${remote.file}'`);
  if (info.size !== bytes) {
    throw downloadFailed(
      `the hub lists '${remote.file}' with ${bytes} bytes but serves ${info.size}`,
    );
  }
  // Without Xet, which keeps 64 to 256 MiB in flight: too much for a small device. The hub serves
  // every file without it too.
  const whole = (await downloadFile({ ...params, downloadInfo: info, xet: false }))!;
  try {
    for await (const chunk of whole.slice(partial.length).stream()) {
      transport.arrived();
      await partial.append(chunk);
      watcher.onBytes(partial.length);
    }
  } catch (reason) {
    if (transport.failure?.action === 'restart') await partial.reset();
    throw reason;
  }
  // A stream may end early without an error, as after a proxy's time-out. A plain Error is retried.
  if (partial.length < bytes)
    throw new Error(`the answer ended ${bytes - partial.length} bytes early`);
}

/** Refuses at once a download that would fill the disk. */
async function checkSpace(partial: PartialFile, bytes: number): Promise<void> {
  const facts = await statfs(dirname(partial.path)).catch(() => null);
  if (facts === null) return;
  const free = facts.bavail * facts.bsize;
  const missing = bytes - partial.length;
  if (missing > free) {
    await partial.close();
    throw downloadFailed(
      `${formatBytes(missing)} are missing, and ${dirname(partial.path)} has only ${formatBytes(free)} free`,
    );
  }
}
