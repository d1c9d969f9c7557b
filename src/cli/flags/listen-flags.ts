// Defines the flags for access to a listening port: the server's, and the HTTP API of a device.
// Opens the key file and certificates they name, and reads them again on SIGHUP.

import { join } from 'node:path';
import { Option } from 'commander';
import { Access, checkBind, FileKeyRing, TlsFiles } from '../../access/index.js';
import type { Environment, Terminal } from '../screen/terminal.js';
import { noteTo } from '../screen/text-view.js';
import { flag, usageError } from './flags.js';

/** The values of the flags. */
export interface ListenOptions {
  readonly host: string;
  /** True: the default file. */
  readonly keys?: string | true | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly tlsClientCa?: string | undefined;
  readonly origins: readonly string[];
  readonly insecureOpenToNetwork?: boolean | undefined;
}

/** The key file in the user's configuration folder. */
export function defaultKeysPath(env: Environment): string {
  const folder = env['XDG_CONFIG_HOME'] || join(env['HOME'] ?? '', '.config');
  return join(folder, 'pilotfish', 'keys.json');
}

/** The prefix of the flags: a device's HTTP API has its own. */
type Prefix = '--' | '--http-';

/** `--keys` and the TLS flags. */
export function listenFlagsOf(prefix: Prefix): Option[] {
  return [
    flag(
      `${prefix}keys [file]`,
      'require a key from this file; `pilotfish keys create` makes keys',
    ),
    flag(`${prefix}tls-cert <file>`, 'certificate chain in PEM form'),
    flag(`${prefix}tls-key <file>`, 'private key of the certificate'),
    flag(
      `${prefix}tls-client-ca <file>`,
      'require client certificates signed by this authority, in addition to keys',
    ),
  ];
}

export const insecureFlag = (): Option =>
  flag(
    '--insecure-open-to-network',
    'listen beyond this machine without keys or TLS: anyone who reaches the port may use it, or read the traffic',
  );

/** Refuses a flag that takes a key: every user of the machine can read a command line. */
export function noKeyFlag(name: string, remedy: string): Option {
  return new Option(`${name} <key>`).hideHelp().argParser(() => {
    const why = 'every user of this machine can read a command line';
    throw usageError(`${name} is not accepted: ${why}; ${remedy}`);
  });
}

/** Access control that is in use, with its files open. */
export interface OpenAccess {
  readonly access: Access;
  readonly tls: TlsFiles | null;
  close(): void;
}

/** Checks where a port may listen, and reads keys and certificate. @throws `usage`. */
export async function openAccessOf(
  options: ListenOptions,
  prefix: Prefix,
  terminal: Terminal,
): Promise<OpenAccess> {
  const { host, keys, tlsCert, tlsKey, tlsClientCa = null, origins } = options;
  checkPairs(options, prefix);
  await checkBind({
    host,
    hasKeys: keys !== undefined,
    hasTls: tlsCert !== undefined,
    insecureOpenToNetwork: options.insecureOpenToNetwork === true,
    remedies: { keys: `${prefix}keys`, tls: `${prefix}tls-cert with ${prefix}tls-key` },
  });
  const note = noteTo(terminal);
  const keysPath = keys === true ? defaultKeysPath(terminal.env) : keys;
  const ring = keysPath === undefined ? null : new FileKeyRing(keysPath, { note });
  let tls: TlsFiles | null = null;
  try {
    if (tlsCert !== undefined && tlsKey !== undefined) {
      tls = new TlsFiles({ cert: tlsCert, key: tlsKey, clientCa: tlsClientCa }, { note });
    }
  } catch (reason) {
    ring?.close();
    throw reason;
  }
  const endReload = onHangUp(terminal, ring, tls);
  return {
    access: new Access({ keys: ring, origins }),
    tls,
    close: () => {
      endReload();
      ring?.close();
      tls?.close();
    },
  };
}

/** Without files to read again, SIGHUP ends the command as usual. */
function onHangUp(terminal: Terminal, ring: FileKeyRing | null, tls: TlsFiles | null): () => void {
  const nothing = (): void => undefined;
  if (ring === null && tls === null) return nothing;
  const reload = (): void => {
    ring?.reload();
    tls?.reload();
  };
  return terminal.onHangUp?.(reload) ?? nothing;
}

function checkPairs({ tlsCert, tlsKey, tlsClientCa }: ListenOptions, prefix: Prefix): void {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw usageError(`${prefix}tls-cert and ${prefix}tls-key go together`);
  }
  if (tlsClientCa !== undefined && tlsCert === undefined) {
    throw usageError(`${prefix}tls-client-ca needs ${prefix}tls-cert and ${prefix}tls-key`);
  }
}
