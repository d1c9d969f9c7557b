// Asks the hub for the current state of a reference: commit, file, size, checksum. Checks
// everything before it becomes part of a path. Downloads nothing.

import { listFiles, modelInfo, type PathInfo, pathsInfo } from '@huggingface/hub';
import { PilotfishError } from '../../base/error.js';
import { isCommit } from './cache.js';
import { downloadFailed, type HubQuestion } from './failure.js';
import type { Content } from './partial-file.js';
import { formatReference, type HubReference, isSafePath, pickFile } from './reference.js';
import type { HubTransport } from './requests.js';
import type { HubSettings } from './settings.js';

/** A file on the hub, now. */
export interface RemoteFile {
  readonly repo: string;
  readonly commit: string;
  readonly file: string;
  readonly content: Content;
}

/** Parameters of every call of the library. */
export function libraryParams(settings: HubSettings, transport: HubTransport) {
  return {
    hubUrl: settings.endpoint,
    fetch: transport.fetch,
    ...(settings.token !== null && { accessToken: settings.token }),
  };
}

export function hubQuestion(reference: HubReference, settings: HubSettings): HubQuestion {
  return {
    subject: formatReference(reference),
    host: new URL(settings.endpoint).host,
    repoPage: `${settings.endpoint}/${reference.repo}`,
    withToken: settings.token !== null,
  };
}

/**
 * @throws PilotfishError `model-not-found`, `model-unsupported` or `usage` as pickFile;
 *   `download-failed` for a bad response.
 */
export async function lookUpRemote(
  reference: HubReference,
  settings: HubSettings,
  transport: HubTransport,
): Promise<RemoteFile> {
  const { repo, revision } = reference;
  const params = libraryParams(settings, transport);
  const { sha: commit } = await modelInfo({
    ...params,
    name: repo,
    revision,
    additionalFields: ['sha'],
  });
  if (typeof commit !== 'string' || !isCommit(commit)) {
    throw downloadFailed(
      `the hub gives '${commit}' for the commit of ${formatReference(reference)}`,
    );
  }
  const file = reference.file ?? pickFile(reference, await listPaths(repo, commit, params));
  if (!isSafePath(file))
    throw downloadFailed(`the hub names a file that cannot be used: '${file}'`);
  const infos = await pathsInfo({ ...params, repo, revision: commit, paths: [file] });
  const info = infos.find(({ path, type }) => path === file && type === 'file');
  if (info === undefined) {
    throw new PilotfishError(
      'model-not-found',
      `the repository ${repo} has no file '${file}' at ${revision}`,
    );
  }
  return { repo, commit, file, content: contentOf(info) };
}

async function listPaths(
  repo: string,
  revision: string,
  params: ReturnType<typeof libraryParams>,
): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of listFiles({ ...params, repo, revision, recursive: true })) {
    if (entry.type === 'file') paths.push(entry.path);
  }
  return paths;
}

function contentOf(info: PathInfo): Content {
  const hex = info.lfs?.oid ?? info.oid ?? '';
  const kind = info.lfs === undefined ? 'git-sha1' : 'sha256';
  const bytes = info.lfs?.size ?? info.size;
  const readable = kind === 'sha256' ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/;
  if (!readable.test(hex) || !Number.isSafeInteger(bytes) || bytes < 0) {
    throw downloadFailed(`the hub gives no size and checksum for '${info.path}'`);
  }
  return { bytes, hash: { kind, hex } };
}
