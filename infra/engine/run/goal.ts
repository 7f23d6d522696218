import { refuse, EngineError } from '../errors.ts';
import type { resource } from '../protocol/messages.ts';
import type { StoredResource } from '../state/schema.ts';
import { makeUrn, parseUrn } from '../values/urn.ts';
import type { Properties } from '../values/value.ts';
import { fromStruct } from '../protocol/wire.ts';

/** A resource as the program wants it: one RegisterResource request, its features checked. */
export interface Goal {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  readonly parent: string;
  readonly inputs: Properties;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly provider: string;
  readonly providers: ReadonlyMap<string, string>;
  readonly version: string;
  readonly pluginDownloadUrl: string;
  readonly protect: boolean | undefined;
  readonly retainOnDelete: boolean | undefined;
  readonly deletedWith: string;
  readonly deleteBeforeReplace: boolean | undefined;
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly customTimeouts: StoredResource['customTimeouts'];
  readonly aliases: readonly AliasSpec[];
}

export interface AliasSpec {
  readonly urn: string;
  readonly name: string;
  readonly type: string;
  readonly stack: string;
  readonly project: string;
  readonly parent: string;
  readonly noParent: boolean;
}

/** Reads a request. Features that are left out are refused by name. */
export function readGoal(request: resource.RegisterResourceRequest): Goal {
  refuseFeatures(request);
  const type = request.getType();
  const custom = request.getCustom();
  if (custom && type.split(':').length !== 3) {
    throw new EngineError(
      'operation_failed',
      `expected a type of the form package:module:Type for the custom resource '${request.getName()}', got ${type}`,
    );
  }
  const inputs = fromStruct(request.getObject());
  const dependencies = request.getDependenciesList();
  return {
    type,
    name: request.getName(),
    custom,
    parent: request.getParent(),
    inputs,
    dependencies,
    propertyDependencies: readPropertyDependencies(request, inputs, dependencies),
    provider: request.getProvider(),
    providers: new Map(request.getProvidersMap().toArray()),
    version: request.getVersion(),
    pluginDownloadUrl: request.getPlugindownloadurl(),
    protect: request.hasProtect() ? request.getProtect() : undefined,
    retainOnDelete: request.hasRetainondelete() ? request.getRetainondelete() : undefined,
    deletedWith: request.getDeletedwith(),
    deleteBeforeReplace:
      request.getDeletebeforereplacedefined() || request.getDeletebeforereplace()
        ? request.getDeletebeforereplace()
        : undefined,
    ignoreChanges: request.getIgnorechangesList(),
    replaceOnChanges: request.getReplaceonchangesList(),
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
    customTimeouts: readTimeouts(request),
    aliases: [
      ...request.getAliasesList().map(readAlias),
      ...request.getAliasurnsList().map((urn) => ({ ...NO_ALIAS, urn })),
    ],
  };
}

/** The URNs a resource may have had before, its present one excluded. */
export function aliasUrns(goal: Goal, stack: string, project: string, own: string): readonly string[] {
  const urns = goal.aliases.map((alias) => {
    if (alias.urn !== '') return alias.urn;
    const parent = alias.noParent ? '' : alias.parent === '' ? goal.parent : alias.parent;
    return makeUrn(
      alias.stack === '' ? stack : alias.stack,
      alias.project === '' ? project : alias.project,
      parent,
      alias.type === '' ? goal.type : alias.type,
      alias.name === '' ? goal.name : alias.name,
    );
  });
  return [...new Set(urns)].filter((urn) => urn !== own && parseUrn(urn).name !== '');
}

/** A duration in Go's notation (`1h30m`, `5m`, `1.5s`) as seconds; throws on anything else. */
export function parseDuration(text: string): number {
  const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 1e-3, us: 1e-6, µs: 1e-6, ns: 1e-9 };
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(h|ms|m|us|µs|ns|s)/g)];
  if (text === '' || parts.map((part) => part[0]).join('') !== text) {
    throw new EngineError(
      'operation_failed',
      `expected a duration such as 5m or 1h30m in customTimeouts, got ${JSON.stringify(text)}`,
    );
  }
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ''] ?? 0), 0);
}

const NO_ALIAS: AliasSpec = { urn: '', name: '', type: '', stack: '', project: '', parent: '', noParent: false };

function readAlias(alias: ReturnType<resource.RegisterResourceRequest['getAliasesList']>[number]): AliasSpec {
  const spec = alias.getSpec();
  if (spec === undefined) return { ...NO_ALIAS, urn: alias.getUrn() };
  return {
    urn: '',
    name: spec.getName(),
    type: spec.getType(),
    stack: spec.getStack(),
    project: spec.getProject(),
    parent: spec.getParenturn(),
    noParent: spec.getNoparent(),
  };
}

/** Without a map of their own, all properties depend on everything the resource depends on. */
function readPropertyDependencies(
  request: resource.RegisterResourceRequest,
  inputs: Properties,
  dependencies: readonly string[],
): Record<string, readonly string[]> {
  const map = request.getPropertydependenciesMap();
  if (map.getLength() === 0) return Object.fromEntries(Object.keys(inputs).map((key) => [key, dependencies]));
  const result: Record<string, readonly string[]> = {};
  map.forEach((value, key) => {
    result[key] = value.getUrnsList();
  });
  return result;
}

function readTimeouts(request: resource.RegisterResourceRequest): StoredResource['customTimeouts'] {
  const timeouts = request.getCustomtimeouts();
  if (timeouts === undefined) return undefined;
  const texts = {
    create: timeouts.getCreate(),
    update: timeouts.getUpdate(),
    delete: timeouts.getDelete(),
    read: timeouts.getRead(),
  };
  const given = Object.entries(texts).filter(([, text]) => text !== '');
  return given.length === 0 ? undefined : Object.fromEntries(given.map(([key, text]) => [key, parseDuration(text)]));
}

function refuseFeatures(request: resource.RegisterResourceRequest): void {
  const used: readonly (readonly [boolean, string])[] = [
    [request.getRemote(), 'a remote component'],
    [request.getImportid() !== '', 'the resource option import'],
    [request.getTransformsList().length > 0, 'the resource option transforms'],
    [request.hasHooks(), 'the resource option hooks'],
    [request.getStateMigrationsList().length > 0, 'the resource option stateMigrations'],
    [request.getPackageref() !== '', 'a parameterized package'],
    [request.getEnvvarmappingsMap().getLength() > 0, 'the provider option envVarMappings'],
    [request.getReplaceWithList().length > 0, 'the resource option replaceWith'],
    [request.hasReplacementTrigger(), 'the resource option replacementTrigger'],
    [isForeignBuiltIn(request.getType()), `the built-in resource ${request.getType()}`],
  ];
  for (const [isUsed, feature] of used) if (isUsed) refuse(`${feature} (${request.getType()} '${request.getName()}')`);
}

/** Pulumi's own resources are made by its engine, not by a provider; of those there are here the stack itself and providers. */
export function isForeignBuiltIn(type: string): boolean {
  return /^pulumi:(?!pulumi:Stack$|providers:)/.test(type);
}
