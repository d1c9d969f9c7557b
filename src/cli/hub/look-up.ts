// Asks the hub for the current state of a reference: commit, file, size, checksum. Checks
// everything before it becomes part of a path. Downloads nothing.

import { listFiles, modelInfo, type PathInfo, pathsInfo } from '@huggingface/hub';
import { PilotfishError } from '../../base/error.js';
import { isCommit } from './cache.js';
import type { Content } from './partial-file.js';
import { formatReference, type HubReference, isSafePath, pickFile } from './reference.js';
import { downloadFailed, type HubTransport } from './requests.js';

/** A file on the hub, now. */
export interface RemoteFile {
  readonly repo: string;
  readonly commit: string;
  readonly file: string;
  readonly content: Content;
}

/** @throws PilotfishError as pickFile; `model-not-found`; `download-failed` for a bad response. */
export async function lookUpRemote(
  reference: HubReference,
  { params }: HubTransport,
): Promise<RemoteFile> {
  const { repo, revision } = reference;
  const model = { ...params, name: repo, revision, additionalFields: ['sha'] as ['sha'] };
  const { sha: commit } = await modelInfo(model);
  if (typeof commit !== 'string' || !isCommit(commit)) {
    const name = formatReference(reference);
    throw downloadFailed(`the hub gives '${commit}' for the commit of ${name}`);
  }
  const file = reference.file ?? pickFile(reference, await listPaths(repo, commit, params));
  if (!isSafePath(file)) {
    throw downloadFailed(`the hub names a file that cannot be used: '${file}'`);
  }
  const infos = await pathsInfo({ ...params, repo, revision: commit, paths: [file] });
  const info = infos.find(({ path, type }) => path === file && type === 'file');
  if (info !== undefined) return { repo, commit, file, content: contentOf(info) };
  const message = `the repository ${repo} has no file '${file}' at ${revision}`;
  throw new PilotfishError('model-not-found', message);
}

async function listPaths(
  repo: string,
  revision: string,
  params: HubTransport['params'],
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
  if (readable.test(hex) && Number.isSafeInteger(bytes) && bytes >= 0) {
    return { bytes, hash: { kind, hex } };
  }
  throw downloadFailed(`the hub gives no size and checksum for '${info.path}'`);
}
