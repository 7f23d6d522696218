import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import type { Deployment } from '../../../infra/engine/state/schema.ts';
import type { Call } from '../../support/provider.ts';
import { ProviderFault } from '../../support/provider.ts';
import type { RawLanguage } from './raw-program.ts';
import { HUNTER, programOf } from './recovery-program.ts';
import type { Act, LifeSpec, Trouble } from './recovery-spec.ts';
import type { Ground } from './recovery-world.ts';
import { World } from './recovery-world.ts';

/**
 * Lives one life: its acts, each of which may fail, be cut short or be killed; then a destroy that nothing disturbs, and the removal of the stack.
 * What must hold is looked at after each act, before each call, and at the end.
 */
export async function live(ground: Ground, language: RawLanguage, name: string, spec: LifeSpec): Promise<void> {
  const world = await World.begin(ground, name, { findsByUrn: spec.findable });
  try {
    const watch = new Watch(world);
    for (const act of spec.acts) {
      watch.expect(act.troubles);
      for (const node of act.vanished) watch.vanish(`n${node % spec.nodes.length}`);
      language.serve(name, programOf(spec.nodes, act.variant, watch.learner()));
      await world.operate(commandOf(act, language.address), act.interruption);
      await watch.settled();
      judge(world, watch);
    }
    watch.expect([]);
    watch.ordered = spec.findable;
    expect(await world.operate(['destroy', '--yes', '--skip-preview', '--continue-on-error'])).toBeUndefined();
    judge(world, watch);
    await bury(world, spec.findable);
  } finally {
    world.end();
  }
}

function commandOf(act: Act, client: string): readonly string[] {
  const options = [...(act.continueOnError ? ['--continue-on-error'] : []), ...(act.refreshFirst ? ['--refresh'] : [])];
  switch (act.command) {
    case 'up':
      return ['up', '--yes', '--skip-preview', `--client=${client}`, ...options];
    case 'destroy':
      return ['destroy', '--yes', '--skip-preview', ...options];
    case 'refresh':
      return ['refresh', '--yes', '--skip-preview'];
  }
}

/** What must hold whenever no operation is under way: the state is sound, and no object is forgotten. */
function judge(world: World, watch: Watch): void {
  const state = world.state();
  expect(watch.violations).toEqual([]);
  expect(world.saved).not.toContain(HUNTER);
  expect(forgotten(world, state)).toEqual([]);
}

/** Objects that neither stand in the state, nor belong to an interrupted create on record, nor go with one that does. */
function forgotten({ provider }: World, { resources = [], pending_operations = [] }: Deployment): readonly string[] {
  const known = new Set(resources.map(({ id }) => id));
  const sought = new Set(
    pending_operations.filter(({ type }) => type === 'creating').map(({ resource }) => resource.urn),
  );
  const isKnown = (id: unknown): boolean => {
    const object = typeof id === 'string' ? provider.objects.get(id) : undefined;
    return object !== undefined && (known.has(String(id)) || sought.has(object.urn) || isKnown(object.inputs['with']));
  };
  return [...provider.objects.keys()].filter((id) => !isKnown(id));
}

/** After the last destroy: nothing is left but what nobody can find, that is on record, and nothing at all after the removal. */
async function bury(world: World, findable: boolean): Promise<void> {
  const state = world.state();
  expect(state.resources).toBeUndefined();
  if (findable) expect([...world.provider.objects.values()].map(({ urn }) => urn)).toEqual([]);
  const lost = (state.pending_operations ?? []).filter(({ resource }) => resource.type === 'bag:index:Box');
  if (lost.length > 0) {
    expect((await world.operate(['stack', 'rm', '--yes', '--preserve-config']))?.message).toContain(
      'still has resources',
    );
    expect(await world.operate(['stack', 'rm', '--yes', '--preserve-config', '--force'])).toBeUndefined();
  } else expect(await world.operate(['stack', 'rm', '--yes', '--preserve-config'])).toBeUndefined();
  expect(world.files()).toEqual([]);
}

