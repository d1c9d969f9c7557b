// Checks where a server may listen, how addresses are classed, and how many unauthenticated
// connections may stand.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressBlock, isLoopback } from './address.js';
import { checkBind } from './bind-rule.js';
import { ConnectionGate } from './connection-gate.js';

const closed = { hasKeys: false, hasTls: false, insecureOpenToNetwork: false };

describe('the bind rule', () => {
  it('listens on this machine without keys and TLS', async () => {
    for (const host of ['127.0.0.1', '127.8.9.10', '::1', 'localhost', '::ffff:127.0.0.1']) {
      await assert.doesNotReject(checkBind({ host, ...closed }), host);
    }
  });

  it('listens on the network only with both, or with the flag that says what it is', async () => {
    const hosts = ['0.0.0.0', '::', '192.168.1.5', '::ffff:10.0.0.1', 'no-such-name.invalid', ''];
    for (const host of hosts) {
      const cases: [object, RegExp | null][] = [
        [closed, /needs keys and tls, or insecureOpenToNetwork/],
        [{ ...closed, hasKeys: true }, /needs tls, or/],
        [{ ...closed, hasTls: true }, /needs keys, or/],
        [{ ...closed, hasKeys: true, hasTls: true }, null],
        [{ ...closed, insecureOpenToNetwork: true }, null],
      ];
      for (const [given, message] of cases) {
        const checked = checkBind({ host, ...closed, ...given });
        if (message === null) await assert.doesNotReject(checked);
        else await assert.rejects(checked, { code: 'usage', message });
      }
    }
  });
});

describe('an address', () => {
  it('is loopback only where no other machine can use it', () => {
    for (const address of ['127.0.0.1', '::1', '::ffff:127.3.2.1']) assert.ok(isLoopback(address));
    for (const address of ['127.evil.example', '10.0.0.1', '::', '0.0.0.0', '127.0.0.1.example']) {
      assert.ok(!isLoopback(address), address);
    }
  });

  it('counts with those of its line: one of IPv4, 64 bits of IPv6', () => {
    assert.equal(addressBlock('::ffff:192.0.2.7'), '192.0.2.7');
    const same = ['2001:db8:1:2::1', '2001:db8:1:2:ffff::', '2001:0DB8:1:2:3:4:5:6%eth0'];
    for (const address of same) assert.equal(addressBlock(address), '2001:db8:1:2::/64', address);
    assert.equal(addressBlock('::1'), '0:0:0:0::/64');
    assert.notEqual(addressBlock('2001:db8:1:3::1'), addressBlock(same[0]!));
  });
});

describe('the gate for unauthenticated connections', () => {
  const limits = { unauthenticatedMax: 5, perAddressMax: 2 };

  it('is full for an address that has enough, and for all', () => {
    const gate = new ConnectionGate(limits);
    assert.ok(gate.enter('a', '192.0.2.1') && gate.enter('b', '192.0.2.1'));
    assert.ok(!gate.enter('c', '192.0.2.1'));
    assert.ok(gate.enter('c', '192.0.2.2') && gate.enter('d', '192.0.2.3'));
    assert.ok(gate.enter('e', '192.0.2.4'));
    assert.ok(!gate.enter('f', '192.0.2.5'), 'six in all');
  });

  it('has room again for each that is admitted or gone, once', () => {
    const gate = new ConnectionGate(limits);
    gate.enter('a', '192.0.2.1');
    gate.enter('b', '192.0.2.1');
    gate.settle('a');
    gate.settle('a');
    assert.ok(gate.enter('c', '192.0.2.1'));
    assert.ok(!gate.enter('d', '192.0.2.1'));
    assert.ok(
      !gate.enter('c', '192.0.2.9'),
      'a name twice would be counted twice and settled once',
    );
    for (const name of ['b', 'c', 'd']) gate.settle(name);
    assert.equal(gate.count, 0);
    assert.ok(gate.enter('a', '192.0.2.9') && gate.enter('b', '192.0.2.9'));
  });

  it("counts this machine's own only in the sum: a proxy's are many", () => {
    const gate = new ConnectionGate(limits);
    for (const name of ['a', 'b', 'c', 'd', 'e']) assert.ok(gate.enter(name, '127.0.0.1'), name);
    assert.ok(!gate.enter('f', '127.0.0.1'));
  });
});
