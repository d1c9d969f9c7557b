// Checks the findings of doctor on machines of many kinds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Check, type CheckLevel, isAtLeast } from './check.js';
import type { Facts } from './facts.js';
import type { EngineFacts } from './gather-engine.js';
import { judgeMachine, worstVerdict } from './judge.js';
import type { Machine } from './machine.js';
import { engines, factsOf, machine, machines, refusing } from './machines.suite.js';

function check(facts: Facts, name: string): Check {
  const found = judgeMachine(facts).find((one) => one.name === name);
  assert.ok(found, `no check named ${name}`);
  return found;
}

/** Asserts verdict, finding and remedy of one check. */
function expect(
  from: Machine | Facts,
  engine: EngineFacts,
  name: string,
  verdict: CheckLevel,
  finding: RegExp,
  remedy: RegExp | null = null,
): void {
  const found = check('read' in from ? factsOf(from, engine) : from, name);
  assert.equal(found.verdict, verdict, JSON.stringify(found));
  assert.match(found.finding, finding);
  if (remedy === null) return;
  assert.match(found.remedy ?? '', remedy);
}

const { loaded, missing } = engines;
const names = (facts: Facts) => judgeMachine(facts).map((one) => [one.name, one.verdict].join(' '));

test('a Pi on Bullseye has to move to Bookworm and needs a better supply', () => {
  const engine = refusing(
    "the llama.cpp libraries in /x do not load: version `GLIBC_2.34' not found",
  );
  expect(
    machines.bullseyePi,
    engine,
    'C library',
    'fail',
    /glibc 2\.31, GLIBCXX 3\.4\.28: .* need glibc 2\.34 and GLIBCXX 3\.4\.30/,
    /Raspberry Pi OS 11 is too old: install Raspberry Pi OS 12 \(Bookworm\)/,
  );
  expect(machines.bullseyePi, engine, 'llama.cpp', 'fail', /GLIBC_2\.34/, /See "C library" above/);
  expect(machines.bullseyePi, engine, 'processor', 'note', /Cortex-A72 lacks asimddp asimdhp/);
  expect(
    machines.bullseyePi,
    engine,
    'heat',
    'warn',
    /61 °C, the supply voltage is too low/,
    /power supply/,
  );
  expect(machines.bullseyePi, engine, 'cores', 'note', /4 cores/, /--threads 1/);
});

test('a Pi 5 on Bookworm is in order', () => {
  assert.deepEqual(names(factsOf(machines.bookwormPi, loaded)), [
    'system ok',
    'Node ok',
    'C library ok',
    'llama.cpp ok',
    'GPU ok',
    'processor ok',
    'cores note',
    'memory ok',
    'heat ok',
    'model m.gguf ok',
    'model cache ok',
  ]);
});

test('a Jetson with JetPack 5 needs JetPack 6, and CUDA built for arm64', () => {
  expect(
    machines.jetpack5,
    missing,
    'C library',
    'fail',
    /glibc 2\.31/,
    /JetPack 5 is too old: install JetPack 6.*LLAMA_LIB_DIR/,
  );
  expect(
    machines.jetpack5,
    missing,
    'GPU',
    'note',
    /no CUDA build/,
    /Build llama\.cpp 0\.5\.0 with CUDA and set LLAMA_LIB_DIR/,
  );
  const jetpack4 = machine({
    ...machines.jetpack5,
    read: (path) =>
      path === '/etc/nv_tegra_release' ? '# R32 (release)' : machines.jetpack5.read(path),
  });
  expect(jetpack4, missing, 'C library', 'fail', /./, /JetPack 4 is too old/);
});

test('on Alpine musl is named as the reason', () => {
  expect(machines.alpine, missing, 'C library', 'fail', /musl/, /node:20-bookworm-slim/);
  expect(
    machines.alpine,
    missing,
    'llama.cpp',
    'fail',
    /none of them is installed/,
    /build llama\.cpp 0\.5\.0 yourself/,
  );
  expect(machines.alpine, loaded, 'C library', 'note', /musl/);
});

test('a 32-bit ARM system has no package, and is told whether a 64-bit system would run', () => {
  expect(
    machines.armv7l,
    missing,
    'system',
    'fail',
    /armv7l carries 64-bit code/,
    /kernel are 64-bit: install a 64-bit system/,
  );
  expect(machines.armv7lOnly, missing, 'system', 'fail', /32-bit/, /Use a 64-bit board/);
  expect(
    machines.armv7lOnly,
    missing,
    'llama.cpp',
    'fail',
    /./,
    /^For this system: build llama\.cpp/,
  );
  expect(machines.armv7l, loaded, 'system', 'note', /arm/);
});

