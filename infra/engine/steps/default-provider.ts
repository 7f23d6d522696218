import { EngineError } from '../errors.ts';
import type { Goal } from '../run/goal.ts';
import type { Run } from '../run/run.ts';
import { packageOf, providerTypeOf } from '../values/urn.ts';
import type { Json } from '../values/value.ts';

/** Configuration that says which packages may not have a default provider: a JSON list, `*` for all. */
const DISABLED_KEY = 'pulumi:disable-default-providers';

/** Finds the provider a custom resource shall use; undefined means that its package's default provider is to serve. */
export function explicitProvider(
  run: Run,
  goal: Pick<Goal, 'type' | 'provider' | 'providers' | 'parent'>,
): string | undefined {
  if (goal.provider !== '') return goal.provider;
  const name = packageOf(goal.type);
  const own = goal.providers.get(name);
  if (own !== undefined) return own;
  for (
    let parent = run.registered.get(goal.parent);
    parent !== undefined;
    parent = run.registered.get(parent.goal.parent)
  ) {
    const given = parent.goal.providers.get(name);
    if (given !== undefined) return given;
    if (parent.goal.custom && packageOf(parent.goal.type) === name && parent.state.provider !== undefined)
      return parent.state.provider;
  }
  return undefined;
}

/** The goal that registers a package's default provider: configured from the stack's configuration, without parent. */
export function defaultProviderGoal(run: Run, goal: Pick<Goal, 'type' | 'version' | 'pluginDownloadUrl'>): Goal {
  const name = packageOf(goal.type);
  refuseDisabled(run, name, goal.type);
  const inputs: Record<string, Json> = {};
  for (const [key, value] of run.options.config)
    if (key.startsWith(`${name}:`)) inputs[key.slice(name.length + 1)] = value;
  if (goal.version !== '') inputs['version'] = goal.version;
  const version = goal.version === '' ? '' : `_${goal.version.replaceAll(/[.+-]/g, '_')}`;
  const url = goal.pluginDownloadUrl === '' ? '' : `_${goal.pluginDownloadUrl.replaceAll(/[^A-Za-z0-9]/g, '_')}`;
  return {
    ...NOTHING_SPECIAL,
    type: providerTypeOf(name),
    name: `default${version}${url}`,
    custom: true,
    inputs,
    propertyDependencies: Object.fromEntries(Object.keys(inputs).map((key) => [key, []])),
  };
}

function refuseDisabled(run: Run, name: string, type: string): void {
  const text = run.options.config.get(DISABLED_KEY);
  if (text === undefined) return;
  const names: unknown = JSON.parse(text);
  if (!Array.isArray(names) || !(names.includes(name) || names.includes('*'))) return;
  throw new EngineError(
    'operation_failed',
    `Default provider for '${name}' disabled. '${type}' must use an explicit provider.`,
  );
}

/** A goal that asks for nothing beyond being there. */
export const NOTHING_SPECIAL: Goal = {
  type: '',
  name: '',
  custom: false,
  parent: '',
  inputs: {},
  dependencies: [],
  propertyDependencies: {},
  provider: '',
  providers: new Map(),
  version: '',
  pluginDownloadUrl: '',
  protect: undefined,
  retainOnDelete: undefined,
  deletedWith: '',
  deleteBeforeReplace: undefined,
  ignoreChanges: [],
  replaceOnChanges: [],
  additionalSecretOutputs: [],
  customTimeouts: undefined,
  aliases: [],
};
