// Compiles tools/kernel into src/engine/kernel/generated/kernel-bytes.ts.
// Usage: node tools/kernel.mjs [--check]
//   --check   write nothing; fail where the committed file differs from a fresh build

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const entry = 'tools/kernel/index.ts';
const target = join(root, 'src/engine/kernel/generated/kernel-bytes.ts');
// No runtime: the kernel allocates nothing and collects nothing.
const flags = ['--enable', 'simd', '--runtime', 'stub', '-O3', '--noAssert'];
const memoryFlags = ['--importMemory', '--noExportMemory'];

async function compile() {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [entry, ...flags, ...memoryFlags, '--outFile', 'kernel.wasm', '--textFile', 'kernel.wat'],
    {
      readFile: (name, base) => {
        try {
          return readFileSync(join(root, base, name), 'utf8');
        } catch {
          return null;
        }
      },
      writeFile: (name, contents) => outputs.set(name, contents),
      listFiles: () => [],
    },
  );
  if (error) fail(`${stderr}\n${error.message}`);
  // Static data would lie where kernel.ts puts its rows.
  if (outputs.get('kernel.wat').includes('(data ')) fail('the kernel has static data');
  return outputs.get('kernel.wasm');
}

function moduleText(bytes) {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .match(/.{1,96}/g);
  return `// The compiled row kernel, ${bytes.length} bytes, as base64. Made by tools/kernel.mjs from tools/kernel with
// assemblyscript ${asc.version} ${flags.join(' ')}; do not edit.

export const kernelBase64 =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

const text = moduleText(await compile());
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) fail('kernel-bytes.ts is stale: npm run kernel');
  console.log('kernel-bytes.ts equals a fresh build');
} else {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
  console.log(text.split('\n', 1)[0]);
}
