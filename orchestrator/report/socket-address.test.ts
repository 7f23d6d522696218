import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSocketAddress } from './socket-address.ts';

const parse = (hex: string) => parseSocketAddress(Buffer.from(hex, 'hex'));
const ipv6 = (address: string) => parse(`0A000050${'00'.repeat(4)}${address}00000000`);

test.each([
  ['02000050C63364070000000000000000', { family: 'ipv4', address: '198.51.100.7', port: 80, scope: 'outside' }],
  ['020001BB7F0000010000000000000000', { family: 'ipv4', address: '127.0.0.1', port: 443, scope: 'loopback' }],
  ['0200005000000000', { family: 'ipv4', address: '0.0.0.0', port: 80, scope: 'loopback' }],
  ['01002F746D702F7800FFFF', { family: 'unix', address: '/tmp/x', port: null, scope: 'local' }],
  ['010000616263', { family: 'unix', address: '@abc', port: null, scope: 'local' }],
  ['0100', { family: 'unix', address: '(unnamed)', port: null, scope: 'local' }],
  ['28000000E803000002000000', { family: 'vsock', address: 'cid 2', port: 1000, scope: 'outside' }],
  ['1100080002000000', { family: 'packet', address: 'a raw network frame', port: null, scope: 'outside' }],
  ['1D000000', { family: 'other', address: 'family 29', port: null, scope: 'outside' }],
])('%s is an address', (hex, address) => {
  expect(parse(hex)).toEqual(address);
});

test.each([
  ['00000000000000000000000000000001', '::1', 'loopback'],
  ['00000000000000000000000000000000', '::', 'loopback'],
  ['00000000000000000000ffff7f000001', '::ffff:127.0.0.1', 'loopback'],
  ['00000000000000000000ffff08080808', '::ffff:8.8.8.8', 'outside'],
  ['20010db8000000000000000000000001', '2001:db8::1', 'outside'],
  ['20010db8000000010000000000000001', '2001:db8:0:1::1', 'outside'],
  ['20010db8000100020003000400050006', '2001:db8:1:2:3:4:5:6', 'outside'],
  ['fe800000000000000000000000000000', 'fe80::', 'outside'],
])('%s is %s', (hex, address, scope) => {
  expect(ipv6(hex)).toMatchObject({ family: 'ipv6', address, scope });
});

test.each([
  ['a question to the kernel (netlink)', '100000000000000000000000'],
  ['a disconnect (AF_UNSPEC)', '00000000'],
  ['nothing', ''],
  ['too short for IPv4', '0200005001'],
  ['too short for IPv6', '0A000050'],
])('%s is no address', (_what, hex) => {
  expect(parse(hex)).toBeUndefined();
});

test('any bytes are an address or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 130 }), (bytes) =>
      ['object', 'undefined'].includes(typeof parseSocketAddress(Buffer.from(bytes))),
    ),
  );
});
