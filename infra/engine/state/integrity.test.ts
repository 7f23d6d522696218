import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { integrityViolations, magicOf } from './integrity.ts';
import type { StoredResource } from './schema.ts';

const manifest = { time: '2026-01-01T00:00:00Z', magic: magicOf('burnbag-engine/1'), version: 'burnbag-engine/1' };
const urn = (name: string, type = 'bag:index:Box'): string => `urn:pulumi:dev::bb::${type}::${name}`;
const P = { urn: urn('p', 'pulumi:providers:bag'), custom: true, type: 'pulumi:providers:bag', id: '1' };
const A = { urn: urn('a'), custom: true, type: 'bag:index:Box', id: 'a', provider: `${P.urn}::1` };
const B = {
  urn: urn('b'),
  custom: true,
  type: 'bag:index:Box',
  id: 'b',
  parent: A.urn,
  dependencies: [A.urn],
  propertyDependencies: { of: [A.urn] },
  deletedWith: A.urn,
};
const check = (...resources: StoredResource[]): readonly string[] => integrityViolations({ manifest, resources });

it('accepts a sound state and an empty one', () => {
  expect(check(P, A, B)).toEqual([]);
  expect(integrityViolations({ manifest })).toEqual([]);
});

it('knows the magic of the label it writes', () => {
  expect(manifest.magic).toBe('2524306b5b724295656dd1276e3b8eef40a8bb22539d45b6da1ac206939cf125');
  expect(magicOf('v3.270.0')).toBe(createHash('sha256').update('v3.270.0').digest('hex'));
  expect(magicOf('')).toBe('');
});

it('refuses a wrong magic', () => {
  expect(integrityViolations({ manifest: { ...manifest, magic: 'x' } })).toHaveLength(1);
});

it.each<[string, StoredResource[]]>([
  ['a missing parent', [P, A, { ...B, parent: urn('gone') }]],
  ['a missing dependency', [P, A, { ...B, dependencies: [urn('gone')] }]],
  ['a missing property dependency', [P, A, { ...B, propertyDependencies: { of: [urn('gone')] } }]],
  ['a missing deletedWith', [P, A, { ...B, deletedWith: urn('gone') }]],
  ['a missing provider', [A]],
  ['a provider of another id', [{ ...P, id: '2' }, A]],
  ['a URN that stands twice', [P, A, A]],
  ['a component with an id', [{ ...A, custom: false, provider: '' }]],
])('refuses %s', (_, resources) => {
  expect(check(...resources)).toHaveLength(1);
});

it('refuses what stands after what needs it', () => {
  expect(check(P, B, A).length).toBeGreaterThan(0);
});

it('takes a second state of a URN that waits for its deletion, and a pending replacement without provider', () => {
  expect(check(P, A, { ...A, delete: true })).toEqual([]);
  expect(check({ ...A, pendingReplacement: true })).toEqual([]);
});
