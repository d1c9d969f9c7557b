// Reads and writes the Hugging Face cache on disk as the Python tools do: blobs by hash, snapshots
// by commit, refs by branch. The library's scan misses subfolders and stops at broken links.

import {
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { getRepoFolderName } from '@huggingface/hub';
import { type HubReference, isGguf, isSafePath, pickFile } from './reference.js';
import { fileFailed } from './requests.js';

/** One GGUF file of one snapshot. */
export interface CachedFile {
  readonly repo: string;
  readonly commit: string;
  /** Path inside the repository. */
  readonly file: string;
  /** Path on disk, through the snapshot. */
  readonly path: string;
  readonly bytes: number;
}

export const isCommit = (text: string): boolean => /^[0-9a-f]{40}$/.test(text);

/** Deeper folders of a repository are not searched. */
const depthMax = 4;

/** Paths of one repository in the cache. */
export function repoPaths(cacheDir: string, repo: string) {
  const folder = getRepoFolderName({ type: 'model', name: repo });
  const root = join(cacheDir, folder);
  return {
    root,
    snapshots: join(root, 'snapshots'),
    refs: join(root, 'refs'),
    blob: (hash: string) => join(root, 'blobs', hash),
    partial: (hash: string) => join(root, 'blobs', `${hash}.incomplete`),
    pointer: (commit: string, file: string) => join(root, 'snapshots', commit, file),
    // Named apart from the lock files of the Python tools, which are of another kind.
    lock: (hash: string) => join(cacheDir, '.locks', folder, `${hash}.pilotfish`),
  };
}

/** The commit of a revision at the last download, or null. */
export async function cachedCommit(
  cacheDir: string,
  repo: string,
  revision: string,
): Promise<string | null> {
  if (isCommit(revision)) return revision;
  if (!isSafePath(revision)) return null;
  const path = join(repoPaths(cacheDir, repo).refs, revision);
  const text = (await readFile(path, 'utf8').catch(() => '')).trim();
  return isCommit(text) ? text : null;
}

/** The file that a reference means; null where the cache lacks it. @throws as pickFile. */
export async function findCached(
  cacheDir: string,
  reference: HubReference,
): Promise<CachedFile | null> {
  const commit = await cachedCommit(cacheDir, reference.repo, reference.revision);
  if (commit === null) return null;
  const files = await listSnapshot(cacheDir, reference.repo, commit);
  const names = files.map(({ file }) => file);
  // The cache may hold only a part of the repository: a missing file is a miss, not an error.
  const quant = reference.quant?.toLowerCase() ?? '';
  if (!names.some((name) => name.toLowerCase().includes(quant))) return null;
  const wanted = reference.file ?? pickFile(reference, names);
  return files.find(({ file }) => file === wanted) ?? null;
}

/** Every GGUF file of every model repository and commit: the newest commit is not known. */
export async function listCached(cacheDir: string): Promise<CachedFile[]> {
  const found: CachedFile[] = [];
  for (const folder of await listFolder(cacheDir)) {
    if (!folder.startsWith('models--')) continue;
    const repo = folder.slice('models--'.length).replace('--', '/');
    for (const commit of await listFolder(repoPaths(cacheDir, repo).snapshots)) {
      if (isCommit(commit)) found.push(...(await listSnapshot(cacheDir, repo, commit)));
    }
  }
  return found;
}

async function listSnapshot(cacheDir: string, repo: string, commit: string): Promise<CachedFile[]> {
  const root = join(repoPaths(cacheDir, repo).snapshots, commit);
  const found: CachedFile[] = [];
  async function walk(folder: string, depth: number): Promise<void> {
    for (const name of await listFolder(folder)) {
      const path = join(folder, name);
      const facts = await stat(path).catch(() => null);
      if (facts?.isDirectory() && depth < depthMax) await walk(path, depth + 1);
      if (!facts?.isFile() || !isGguf(name)) continue;
      found.push({ repo, commit, file: relative(root, path), path, bytes: facts.size });
    }
  }
  await walk(root, 0);
  return found;
}

const listFolder = async (path: string): Promise<string[]> =>
  (await readdir(path).catch(() => [])).sort();

/**
 * Moves a finished download to its blob and links the snapshot to it. Without links (memory cards
 * with FAT) the file itself goes into the snapshot, as in the Python tools.
 */
export async function placeBlob(
  blob: string,
  partial: string | null,
  pointer: string,
  makeLink: typeof symlink = symlink,
): Promise<void> {
  try {
    await mkdir(dirname(pointer), { recursive: true });
    if (partial !== null) await rename(partial, blob);
    const fresh = `${pointer}.${process.pid}`;
    await rm(fresh, { force: true });
    const made = await makeLink(relative(dirname(pointer), blob), fresh).then(
      () => fresh,
      () => blob,
    );
    // A rename replaces an old pointer in one step, so a reader finds the old file or the new one.
    await rename(made, pointer);
  } catch (reason) {
    throw fileFailed(pointer, reason);
  }
}

/** Writes the commit of a branch or tag. Scanners expect the folder, so a commit makes it too. */
export async function writeRef(
  cacheDir: string,
  repo: string,
  revision: string,
  commit: string,
): Promise<void> {
  const { refs } = repoPaths(cacheDir, repo);
  const path = join(refs, revision);
  try {
    await mkdir(isCommit(revision) ? refs : dirname(path), { recursive: true });
    if (!isCommit(revision)) await writeFile(path, commit);
  } catch (reason) {
    throw fileFailed(path, reason);
  }
}

/** Whether a file is present, through links. */
export const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => null))?.isFile() ?? false;

/** Whether something is present, even a broken link. */
export const isPresent = async (path: string): Promise<boolean> =>
  (await lstat(path).catch(() => null)) !== null;
