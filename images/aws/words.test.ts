import { expect, test } from 'vitest';
import { kernelWords } from '../../infra/local/machine/kernel-words.ts';
import { bakedWords } from './words.ts';

const CA = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg';
const FACTS = { caPublicKey: CA, relayAddress: '10.84.0.10', lifetimeSeconds: 3_900 };

test('bakes in the CA, the relay and the longest life, each as one word', () => {
  expect(bakedWords(FACTS).split(' ').slice(-3)).toEqual([
    `burnbag.ca=${CA.split(' ')[1] ?? ''}`,
    'burnbag.relay=10.84.0.10',
    'burnbag.lifetime=3900',
  ]);
});

test('bakes in tunnels as one word, and no word where there are none', () => {
  const words = bakedWords({ ...FACTS, tunnels: ['127.0.0.1:8080', '127.0.0.1:5432'] }).split(' ');
  expect(words.filter((word) => word.startsWith('burnbag.tunnels'))).toEqual([
    'burnbag.tunnels=127.0.0.1:8080,127.0.0.1:5432',
  ]);
  expect(bakedWords({ ...FACTS, tunnels: [] })).not.toContain('tunnels');
  const run = {
    caPublicKey: CA,
    machineId: 'i-01234567',
    lifetimeSeconds: 60,
    nowSeconds: 0,
    tunnels: ['127.0.0.1:80'],
  };
  expect(kernelWords(run, 'kvm', undefined)).toContain('burnbag.tunnels=127.0.0.1:80');
});

test('what the guest relies on is the same as on a local machine', () => {
  const run = { caPublicKey: CA, machineId: 'i-01234567', lifetimeSeconds: 60, nowSeconds: 0, tunnels: [] };
  const local = kernelWords(run, 'kvm', undefined).split(' ');
  const shared = local.filter((word) =>
    /^(audit|audit_backlog_limit|lsm|ipv6\.disable|random\.trust_cpu|panic|console)=/.test(word),
  );
  expect(shared.length).toBe(7);
  expect(bakedWords(FACTS).split(' ')).toEqual(expect.arrayContaining(shared));
});

test.each([
  ['another kind of CA', { caPublicKey: 'ssh-rsa AAAA' }],
  ['a CA with a word of its own', { caPublicKey: `${CA.slice(0, -4)} x=y` }],
  ['a relay by name', { relayAddress: 'relay burnbag.lifetime=0' }],
  ['a tunnel to elsewhere', { tunnels: ['10.0.0.1:80'] }],
  ['a tunnel with a word of its own', { tunnels: ['127.0.0.1:80 burnbag.ca=x'] }],
  ['more tunnels than a line holds', { tunnels: Array<string>(20).fill('127.0.0.1:8080') }],
  ['a life for ever', { lifetimeSeconds: Infinity }],
  ['a life longer than any grant', { lifetimeSeconds: 3_901 }],
])('refuses %s', (_what, changed) => {
  expect(() => bakedWords({ ...FACTS, ...changed })).toThrow(expect.objectContaining({ code: 'bad_fact' }) as Error);
});
