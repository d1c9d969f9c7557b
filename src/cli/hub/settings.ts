// Reads the settings of the model hub and its cache from the environment names of the Hugging Face
// tools. Never prints or stores a token.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getHFHubCachePath, HUB_URL } from '@huggingface/hub';
import { switchValue, usageError } from '../flags/flags.js';
import type { Environment } from '../screen/terminal.js';

export interface HubSettings {
  /** Origin and path prefix without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | null;
  /** Folder that holds models--user--repo folders. */
  readonly cacheDir: string;
  /** Whether to stay off the network. */
  readonly offline: boolean;
}

/**
 * HF_ENDPOINT, HF_TOKEN (or the token that `hf auth login` saved) and HF_HUB_OFFLINE from `env`.
 * The library finds the cache folder from HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME of the process.
 *
 * @throws PilotfishError `usage` for an unusable value.
 */
export function hubSettings(env: Environment): HubSettings {
  const cacheDir = getHFHubCachePath();
  return {
    endpoint: readEndpoint(env['HF_ENDPOINT'] || HUB_URL),
    token: readToken(env, join(env['HF_HOME'] || join(cacheDir, '..'), 'token')),
    cacheDir,
    offline: switchValue('HF_HUB_OFFLINE', env['HF_HUB_OFFLINE'] ?? ''),
  };
}

function readEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw usageError(`HF_ENDPOINT is '${text}', not an http or https address`);
  }
  return text.replace(/\/+$/, '');
}

function readToken(env: Environment, savedPath: string): string | null {
  const token = env['HF_TOKEN']?.trim() || readSaved(env['HF_TOKEN_PATH'] || savedPath);
  if (!token) return null;
  // The library refuses any other form with a TypeError in the middle of a request.
  if (!token.startsWith('hf_')) {
    throw usageError('the Hugging Face token (HF_TOKEN) does not start with hf_');
  }
  return token;
}

function readSaved(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
