// Makes certificates for tests with openssl: an authority, and what it signs. Node cannot make
// certificates.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Why tests with certificates are skipped; false: they are not. */
export function openSslMissing(): string | false {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'openssl is not installed: nothing makes a certificate';
  }
}

export interface Certificate {
  readonly keyPath: string;
  readonly certPath: string;
}

const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'ignore' });
const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Signed by itself, for 127.0.0.1, for a day: a server's, and an authority's. */
export function makeCertificate(folder: string, name = 'server'): Certificate {
  const [keyPath, certPath] = [join(folder, `${name}-key.pem`), join(folder, `${name}.pem`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  openssl('req', '-x509', ...curve, ...subject, '-keyout', keyPath, '-out', certPath);
  return { keyPath, certPath };
}

/** Signed by an authority. */
export function signCertificate(folder: string, name: string, authority: Certificate): Certificate {
  const [keyPath, certPath] = [join(folder, `${name}-key.pem`), join(folder, `${name}.pem`)];
  const request = join(folder, `${name}.csr`);
  openssl('req', ...curve, '-subj', `/CN=${name}`, '-keyout', keyPath, '-out', request);
  const by = ['-CA', authority.certPath, '-CAkey', authority.keyPath, '-CAcreateserial'];
  openssl('x509', '-req', '-in', request, ...by, '-days', '1', '-out', certPath);
  return { keyPath, certPath };
}
