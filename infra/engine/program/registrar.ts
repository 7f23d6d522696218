import { status } from '@grpc/grpc-js';
import { hashAssets } from '../steps/assets.ts';
import { defaultProviderGoal, explicitProvider, NOTHING_SPECIAL } from '../steps/default-provider.ts';
import { EngineError, messageOf } from '../errors.ts';
import { executeStep } from '../steps/execute.ts';
import type { Goal } from '../run/goal.ts';
import { edgesOf } from '../steps/graph.ts';
import { planRegistration } from '../steps/planner.ts';
import { RpcFailure } from '../protocol/rpc.ts';
import type { Run } from '../run/run.ts';
import type { State } from '../state/schema.ts';
import type { Registered, Step } from '../run/step.ts';
import { step } from '../run/step.ts';
import { isProviderType, makeUrn, parseReference, STACK_TYPE } from '../values/urn.ts';
import type { Properties } from '../values/value.ts';

/** What a registration came to; a failed or skipped one only under continueOnError. */
export type Registration =
  | { readonly result: 'success'; readonly state: State }
  | { readonly result: 'failed' | 'skipped'; readonly urn: string };

/** A resource the program wants read, not made. */
export interface ReadGoal {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly parent: string;
  readonly inputs: Properties;
  readonly dependencies: readonly string[];
  readonly provider: string;
  readonly version: string;
  readonly pluginDownloadUrl: string;
  readonly additionalSecretOutputs: readonly string[];
}

/**
 * Takes what the program registers. Each registration is planned (one at a time) and its steps are executed (side by side).
 * After the first failure nothing new starts; whoever is still waiting is answered UNAVAILABLE once all that ran has ended,
 * which the SDK takes for an engine that is gone.
 */
export class Registrar {
  readonly #run: Run;
  readonly #defaults = new Map<string, Promise<string>>();
  readonly #outputsPending = new Set<string>();
  #rootOutputs: Properties | undefined;

  constructor(run: Run) {
    this.#run = run;
  }

  /** Registers a resource and brings it about. */
  async register(goal: Goal): Promise<Registration> {
    const provider = goal.custom && !isProviderType(goal.type) ? await this.providerFor(goal) : '';
    return this.#carryOut(goal, async () =>
      planRegistration(this.#run, { ...goal, inputs: await hashAssets(goal.inputs) }, provider),
    );
  }

  /** Reads a resource that something else owns. */
  async read(goal: ReadGoal): Promise<Registration> {
    const full: Goal = { ...NOTHING_SPECIAL, ...goal, custom: true };
    const provider = await this.providerFor(full);
    return this.#carryOut(full, () => Promise.resolve(this.#planRead(full, goal.id, provider)));
  }

  /** Takes a component's outputs; the root stack's wait until the very end. */
  registerOutputs(urn: string, outputs: Properties): void {
    const run = this.#run;
    const registered = run.registered.get(urn);
    if (registered === undefined || !this.#outputsPending.delete(urn)) {
      throw new RpcFailure(
        status.INVALID_ARGUMENT,
        `cannot complete a resource '${urn}' whose registration isn't pending`,
      );
    }
    if (registered.goal.type === STACK_TYPE) {
      this.#rootOutputs = outputs;
      return;
    }
    run.checkpoint.amend(registered.state, { outputs });
    run.reporter.outputs(registered.step, registered.state);
  }