/** Stands at the provider's door: makes the trouble that was asked for, and notes what must never be. */
class Watch {
  readonly violations: string[] = [];
  /** From now on nothing may be deleted that something else points to; an object that nobody can find may point to anything. */
  ordered = false;
  readonly #world: World;
  #troubles: readonly Trouble[] = [];

  constructor(world: World) {
    this.#world = world;
    const { provider } = world;
    for (const method of ['create', 'update', 'delete'] as const)
      provider.on(method, undefined, (call) => this.#arrived(method, call));
    provider.afterwards((call) => {
      this.#done(call);
    });
  }

  /** The troubles of the next operation. */
  expect(troubles: readonly Trouble[]): void {
    this.#troubles = troubles;
  }

  /** Somebody else deletes a resource's objects. */
  vanish(node: string): void {
    const { objects } = this.#world.provider;
    for (const [id, { urn }] of objects) if (urn.endsWith(`::${node}`) && objects.delete(id)) this.#deleteWith(id);
  }

  /** What this process's program shall tell of each id it is given: it must be on disk by then. */
  learner(): (id: string) => void {
    const { generation } = this.#world;
    return (id) => {
      if (generation === this.#world.generation && !this.#world.saved.includes(id))
        this.violations.push(`the program knows ${id}, the state does not`);
    };
  }

  /** Resolves when no call is under way: a terminated engine leaves what it had asked for to the provider. */
  async settled(): Promise<void> {
    while (this.#world.provider.underway > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  async #arrived(method: Method, call: Call): Promise<void> {
    this.#world.moment();
    if (!isPending(this.#world.saved, PENDING[method], call.urn))
      this.violations.push(`${method} of ${call.urn} was not on record before the call`);
    if (method === 'delete' && this.ordered) this.#lookForDependents(call);
    await new Promise((resolve) => setImmediate(resolve));
    const { urn, id, news = {} } = call;
    switch (this.#troubleOf(call)) {
      case undefined:
      case 'mute after':
        return;
      case 'fails':
        throw new ProviderFault('no');
      case 'mute before':
        throw new ProviderFault('went away', { code: status.UNAVAILABLE });
      case 'half': {
        const made = method === 'create' ? `half-${randomUUID()}` : id;
        if (method !== 'delete') this.#world.provider.objects.set(made, { urn, inputs: news, outputs: {} });
        throw new ProviderFault('half done', { partial: { id: made, properties: {}, reasons: ['half done'] } });
      }
    }
  }

  /** The call has had its effect. */
  #done(call: Call): void {
    if (!(call.method in PENDING)) return;
    if (call.method === 'delete') this.#deleteWith(call.id);
    this.#world.moment();
    if (this.#troubleOf(call) === 'mute after') throw new ProviderFault('went away', { code: status.UNAVAILABLE });
  }

  #troubleOf({ method, name }: Call): Trouble['what'] | undefined {
    return this.#troubles.find((trouble) => trouble.method === method && `n${trouble.node}` === name)?.what;
  }

  #deleteWith(owner: string): void {
    const { objects } = this.#world.provider;
    for (const [id, { inputs }] of objects) if (inputs['with'] === owner && objects.delete(id)) this.#deleteWith(id);
  }

  /** What goes with something else is not deleted in its turn. */
  #lookForDependents({ id, urn }: Call): void {
    for (const { urn: dependent, inputs } of this.#world.provider.objects.values())
      if (inputs['with'] === undefined && Array.isArray(inputs['of']) && inputs['of'].includes(id))
        this.violations.push(`${urn} was deleted before ${dependent}, which needs it`);
  }
}

type Method = Trouble['method'];

/** What each call is on record as while it runs. */
const PENDING = { create: 'creating', update: 'updating', delete: 'deleting' } as const;

function isPending(saved: string, type: string, urn: string): boolean {
  const file = JSON.parse(saved) as { checkpoint: { latest: Pick<Deployment, 'pending_operations'> } };
  const pending = file.checkpoint.latest.pending_operations ?? [];
  return pending.some((operation) => operation.type === type && operation.resource.urn === urn);
}
