import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import type { OpenStack } from '../infra/pulumi/stack.ts';
import { openStack } from '../infra/pulumi/stack.ts';
import type { TestProvider } from '../test/support/provider.ts';

/** How the resources of a measured stack hang together: each needs the one before it, or none needs another. */
export type Shape = 'chain' | 'wide';

/** What one measured stack wrote. */
export interface Written {
  writes: number;
  bytes: number;
  /** Size of the largest state file. */
  largest: number;
}

export interface MeasuredStack {
  readonly stack: OpenStack;
  readonly written: Written;
}

/** Where measured stacks live, and the provider that serves them: it answers at once, so all time is the engine's and the SDK's. */
export interface Surroundings {
  readonly folder: string;
  readonly provider: TestProvider;
}

/** Opens a stack of `count` resources under one explicit provider and one component, as the local driver's are. */
export async function openMeasured(
  { folder, provider }: Surroundings,
  name: string,
  count: number,
  shape: Shape,
): Promise<MeasuredStack> {
  const written: Written = { writes: 0, bytes: 0, largest: 0 };
  const stack = await openStack({
    name,
    project: 'bench',
    program: programOf(count, shape),
    backendDir: join(folder, 'state'),
    workDir: join(folder, name),
    engine: 'embedded',
    passphrase: 'bench',
    providers: { bag: provider.address },
    onCheckpoint: (text) => {
      written.writes += 1;
      written.bytes += text.length;
      written.largest = Math.max(written.largest, text.length);
    },
  });
  return { stack, written };
}

/** Aborts a measurement that hangs. */
export function deadline(): AbortSignal {
  return AbortSignal.timeout(120_000);
}

function programOf(count: number, shape: Shape): () => Promise<Record<string, unknown>> {
  return () => {
    const room = new Room(new Bag());
    let last: Box | undefined;
    for (let index = 0; index < count; index += 1) {
      const inputs = { ...INPUTS, of: shape === 'chain' ? last?.id : undefined };
      last = new Box(`box-${index}`, inputs, room);
    }
    return Promise.resolve({ last: last?.id });
  };
}

/** About what a machine of the local driver has. */
const INPUTS = { runId: '0123456789ab', memoryMiB: 512, cpus: 1, path: '/a/path/of/a/file', key: 'k'.repeat(80) };

class Bag extends pulumi.ProviderResource {
  constructor() {
    super('bag', 'p');
  }
}

class Room extends pulumi.ComponentResource {
  constructor(provider: Bag) {
    super('bag:index:Room', 'room', {}, { providers: [provider] });
    this.registerOutputs();
  }
}

class Box extends pulumi.CustomResource {
  constructor(name: string, inputs: pulumi.Inputs, parent: Room) {
    super('bag:index:Box', name, inputs, { parent });
  }
}
