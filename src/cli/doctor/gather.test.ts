// Checks the facts that doctor reads, from files of real machines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherFacts } from './facts.js';
import {
  gatherGraphics,
  gatherHeat,
  gatherMemory,
  gatherProcessor,
  gatherSystem,
} from './gather.js';
import { gatherHub } from './gather-hub.js';
import { thisMachine } from './machine.js';
import { machine, machines } from './machines.suite.js';

test('the system of a Raspberry Pi is read from its files', () => {
  assert.deepEqual(gatherSystem(machines.bullseyePi), {
    platform: 'linux',
    arch: 'arm64',
    kernelArch: 'aarch64',
    kernelRelease: '6.1.0',
    distribution: { id: 'debian', version: '11', name: 'Debian GNU/Linux 11 (bullseye)' },
    board: 'Raspberry Pi 4 Model B Rev 1.4',
    tegraRelease: null,
    nodeVersion: '20.19.0',
    libc: 'glibc',
    glibcVersion: '2.31',
    cxxVersion: '3.4.28',
  });
  assert.deepEqual(gatherHeat(machines.bullseyePi), { celsius: 61.324, throttled: 0x50005 });
  assert.deepEqual(gatherHeat(machines.bookwormPi), { celsius: 48.3, throttled: 0 });
  assert.deepEqual(gatherHeat(machines.mac), { celsius: null, throttled: null });
  assert.equal(gatherMemory(machines.bullseyePi).availableBytes, 3_100_000 * 1024);
  assert.deepEqual(gatherProcessor(machines.bullseyePi).features, [
    'fp',
    'asimd',
    'evtstrm',
    'crc32',
    'cpuid',
  ]);
});

test('JetPack, musl and macOS are recognised', () => {
  assert.equal(gatherSystem(machines.jetpack5).tegraRelease, 35);
  assert.deepEqual(gatherGraphics(machines.jetpack5), { nvidia: true, renderNode: false });
  assert.equal(gatherSystem(machines.alpine).libc, 'musl');
  assert.equal(gatherSystem(machines.alpine).cxxVersion, '3.4.32');
  const { libc, cxxVersion, distribution, board } = gatherSystem(machines.mac);
  assert.deepEqual([libc, cxxVersion, distribution, board], ['other', null, null, null]);
});

test('libstdc++ is found where Node does not have it loaded', () => {
  const library = '/usr/lib/x86_64-linux-gnu/libstdc++.so.6';
  const from = machine({}, { [library]: 'GLIBCXX_3.4.9\0GLIBCXX_3.4.30\0' });
  assert.equal(gatherSystem(from).cxxVersion, '3.4.30');
  assert.equal(gatherSystem(machine({})).cxxVersion, null);
});

test('limits of control groups count, of both versions, and of every group around', () => {
  for (const from of [machines.container1, machines.container2]) {
    assert.equal(gatherProcessor(from).quota, 1.5);
    const { limitBytes, availableBytes } = gatherMemory(from);
    assert.equal(limitBytes, 2 ** 30);
    assert.equal(availableBytes, (2 ** 30 * 3) / 4);
  }
  assert.equal(gatherProcessor(machines.unlimited1).quota, null);
  assert.equal(gatherMemory(machines.unlimited1).limitBytes, null);
  assert.equal(gatherProcessor(machine({})).quota, null);
});

test('a GPU with a render node is seen', () => {
  const from = machine({}, { '/dev/dri/renderD128': '', '/dev/dri/card0': '' });
  assert.deepEqual(gatherGraphics(from), { nvidia: false, renderNode: true });
  assert.equal(gatherGraphics(machine({}, { '/dev/nvidia0': '' })).nvidia, true);
});

test('a proxy counts as used only where Node uses it', () => {
  const used = (nodeVersion: string, env: Record<string, string>) =>
    gatherHub(
      machine({ nodeVersion, env: { HF_HOME: '/nonexistent', HTTPS_PROXY: 'http://p', ...env } }),
    );
  assert.deepEqual(
    [
      used('20.19.0', { NODE_USE_ENV_PROXY: '1' }),
      used('24.1.0', {}),
      used('22.21.0', { NODE_USE_ENV_PROXY: '1' }),
    ].map(({ proxySet, proxyUsed }) => [proxySet, proxyUsed]),
    [
      [true, false],
      [true, false],
      [true, true],
    ],
  );
});

test('unusable settings of the hub are a finding, not an error', () => {
  const hub = gatherHub(machine({ env: { HF_ENDPOINT: 'nowhere' } }));
  assert.match(hub.problem!, /HF_ENDPOINT is 'nowhere'/);
});

test('this very machine can be described, and no secret is in it', async () => {
  const env = { ...process.env, HF_TOKEN: 'hf_verysecret', HTTPS_PROXY: 'http://me:word@proxy' };
  const facts = await gatherFacts(thisMachine(env));
  assert.equal(facts.system.nodeVersion, process.versions.node);
  assert.ok(
    facts.memory.availableBytes > 0 && facts.memory.availableBytes <= facts.memory.totalBytes,
  );
  assert.ok(facts.processor.parallelism >= 1);
  assert.equal(facts.hub.tokenSet, true);
  const text = JSON.stringify(facts);
  assert.ok(!text.includes('verysecret') && !text.includes('me:word'));
});