  /** Applies the root stack's outputs: after success they replace the old ones, after failure they only overlay them. */
  applyRootOutputs(): void {
    const outputs = this.#rootOutputs;
    if (outputs === undefined) return;
    const root = [...this.#run.registered.values()].find(({ goal }) => goal.type === STACK_TYPE);
    if (root === undefined) return;
    const before = root.step.old?.outputs ?? {};
    this.#run.checkpoint.amend(root.state, {
      outputs: this.#run.verdict === 'succeeded' ? outputs : { ...before, ...outputs },
    });
    this.#run.reporter.outputs(root.step, root.state);
  }

  /** The reference of the provider that serves a resource or a function: its explicit one, or the package's default one. */
  async providerFor(
    goal: Pick<Goal, 'type' | 'provider' | 'providers' | 'parent' | 'version' | 'pluginDownloadUrl'>,
  ): Promise<string> {
    const explicit = explicitProvider(this.#run, goal);
    if (explicit !== undefined) return explicit;
    let wanted: Goal;
    try {
      wanted = defaultProviderGoal(this.#run, goal);
    } catch (error) {
      return this.#giveUp(error);
    }
    const key = `${wanted.type} ${wanted.name}`;
    let reference = this.#defaults.get(key);
    if (reference === undefined) {
      reference = this.register(wanted).then((registration) => {
        if (registration.result === 'success') return `${registration.state.urn}::${registration.state.id ?? ''}`;
        throw new RpcFailure(status.UNAVAILABLE, `the default provider ${wanted.name} could not be registered`);
      });
      this.#defaults.set(key, reference);
    }
    return reference;
  }

  async #carryOut(goal: Goal, plan: () => Promise<readonly Step[]>): Promise<Registration> {
    const run = this.#run;
    let steps: readonly Step[] | undefined;
    try {
      steps = await run.planning.run(async () => (run.stopped.aborted ? undefined : plan()));
    } catch (error) {
      return this.#giveUp(error, makeUrn(run.options.stack, run.options.project, goal.parent, goal.type, goal.name));
    }
    const last = steps?.at(-1);
    if (steps === undefined || last === undefined) return this.#unavailable();
    if (this.#isSkipped(last)) return { result: 'skipped', urn: last.urn };
    const done = await run.working.run(() => this.#executeAll(steps));
    if (done === undefined) return run.stopped.aborted ? this.#unavailable() : { result: 'failed', urn: last.urn };
    const registered: Registered = { goal, state: done.state, step: done.step };
    run.registered.set(last.urn, registered);
    this.#outputsPending.add(last.urn);
    return { result: 'success', state: done.state };
  }

  /** The last step that left a state, with that state; undefined if a step failed or the run was stopped in between. */
  async #executeAll(steps: readonly Step[]): Promise<{ state: State; step: Step } | undefined> {
    let result: { state: State; step: Step } | undefined;
    for (const next of steps) {
      if (this.#run.stopped.aborted) return undefined;
      const state = await executeStep(this.#run, next);
      if (state === undefined) return undefined;
      if (next.next !== undefined && next.op !== 'replace') result = { state, step: next };
    }
    return result;
  }

  #planRead(goal: Goal, id: string, provider: string): readonly Step[] {
    const run = this.#run;
    const urn = makeUrn(run.options.stack, run.options.project, goal.parent, goal.type, goal.name);
    if (run.claimed.has(urn))
      throw new EngineError('operation_failed', `Duplicate resource URN '${urn}'; try giving it a unique name`);
    run.claimed.add(urn);
    const next: State = {
      urn,
      type: goal.type,
      custom: true,
      id,
      inputs: goal.inputs,
      outputs: {},
      provider,
      external: true,
      dependencies: [...goal.dependencies],
      additionalSecretOutputs: [...goal.additionalSecretOutputs],
      ...(goal.parent === '' ? {} : { parent: goal.parent }),
    };
    return [step('read', { old: run.findOld(urn), next })];
  }

  /** Under continueOnError, what depends on something failed (other than its provider alone) is skipped, and so is what depends on that. */
  #isSkipped(last: Step): boolean {
    const { failed } = this.#run;
    if (failed.size === 0 || last.next === undefined) return false;
    const providerUrn = last.next.provider ? parseReference(last.next.provider).urn : undefined;
    const skipped = edgesOf(last.next).some((urn) => failed.has(urn) && urn !== providerUrn);
    if (skipped) failed.add(last.urn);
    return skipped;
  }

  /** Planning failed: the program asked for something impossible, so nothing new starts. */
  #giveUp(error: unknown, urn?: string): Promise<never> {
    const run = this.#run;
    if (!(error instanceof RpcFailure)) run.reporter.diagnostic('error', messageOf(error), urn);
    run.halt();
    return this.#unavailable();
  }

  async #unavailable(): Promise<never> {
    await this.#run.idle();
    throw new RpcFailure(status.UNAVAILABLE, 'the operation has failed or was cancelled');
  }
}
