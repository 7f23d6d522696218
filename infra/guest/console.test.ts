import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeText, parseConsoleLine } from './console.ts';

const MACHINE = '35b00705-5978-41d1-898e-2522f42c5d69';
const BLOB = 'AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg';
const READY = `BURNBAG READY machine=${MACHINE} uptime=2.33 hostkey=ssh-ed25519 ${BLOB}`;

test('READY gives machine id, uptime and host key, with or without a carriage return', () => {
  const message = { kind: 'ready', machineId: MACHINE, uptimeSeconds: 2.33, hostKey: `ssh-ed25519 ${BLOB}` };
  expect(parseConsoleLine(READY)).toEqual(message);
  expect(parseConsoleLine(`${READY}\r`)).toEqual(message);
});

test.each([
  ['a comment after the key', `${READY} root@sandbox`],
  ['two keys', `${READY},ssh-ed25519 ${BLOB}`],
  ['another algorithm', READY.replace('ssh-ed25519', 'ssh-rsa')],
  ['another algorithm inside the blob', READY.replace('AAAAC3Nz', 'AAAAC3Ny')],
  ['a key one byte short', READY.slice(0, -4)],
  ['a key one byte long', `${READY}AAAA`],
  ['base64 with spare bits', `${READY.slice(0, -1)}=`],
  ['a machine id in capitals', READY.replace(MACHINE, MACHINE.toUpperCase())],
  ['no machine id', READY.replace(MACHINE, '')],
  ['fields in another order', READY.replace(`machine=${MACHINE} uptime=2.33`, `uptime=2.33 machine=${MACHINE}`)],
  ['an unknown word', 'BURNBAG HELLO'],
])('a READY with %s is malformed', (_, line) => {
  expect(parseConsoleLine(line)).toMatchObject({ kind: 'malformed' });
});

test.each(['', 'READY', `noise ${READY}`, '[    2.1] audit: BURNBAG', 'burnbag ready'])(
  '%j is none of ours',
  (line) => {
    expect(parseConsoleLine(line)).toBeUndefined();
  },
);

test('a failed step and the deadline are told apart', () => {
  expect(parseConsoleLine('BURNBAG FAILED firewall')).toEqual({ kind: 'failed', step: 'firewall' });
  expect(parseConsoleLine('BURNBAG DEADLINE')).toEqual({ kind: 'deadline' });
});

test('a READY with any one character changed never yields that key', () => {
  fc.assert(
    fc.property(fc.nat(READY.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
      fc.pre(READY[at] !== character && !(at < 80 && /[0-9a-f.]/.test(character)));
      const message = parseConsoleLine(READY.slice(0, at) + character + READY.slice(at + 1));
      return message?.kind !== 'ready' || message.hostKey !== `ssh-ed25519 ${BLOB}`;
    }),
  );
});

test('what a guest printed cannot drive a terminal', () => {
  const bytes = fc.uint8Array().map((array) => Buffer.from(array).toString('latin1'));
  fc.assert(fc.property(bytes, (text) => /^[\x20-\x7e\n]*$/.test(escapeText(text))));
});
