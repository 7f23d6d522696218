import { createHash } from 'node:crypto';
import type { Deployment, StoredResource } from './schema.ts';
import { parseReference } from '../values/urn.ts';

/**
 * Checks what must hold for every state file, read or written: the manifest's magic, and that all that a resource points
 * to stands before it in the list. Returns one sentence per violation, none if the state is sound.
 */
export function integrityViolations(deployment: Pick<Deployment, 'manifest' | 'resources'>): readonly string[] {
  const found: string[] = [];
  const { magic, version } = deployment.manifest;
  if (magic !== magicOf(version))
    found.push(`manifest: expected magic ${magicOf(version)} for version ${version}, got ${magic}`);
  const earlier = new Map<string, StoredResource[]>();
  for (const resource of deployment.resources ?? []) {
    found.push(...shapeViolations(resource), ...orderViolations(resource, earlier));
    earlier.set(resource.urn, [...(earlier.get(resource.urn) ?? []), resource]);
  }
  return found;
}

/** The manifest's magic: a digest of its version, so that a truncated or foreign file is noticed. */
export function magicOf(version: string): string {
  return version === '' ? '' : createHash('sha256').update(version).digest('hex');
}

function shapeViolations(resource: StoredResource): readonly string[] {
  if (!resource.custom && (resource.id ?? '') !== '')
    return [`${resource.urn}: a component has the id ${String(resource.id)}`];
  return [];
}

function orderViolations(
  resource: StoredResource,
  earlier: ReadonlyMap<string, readonly StoredResource[]>,
): readonly string[] {
  const found: string[] = [];
  const need = (urn: string | undefined, role: string): void => {
    if (urn !== undefined && urn !== '' && !earlier.has(urn))
      found.push(`${resource.urn}: its ${role} ${urn} does not stand before it`);
  };
  need(resource.parent, 'parent');
  for (const urn of resource.dependencies ?? []) need(urn, 'dependency');
  for (const urns of Object.values(resource.propertyDependencies ?? {}))
    for (const urn of urns ?? []) need(urn, 'property dependency');
  need(resource.deletedWith, 'deletedWith');
  if (resource.provider !== undefined && resource.provider !== '' && resource.pendingReplacement !== true) {
    const { urn, id } = parseReference(resource.provider);
    if (!(earlier.get(urn) ?? []).some((candidate) => candidate.id === id)) {
      found.push(`${resource.urn}: its provider ${resource.provider} does not stand before it`);
    }
  }
  if (resource.delete !== true && (earlier.get(resource.urn) ?? []).some((other) => other.delete !== true)) {
    found.push(`${resource.urn}: stands twice`);
  }
  return found;
}
