/** A process that brings up two boxes and is killed by the test in the middle. Arguments: folder, provider address, passphrase. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import * as pulumi from '@pulumi/pulumi';
import { openStack } from '../../../infra/pulumi/stack.ts';

class Bag extends pulumi.ProviderResource {
  constructor() {
    super('bag', 'p');
  }
}

class Box extends pulumi.CustomResource {
  constructor(name: string, inputs: pulumi.Inputs, options: pulumi.CustomResourceOptions) {
    super('bag:index:Box', name, inputs, options);
  }
}

const [folder = '', address = '', passphrase = ''] = process.argv.slice(2);
const workDir = join(folder, 'killed');
mkdirSync(workDir);

const stack = await openStack({
  name: 'dev',
  project: 'bb',
  backendDir: folder,
  workDir,
  engine: 'embedded',
  passphrase,
  providers: { bag: address },
  program: () => {
    const provider = new Bag();
    const a = new Box('a', {}, { provider });
    new Box('b', { of: a.id }, { provider });
    return Promise.resolve({});
  },
});
await stack.up(new AbortController().signal, () => undefined);
