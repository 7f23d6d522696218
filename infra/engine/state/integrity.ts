import { createHash } from 'node:crypto';
import type { Deployment, StoredResource } from './schema.ts';
import { isProviderType } from '../values/urn.ts';

/**
 * Checks what must hold for every state file, read or written: the manifest's magic, and that all that a resource points
 * to stands before it in the list. Returns one sentence per violation, none if the state is sound.
 */
export function integrityViolations(deployment: Pick<Deployment, 'manifest' | 'resources'>): readonly string[] {
  const found: string[] = [];
  const { magic, version } = deployment.manifest;
  if (magic !== magicOf(version))
    found.push(`manifest: expected magic ${magicOf(version)} for version ${version}, got ${magic}`);
  const earlier = new Earlier();
  for (const resource of deployment.resources ?? []) {
    found.push(...shapeViolations(resource), ...orderViolations(resource, earlier));
    earlier.add(resource);
  }
  return found;
}

/** The manifest's magic: a digest of its version, so that a truncated or foreign file is noticed. */
export function magicOf(version: string): string {
  return version === '' ? '' : createHash('sha256').update(version).digest('hex');
}

/** What stands before a resource in the list. */
class Earlier {
  readonly urns = new Set<string>();
  /** URNs of which one state is more than waiting for its deletion. */
  readonly alive = new Set<string>();
  /** References (`URN::ID`) of provider resources. */
  readonly providers = new Set<string>();

  add(resource: StoredResource): void {
    this.urns.add(resource.urn);
    if (resource.delete !== true) this.alive.add(resource.urn);
    if (isProviderType(resource.type)) this.providers.add(`${resource.urn}::${resource.id ?? ''}`);
  }
}

function shapeViolations(resource: StoredResource): readonly string[] {
  if (!resource.custom && (resource.id ?? '') !== '')
    return [`${resource.urn}: a component has the id ${String(resource.id)}`];
  return [];
}

function orderViolations(resource: StoredResource, earlier: Earlier): readonly string[] {
  const found: string[] = [];
  const need = (urn: string | undefined, role: string): void => {
    if (urn !== undefined && urn !== '' && !earlier.urns.has(urn))
      found.push(`${resource.urn}: its ${role} ${urn} does not stand before it`);
  };
  need(resource.parent, 'parent');
  for (const urn of resource.dependencies ?? []) need(urn, 'dependency');
  for (const urns of Object.values(resource.propertyDependencies ?? {}))
    for (const urn of urns ?? []) need(urn, 'property dependency');
  need(resource.deletedWith, 'deletedWith');
  const { provider = '' } = resource;
  if (provider !== '' && resource.pendingReplacement !== true && !earlier.providers.has(provider))
    found.push(`${resource.urn}: its provider ${provider} does not stand before it`);
  if (resource.delete !== true && earlier.alive.has(resource.urn)) found.push(`${resource.urn}: stands twice`);
  return found;
}
