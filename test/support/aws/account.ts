import { EC2Client } from '@aws-sdk/client-ec2';
import { openStack, type OpenStack } from '../../../infra/pulumi/stack.ts';
import { type Chaos, startChaos } from './chaos/chaos.ts';
import { clientOptions } from './clients.ts';
import { type Moto, startMoto } from './moto.ts';
import { type FakeAws, startFakeAws } from './provider/fake.ts';

/** An account that moto plays: the proxy in front of it, our provider behind that, and a client that goes past both. */
export interface Account extends AsyncDisposable {
  readonly moto: Moto;
  readonly chaos: Chaos;
  readonly provider: FakeAws;
  readonly ec2: EC2Client;
}

export async function startAccount(): Promise<Account> {
  await using made = new AsyncDisposableStack();
  const moto = made.use(await startMoto());
  const chaos = made.use(await startChaos(moto.url));
  const provider = made.use(await startFakeAws(chaos.url));
  const ec2 = new EC2Client(clientOptions(moto.url));
  made.defer(() => {
    ec2.destroy();
  });
  const all = made.move();
  return { moto, chaos, provider, ec2, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

interface StackPlan {
  readonly name: string;
  readonly project: string;
  readonly program: () => Promise<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, string>>;
}

/** Opens a stack on the embedded engine and our provider; its state is below `folder`, and the same one there later. */
export function openStackIn(
  folder: string,
  { provider }: Pick<Account, 'provider'>,
  plan: StackPlan,
): Promise<OpenStack> {
  return openStack({
    ...plan,
    backendDir: `${folder}/state`,
    workDir: `${folder}/${plan.name}`,
    engine: 'embedded',
    passphrase: 'x',
    providers: { aws: provider.address },
  });
}
