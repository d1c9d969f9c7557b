// Downloads one model file into the Hugging Face cache: looks it up, locks it, resumes a broken
// download, checks the hash, links it. The library can neither resume nor check.

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
import { lookUpRemote, type RemoteFile } from './look-up.js';
import { PartialFile } from './partial-file.js';
import { formatReference, type HubReference } from './reference.js';
import {
  cancelled,
  downloadFailed,
  fileFailed,
  type HubFailure,
  type HubTransport,
  type RetryRules,
  withRetries,
} from './requests.js';
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

export interface Pulled extends CachedFile {
  /** `present`: equal to the hub's. `unchecked`: present, but the hub did not answer. */
  readonly state: 'downloaded' | 'present' | 'unchecked';
  /** Why the hub did not answer, for `unchecked`; else null. */
  readonly reason: string | null;
}

export interface PullContext {
  readonly settings: HubSettings;
  readonly rules: Omit<RetryRules, 'onRetry'>;
  readonly watcher: PullWatcher;
}

/** A pull of a file that the hub has. */
interface Job {
  readonly reference: HubReference;
  readonly remote: RemoteFile;
  readonly settings: HubSettings;
  readonly rules: RetryRules;
  readonly watcher: PullWatcher;
}

/**
 * Brings the file of a reference into the cache.
 * @throws PilotfishError as lookUpRemote; `download-failed` when the hub refuses or the disk is
 *   full; `checksum-mismatch`: the bytes are removed; `cancelled`: they are kept.
 */
export async function pull(reference: HubReference, context: PullContext): Promise<Pulled> {
  const { settings, watcher } = context;
  const cached = await findCached(settings.cacheDir, reference);
  if (cached !== null && isCommit(reference.revision)) {
    return { ...cached, state: 'present', reason: null };
  }
  if (settings.offline) return offlinePull(reference, settings, cached);
  const rules = { ...context.rules, onRetry: watcher.onRetry };
  // With the file in the cache, do not wait for a hub that does not answer.
  const attemptsMax = cached === null ? Math.min(rules.attemptsMax, lookUpAttemptsMax) : 1;
  let remote: RemoteFile;
  try {
    remote = await withRetries(reference, settings, { ...rules, attemptsMax }, (transport) =>
      lookUpRemote(reference, transport),
    );
  } catch (reason) {
    const unanswered = reason instanceof PilotfishError && reason.code === 'download-failed';
    if (cached === null || !unanswered) throw reason;
    return { ...cached, state: 'unchecked', reason: reason.message };
  }
  return bring({ reference, remote, settings, rules, watcher });
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

async function bring(job: Job): Promise<Pulled> {
  const { reference, remote, settings } = job;
  const { repo, commit, file, content } = remote;
  const paths = repoPaths(settings.cacheDir, repo);
  const path = paths.pointer(commit, file);
  let state: Pulled['state'] = 'present';
  if (!(await isFile(path))) {
    const name = formatReference(reference);
    const lock = await takeLock(paths.lock(content.hash.hex), {
      busy: (holder) => downloadFailed(`${name} is being downloaded by ${holder}`),
      failed: fileFailed,
    });
    try {
      state = await fill(job, path);
    } finally {
      await lock.release();
    }
  }
  // Last, so that a reference never names a missing snapshot.
  await writeRef(settings.cacheDir, repo, reference.revision, commit);
  return { repo, commit, file, path, bytes: content.bytes, state, reason: null };
}

/** Makes blob and pointer; another commit may have brought the blob. Call under the lock. */
async function fill(job: Job, pointer: string): Promise<'present' | 'downloaded'> {
  const { repo, content } = job.remote;
  const paths = repoPaths(job.settings.cacheDir, repo);
  const blob = paths.blob(content.hash.hex);
  if (await isPresent(blob)) {
    await placeBlob(blob, null, pointer);
    return 'present';
  }
  await mkdir(dirname(blob), { recursive: true }).catch((reason: unknown) => {
    throw fileFailed(blob, reason);
  });
  const partial = await PartialFile.open(paths.partial(content.hash.hex), content);
  await transfer(partial, job);
  await partial.finish();
  await placeBlob(blob, partial.path, pointer);
  return 'downloaded';
}

async function transfer(partial: PartialFile, job: Job): Promise<void> {
  const { reference, remote, settings, rules, watcher } = job;
  await checkSpace(partial, remote.content.bytes);
  watcher.onStart(remote, partial.length);
  try {
    await withRetries(reference, settings, rules, (transport) => receive(partial, job, transport));
  } catch (reason) {
    if (!(reason instanceof PilotfishError && reason.code === 'checksum-mismatch')) {
      await partial.close();
    }
    if (!rules.signal.aborted) throw reason;
    const kept = `${formatBytes(partial.length)} of ${formatBytes(remote.content.bytes)}`;
    throw cancelled(`the download of ${formatReference(reference)} (${kept} are kept)`);
  } finally {
    watcher.onEnd();
  }
}

/** One try: transfers everything from the first missing byte. */
async function receive(
  partial: PartialFile,
  { remote, watcher }: Job,
  transport: HubTransport,
): Promise<void> {
  const { repo, commit: revision, file: path } = remote;
  const { bytes } = remote.content;
  if (partial.length === bytes) return;
  const params = { ...transport.params, repo, path, revision };
  // Requested again for every try: the address may be signed and expire.
  const info = await fileDownloadInfo(params);
  if (info === null) {
    throw new PilotfishError('model-not-found', `the hub no longer has '${path}'`);
  }
  if (info.size !== bytes) {
    throw downloadFailed(`the hub lists '${path}' with ${bytes} bytes but serves ${info.size}`);
  }
  // Without Xet, which keeps 64 to 256 MiB in flight: too much for a small device.
  const whole = (await downloadFile({ ...params, downloadInfo: info, xet: false }))!;
  try {
    for await (const chunk of whole.slice(partial.length).stream()) {
      transport.arrived();
      await partial.append(chunk);
      watcher.onBytes(partial.length);
    }
  } catch (reason) {
    if (transport.failureOf(reason).action === 'restart') await partial.reset();
    throw reason;
  }
  // A stream may end early without an error, as after a proxy's time-out. A plain Error is retried.
  const missing = bytes - partial.length;
  if (missing > 0) throw new Error(`the answer ended ${missing} bytes early`);
}

/** Refuses at once a download that would fill the disk. */
async function checkSpace(partial: PartialFile, bytes: number): Promise<void> {
  const folder = dirname(partial.path);
  const facts = await statfs(folder).catch(() => null);
  const missing = bytes - partial.length;
  const free = facts === null ? Infinity : facts.bavail * facts.bsize;
  if (missing <= free) return;
  await partial.close();
  throw downloadFailed(
    `${formatBytes(missing)} are missing, and ${folder} has only ${formatBytes(free)} free`,
  );
}
