// A certificate for a trial over TLS, made by openssl: Node has no maker of its own.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

/** Signed by itself, for a day. @returns null where openssl is not installed. */
export function trialCertificate(folder: string): { cert: string; key: string } | null {
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = ['-subj', '/CN=trial', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  try {
    const args = ['req', '-x509', ...curve, ...subject, '-keyout', key, '-out', cert];
    execFileSync('openssl', args, { stdio: 'ignore' });
    return { cert, key };
  } catch {
    return null;
  }
}