test('a Mac without the package gets the command that installs it', () => {
  expect(
    machines.mac,
    missing,
    'llama.cpp',
    'fail',
    /none of them/,
    /npm install @node-llama-cpp\/mac-arm64-metal@3\.22\.1/,
  );
  assert.ok(!names(factsOf(machines.mac, missing)).some((name) => name.startsWith('C library')));
  expect(machines.mac, loaded, 'system', 'ok', /darwin, arm64/);
});

test('a library that loads shows that the system fits, whatever its versions are', () => {
  expect(machines.bullseyePi, loaded, 'C library', 'ok', /glibc 2\.31/);
});

test('a library that ends the process that loads it is named as the reason', () => {
  const crash = (how: string): EngineFacts => ({ ...loaded, load: { kind: 'crashed', how } });
  expect(
    machine({}),
    crash('SIGILL'),
    'llama.cpp',
    'fail',
    /instructions this processor does not have/,
    /LLAMA_LIB_DIR/,
  );
  expect(machine({}), crash('exit code 3'), 'llama.cpp', 'fail', /ended with exit code 3/);
  expect(
    machine({}),
    refusing('libllama.so: wrong ELF class'),
    'llama.cpp',
    'fail',
    /ELF/,
    /^npm install @node-llama-cpp\/linux-x64@3\.22\.1, or build/,
  );
  expect(
    machine({}),
    refusing('the library is llama.cpp 0.4.0'),
    'llama.cpp',
    'fail',
    /0\.4\.0/,
    /^npm install/,
  );
});

test('a folder that LLAMA_LIB_DIR names is named in the remedy', () => {
  const named = (engine: EngineFacts): EngineFacts => ({ ...engine, namedFolder: '/own' });
  for (const engine of [missing, refusing("version `GLIBC_2.34' not found")]) {
    expect(
      machine({}),
      named(engine),
      'llama.cpp',
      'fail',
      /./,
      /LLAMA_LIB_DIR is \/own: unset it/,
    );
  }
});

test('a GPU is listed, or its missing package or driver named', () => {
  const gpu = {
    name: 'CUDA0',
    description: 'RTX',
    kind: 'gpu' as const,
    totalBytes: 2 ** 34,
    freeBytes: 2 ** 33,
  };
  const nvidia = machine({}, { '/proc/driver/nvidia/version': 'NVRM' });
  const with_ = (devices: (typeof gpu)[], backends: string[]): EngineFacts => ({
    ...loaded,
    backends,
    load: { kind: 'loaded', devices },
  });
  expect(nvidia, with_([gpu], []), 'GPU', 'ok', /RTX \(CUDA0, 8\.00 GiB free\)/);
  expect(
    nvidia,
    loaded,
    'GPU',
    'note',
    /NVIDIA GPU, unused/,
    /npm install @node-llama-cpp\/linux-x64-cuda@3\.22\.1/,
  );
  expect(
    machine({}, { '/dev/dri/renderD128': '' }),
    loaded,
    'GPU',
    'note',
    /unused/,
    /linux-x64-vulkan/,
  );
  expect(
    machine({}),
    with_([], ['libggml-cuda.so']),
    'GPU',
    'warn',
    /libggml-cuda\.so is installed, but finds no GPU/,
    /driver/,
  );
  expect(machine({}), loaded, 'GPU', 'ok', /none/);
});

test('a container with less processor time than it shows gets a number of threads', () => {
  expect(
    machines.container2,
    loaded,
    'cores',
    'warn',
    /8 cores are visible, .* use only 1\.5/,
    /--threads 1\./,
  );
  expect(
    machines.container2,
    loaded,
    'memory',
    'ok',
    /768 MiB available of 1\.00 GiB \(limit of the container\)/,
  );
  expect(machine({ parallelism: 1 }), loaded, 'cores', 'warn', /one core/);
  expect(machine({ parallelism: 6 }), loaded, 'cores', 'ok', /^6 of 8 cores$/);
});

test('little memory, an old Node and a strange system are named', () => {
  expect(machine({ freeBytes: 2 ** 28 }), loaded, 'memory', 'warn', /256 MiB available/);
  expect(machine({ platform: 'darwin', freeBytes: 2 ** 27 }), loaded, 'memory', 'ok', /128 MiB/);
  expect(machine({ nodeVersion: '18.20.4' }), loaded, 'Node', 'fail', /18\.20\.4/, /20\.19/);
  expect(machine({ nodeVersion: '20.9.0' }), loaded, 'Node', 'fail', /too old/);
  expect(machine({ platform: 'win32' }), loaded, 'system', 'warn', /win32/, /WSL/);
});

test('processors without the usual instructions are named', () => {
  const flags = (text: string) => machine({}, { '/proc/cpuinfo': `flags\t\t: ${text}\n` });
  expect(flags('sse4_2 avx'), loaded, 'processor', 'note', /lacks avx2 fma f16c/);
  expect(flags('avx2 fma f16c avx512f'), loaded, 'processor', 'ok', /avx2 fma f16c avx512f/);
  expect(machine({}), loaded, 'processor', 'ok', /^test$/);
});

