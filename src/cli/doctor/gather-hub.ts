// Gathers facts about the model cache: path, permissions, free space, proxy settings. Asks no
// server.

import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { getHFHubCachePath, HUB_URL } from '@huggingface/hub';
import { PilotfishError } from '../../base/error.js';
import { type HubSettings, hubSettings } from '../hub/settings.js';
import type { Environment } from '../screen/terminal.js';
import { isWritable, type Machine } from './machine.js';

export function gatherHub(machine: Machine) {
  const { settings, problem } = readSettings(machine.env);
  const { cacheDir } = settings;
  const folder = existingFolder(cacheDir);
  return {
    endpoint: settings.endpoint,
    cacheDir,
    cacheExists: folder === cacheDir,
    cacheWritable: isWritable(folder),
    freeBytes: freeSpace(folder),
    // Whether it is set, never the token.
    tokenSet: settings.token !== null,
    offline: settings.offline,
    proxySet: isProxySet(machine.env),
    proxyUsed: isProxyUsed(machine),
    problem,
  };
}

function readSettings(env: Environment): { settings: HubSettings; problem: string | null } {
  try {
    return { settings: hubSettings(env), problem: null };
  } catch (reason) {
    if (!(reason instanceof PilotfishError)) throw reason;
    const cacheDir = getHFHubCachePath();
    const settings = { endpoint: HUB_URL, token: null, cacheDir, offline: false };
    return { settings, problem: reason.message };
  }
}

/** The folder, or its nearest existing parent, where a missing folder would be made. */
function existingFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function freeSpace(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}

const isProxySet = (env: Environment): boolean =>
  ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].some((name) => Boolean(env[name]));

/** Node's fetch takes a proxy from the environment since 22.21 and 24.0, and only if asked to. */
function isProxyUsed({ env, nodeVersion }: Machine): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  const able = major >= 24 || (major === 22 && minor >= 21);
  return able && env['NODE_USE_ENV_PROXY'] === '1';
}
