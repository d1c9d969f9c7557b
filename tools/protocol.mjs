// Generates src/protocol/generated/pilotfish_pb.ts from src/protocol/pilotfish.proto.
// Usage: node tools/protocol.mjs <folder> [--check]
//   <folder>  where `npm install @bufbuild/buf @bufbuild/protoc-gen-es@2.17.0` was run; both tools run on Node 20
//   --check   write nothing; fail where the committed file differs from a fresh one

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'src/protocol');
const target = join(source, 'generated/pilotfish_pb.ts');
const args = process.argv.slice(2);
const folder = args.find((arg) => !arg.startsWith('--'));

function fail(message) {
  console.error(message);
  process.exit(1);
}

function tool(name) {
  return resolve(folder, 'node_modules/.bin', name);
}

function generate() {
  const out = mkdtempSync(join(tmpdir(), 'pilotfish-proto-'));
  const template = {
    version: 'v2',
    plugins: [{ local: tool('protoc-gen-es'), out, opt: ['target=ts', 'import_extension=js'] }],
  };
  const { status, stderr, error } = spawnSync(
    tool('buf'),
    ['generate', '--template', JSON.stringify(template), '.'],
    { cwd: source, encoding: 'utf8' },
  );
  if (status !== 0) fail(error ? error.message : stderr);
  const text = readFileSync(join(out, 'pilotfish_pb.ts'), 'utf8');
  rmSync(out, { recursive: true });
  return `// Made by tools/protocol.mjs from ../pilotfish.proto; do not edit. The tests hold codec.ts against it.\n${text}`;
}

if (!folder) fail('which folder has buf and protoc-gen-es? see the head of tools/protocol.mjs');
const text = generate();
if (args.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text)
    fail('pilotfish_pb.ts is stale: node tools/protocol.mjs');
  console.log('pilotfish_pb.ts equals a fresh one');
} else {
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(target, text);
  console.log(`${target}: ${text.length} characters`);
}
