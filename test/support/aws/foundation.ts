import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FoundationInputs } from '../../../infra/aws/foundation/inputs.ts';
import { FoundationOutputs } from '../../../infra/aws/foundation/outputs.ts';
import { foundationProgram } from '../../../infra/aws/foundation/program.ts';
import type { OpenStack } from '../../../infra/pulumi/stack.ts';
import { type Account, openStackIn, startAccount } from './account.ts';
import { REGION } from './clients.ts';
import { FOUNDATION_INPUTS } from './foundation-inputs.ts';

/** The foundation, deployed into an account of its own. */
export interface Deployed extends AsyncDisposable {
  readonly account: Account;
  readonly outputs: FoundationOutputs;
  readonly stack: OpenStack;
  /** Brings it to other inputs. `done`: what the provider was asked to make, change and delete. */
  bring(inputs: FoundationInputs): Promise<{ readonly outputs: FoundationOutputs; readonly done: readonly string[] }>;
  /** Opens a stack of this name, with the inputs as its configuration, as `pulumi up` has them. */
  open(name: string, program: () => Promise<Record<string, unknown>>): Promise<OpenStack>;
}

export async function deployFoundation(inputs = FOUNDATION_INPUTS): Promise<Deployed> {
  await using made = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'aws-foundation-'));
  made.defer(() => rm(folder, { recursive: true }));
  const account = made.use(await startAccount());
  const open: Deployed['open'] = (name, program) =>
    openStackIn(folder, account, {
      ...{ name, project: 'burnbag-foundation', program },
      config: { 'burnbag-foundation:foundation': JSON.stringify(inputs), 'aws:region': REGION },
    });
  const bring: Deployed['bring'] = async (changed) => {
    const before = account.provider.log.length;
    const stack = await open('foundation', foundationProgram(changed));
    const outputs = FoundationOutputs.parse(await stack.up(new AbortController().signal, () => undefined));
    return { outputs, done: account.provider.log.slice(before) };
  };
  const { outputs } = await bring(inputs);
  const stack = await open('foundation', foundationProgram(inputs));
  const all = made.move();
  return { account, outputs, stack, bring, open, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
