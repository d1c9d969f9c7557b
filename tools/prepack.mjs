// Readies dist for `npm pack`: builds, and removes what the compiler made of sources that are gone.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
if (status !== 0) process.exit(1);

for (const name of readdirSync('dist/src', { recursive: true })) {
  const made = /^(.*?)(\.d\.ts|\.js|\.js\.map)$/.exec(String(name));
  if (made === null || existsSync(join('src', `${made[1]}.ts`))) continue;
  rmSync(join('dist/src', String(name)));
  console.error(`removed dist/src/${name}: its source is gone`);
}
