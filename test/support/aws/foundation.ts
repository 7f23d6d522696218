import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import type { FoundationInputs } from '../../../infra/aws/foundation/inputs.ts';
import { FoundationOutputs } from '../../../infra/aws/foundation/outputs.ts';
import { foundationProgram } from '../../../infra/aws/foundation/program.ts';
import type { OpenStack } from '../../../infra/pulumi/stack.ts';
import { type Account, openStackIn, startAccount } from './account.ts';
import { clientOptions, REGION } from './clients.ts';
import { FOUNDATION_INPUTS } from './foundation-inputs.ts';

/** The foundation, deployed into an account of its own. */
export interface Deployed extends AsyncDisposable {
  readonly account: Account;
  /** Past the proxy, as the account's own client of EC2 is. */
  readonly clients: { readonly s3: S3Client; readonly kms: KMSClient; readonly iam: IAMClient };
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
  const options = clientOptions(account.moto.url);
  const s3 = new S3Client({ ...options, forcePathStyle: true });
  const clients = { s3, kms: new KMSClient(options), iam: new IAMClient(options) };
  made.defer(() => {
    for (const client of Object.values(clients)) client.destroy();
  });
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
  return { account, clients, outputs, stack, bring, open, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