test('every throttle bit has its finding, the present before the past', () => {
  const words = (throttled: number | null, celsius: number | null = 50) => {
    const facts = factsOf(machine({}), loaded, { heat: { throttled, celsius } });
    const found = judgeMachine(facts).find(({ name }) => name === 'heat');
    return found && `${found.verdict}: ${found.finding}`;
  };
  assert.equal(words(0x0), 'ok: 50 °C, not slowed down');
  assert.equal(
    words(0x1),
    'warn: 50 °C, the supply voltage is too low, so the processor runs slower',
  );
  assert.equal(words(0x4), 'warn: 50 °C, the processor is slowed down');
  assert.equal(words(0x8), 'warn: 50 °C, the processor is slowed down');
  assert.equal(words(0x10000), 'note: 50 °C, the supply voltage has been too low since the start');
  assert.equal(words(0x80000), 'note: 50 °C, the processor has been slowed down since the start');
  assert.equal(words(0x0, 85), 'warn: 85 °C, about to be slowed down');
  assert.equal(words(0x0, null), 'ok: not slowed down');
  assert.equal(words(null, null), undefined);
});

test('models that are missing, changed or damaged fail', () => {
  const withModel = (model: object) =>
    factsOf(machine({}), loaded, {
      models: [{ file: 'm.gguf', bytes: 1000, intact: true, problem: null, exit: null, ...model }],
    });
  expect(withModel({}), loaded, 'model m.gguf', 'ok', /1\.00 kB, intact/);
  expect(withModel({ intact: null }), loaded, 'model m.gguf', 'ok', /no published checksum/);
  const exit = { layer: 4, targetBlockCount: 8 };
  expect(withModel({ exit }), loaded, 'model m.gguf', 'ok', /intact, a trained .* block 4 of 8/);
  expect(
    withModel({ bytes: null, intact: null }),
    loaded,
    'model m.gguf',
    'fail',
    /is missing/,
    /again/,
  );
  expect(withModel({ intact: false }), loaded, 'model m.gguf', 'fail', /checksum is not/);
  expect(
    withModel({ intact: null, problem: 'no GGUF' }),
    loaded,
    'model m.gguf',
    'fail',
    /no GGUF/,
  );
});

test('the cache and the proxy are judged', () => {
  const withHub = (hub: object) => {
    const facts = factsOf(machine({}), loaded);
    return { ...facts, hub: { ...facts.hub, ...hub } };
  };
  expect(
    withHub({ cacheExists: false }),
    loaded,
    'model cache',
    'ok',
    /\/cache \(does not exist yet\), 100 GB free/,
  );
  expect(
    withHub({ cacheWritable: false }),
    loaded,
    'model cache',
    'warn',
    /cannot be written/,
    /HF_HOME/,
  );
  expect(withHub({ freeBytes: 5e8 }), loaded, 'model cache', 'warn', /500 MB free/);
  expect(withHub({ offline: true }), loaded, 'model cache', 'note', /HF_HUB_OFFLINE/);
  expect(withHub({ problem: 'HF_TOKEN is odd' }), loaded, 'model cache', 'fail', /odd/);
  expect(
    withHub({ proxySet: true }),
    loaded,
    'proxy',
    'warn',
    /does not use it/,
    /NODE_USE_ENV_PROXY/,
  );
  expect(withHub({ proxySet: true, proxyUsed: true }), loaded, 'proxy', 'ok', /used/);
});

test('the worst finding is the verdict', () => {
  const verdicts = (...list: CheckLevel[]) =>
    list.map((verdict) => ({ name: '', verdict, finding: '', remedy: null }));
  assert.equal(worstVerdict(verdicts('ok', 'note', 'ok')), 'note');
  assert.equal(worstVerdict(verdicts('fail', 'warn', 'ok')), 'fail');
  assert.equal(worstVerdict([]), 'ok');
});

test('everything that is not in order comes with a remedy when it fails', () => {
  for (const from of Object.values(machines)) {
    for (const engine of [loaded, missing, refusing('broken')]) {
      for (const found of judgeMachine(factsOf(from, engine))) {
        if (found.verdict === 'fail') assert.ok(found.remedy, found.finding);
        assert.ok(found.remedy === null || /\.$/.test(found.remedy), found.remedy ?? '');
      }
    }
  }
});

test('versions are compared as numbers', () => {
  assert.ok(isAtLeast('2.34', '2.34') && isAtLeast('2.100', '2.34') && isAtLeast('3', '2.34'));
  assert.ok(!isAtLeast('2.9', '2.34') && !isAtLeast('2', '2.1') && isAtLeast('20.19.0', '20.19'));
});
