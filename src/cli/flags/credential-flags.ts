// Defines the flags for a device's key and certificates. Secrets come by file or environment only:
// every user of the machine can read a command line.

import { readFileSync, statSync } from 'node:fs';
import type { Option } from 'commander';
import { readPem } from '../../access/index.js';
import { PilotfishError } from '../../base/error.js';
import type { DeviceTls } from '../../device/index.js';
import { limits } from '../../protocol/limits.js';
import type { Terminal } from '../screen/terminal.js';
import { noteTo } from '../screen/text-view.js';
import { flag, usageError } from './flags.js';
import { noKeyFlag } from './listen-flags.js';

export interface CredentialOptions {
  readonly keyFile?: string;
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly insecureKeyInClear?: boolean;
}

export function credentialFlags(): Option[] {
  return [
    flag('--key-file <file>', 'file with the key for the server; or PILOTFISH_KEY'),
    flag('--ca <file>', "certificate authority that signed the server's certificate, in PEM form"),
    flag('--client-cert <file>', 'certificate of this device, if the server asks for one'),
    flag('--client-key <file>', 'its private key'),
    flag('--insecure-key-in-clear', 'send the key to another machine without TLS'),
    noKeyFlag('--api-key', 'use --key-file or PILOTFISH_KEY'),
  ];
}

export interface Credentials {
  readonly key?: string;
  readonly tls?: DeviceTls;
  readonly insecureKeyInClear?: boolean;
}

/** Reads what flags and environment name. @throws `usage`; never quotes a secret. */
export function credentialsOf(options: CredentialOptions, terminal: Terminal): Credentials {
  const { ca, clientCert, clientKey, insecureKeyInClear } = options;
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    throw usageError('--client-cert and --client-key go together');
  }
  const key = keyOf(options, terminal);
  const tls: DeviceTls = {
    ...(ca !== undefined && { ca: readPem(ca) }),
    ...(clientCert !== undefined && { cert: readPem(clientCert), key: readPem(clientKey!) }),
  };
  return {
    ...(key !== undefined && { key }),
    ...(Object.keys(tls).length > 0 && { tls }),
    ...(insecureKeyInClear === true && { insecureKeyInClear }),
  };
}

/** `--key-file` wins over PILOTFISH_KEY. */
function keyOf({ keyFile }: CredentialOptions, terminal: Terminal): string | undefined {
  const given = terminal.env['PILOTFISH_KEY'];
  const key = keyFile === undefined ? given : readKey(keyFile, terminal);
  if (key === undefined) return undefined;
  const where = keyFile ?? 'PILOTFISH_KEY';
  const { value: max } = limits.keyBytes;
  // The key goes into an HTTP header, which takes these characters only.
  if (key.length <= max && /^[\x21-\x7e]+$/.test(key)) return key;
  throw usageError(`${where} holds no key: a key is one word of at most ${max} characters`);
}

function readKey(path: string, terminal: Terminal): string {
  try {
    const { mode, size } = statSync(path);
    if (size > 4096) throw usageError(`${path} holds no key: it has ${size} bytes`);
    if ((mode & 0o007) !== 0) {
      noteTo(terminal)(`every user of this machine may read ${path}; run chmod 600 ${path}`);
    }
    return readFileSync(path, 'utf8').trim();
  } catch (reason) {
    if (reason instanceof PilotfishError) throw reason;
    const { code } = reason as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw usageError(`the key file ${path} ${why}`, { cause: reason });
  }
}
