import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { EC2Client, Instance } from '@aws-sdk/client-ec2';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { relayHostConfig } from '../../../infra/aws/relay/sshd-config.ts';
import { openFileSigner } from '../../../orchestrator/ca/index.ts';
import { OPERATIONS } from '../../../orchestrator/operations/index.ts';
import { takeStamp } from '../../../orchestrator/setup/stamp.ts';
import { burnbag, parseDocument } from '../burnbag.ts';
import { makeTestHome, ROOT, shareImageBase, type TestHome } from '../home.ts';
import { startSshd } from '../sshd.ts';
import { startAccount } from './account.ts';
import type { Chaos } from './chaos/chaos.ts';
import { ACCOUNT, clientOptions, REGION } from './clients.ts';
import { RELAY_ADDRESS } from './disk.ts';
import { type Guests, startGuests } from './guests.ts';
import { startMachine } from './machine.ts';
import { INSTALLATION, makeNetwork } from './network.ts';
import { readDisk } from './published.ts';

/**
 * All that a whole run on EC2 needs, as far as it can be had without AWS: moto plays the account, the fake provider stands where Pulumi's
 * would, a VM that boots the image made for EC2 stands behind each instance, a real sshd is the relay host, the keys of CA, evidence and receipts lie in (moto's) KMS.
 */
export interface Cloud extends AsyncDisposable {
  /** A data directory that is configured for it. */
  readonly place: TestHome;
  readonly chaos: Chaos;
  /** Past the proxy. */
  readonly ec2: EC2Client;
  readonly guests: Guests;
  /** Publishes another image by the user's own command, with these options; tells its id. */
  publish(...options: string[]): Promise<string>;
  /** Writes config.json anew, with these changes to its `aws`. */
  configure(changes: object): Promise<void>;
}

/** Its addresses lead to this host: a VM's port 22 is at the private address of its instance. */
const PREFIX = '127.83';

export async function makeCloud(): Promise<Cloud> {
  await using made = new AsyncDisposableStack();
  const place = made.use(await makeTestHome());
  const { moto, chaos, provider, ec2 } = made.use(await startAccount());
  const network = await makeNetwork(ec2, PREFIX);
  const [ca, evidence, receipt] = await Promise.all([makeKey(moto.url), makeKey(moto.url), makeKey(moto.url)]);
  const diskOf = disksOf(moto.url, made.adopt(await mkdtemp(join(tmpdir(), 'burnbag-disks-')), remove));
  const boot = async (instance: Instance) => startMachine(await diskOf(instance.ImageId ?? ''), instance);
  const guests = made.use(startGuests(moto.url, chaos, boot));
  const relayHost = await startRelayHost(place, made);
  Object.assign(place.env, environment(provider.address));
  const configure = async (changes: object): Promise<void> => {
    const aws = {
      ...{ region: REGION, account_id: ACCOUNT, installation_id: INSTALLATION, endpoint: chaos.url },
      ...{ vpc_id: network.vpcId, subnets: network.subnets, instance_types: ['t3.small'] },
      ...{ relay_address: RELAY_ADDRESS, relay_host: relayHost, keys: { ca, evidence, receipt } },
      ...{ visible_seconds: 1, poll_seconds: 0.2, ...changes },
    };
    await writeFile(join(place.home, 'config.json'), JSON.stringify({ driver: 'aws', engine: 'embedded', aws }));
    await takeStamp({ home: place.home, root: ROOT, env: place.env });
  };
  await configure({});
  await shareImageBase(place.home);
  const publish = (...args: string[]) => published(place, args);
  await publish();
  const all = made.move();
  return { place, chaos, ec2, guests, configure, publish, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** By the user's own command; tells the image's id. */
async function published(place: TestHome, args: readonly string[]): Promise<string> {
  const ended = await burnbag(place, ['aws', 'image', 'publish', ...args, '--json']);
  const told = OPERATIONS.aws_image.result.parse(parseDocument(ended));
  if (told.did !== 'published') throw new Error(`expected an image to be published, got ${ended.stderr}`);
  return told.id;
}

/** The disks that images start from, as they lie in EBS: each is read once. */
function disksOf(endpoint: string, folder: string): (imageId: string) => Promise<string> {
  const reading = new Map<string, Promise<string>>();
  const read = async (imageId: string): Promise<string> => {
    const file = join(folder, `${imageId}.img`);
    await readDisk(endpoint, imageId, file);
    return file;
  };
  return (imageId) => {
    const disk = reading.get(imageId) ?? read(imageId);
    reading.set(imageId, disk);
    return disk;
  };
}

const remove = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

function environment(provider: string): Readonly<Record<string, string>> {
  const port = provider.slice(provider.lastIndexOf(':') + 1);
  return { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', PULUMI_DEBUG_PROVIDERS: `aws:${port}` };
}

async function makeKey(endpoint: string): Promise<string> {
  const kms = new KMSClient(clientOptions(endpoint));
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }));
  kms.destroy();
  return KeyMetadata?.KeyId ?? '';
}

/** Configured as docs/aws.md says, with the key that Burnbag will make for itself. */
async function startRelayHost(place: TestHome, made: AsyncDisposableStack) {
  const key = await openFileSigner(join(place.home, 'keys', 'relay.pem'));
  const file = join(place.scripts, 'authorized_keys');
  await writeFile(file, `restrict,port-forwarding ${key.publicKeyLine}\n`, { mode: 0o600 });
  const { username } = userInfo();
  const sshd = made.use(
    await startSshd({
      ...{ caPublicKey: key.publicKeyLine, principals: ['nobody'], forceCommand: '/bin/false' },
      config: ['DisableForwarding no', `AuthorizedKeysFile ${file}`, 'PubkeyAcceptedAlgorithms ssh-ed25519'],
      lastConfig: relayHostConfig({ subnets: [`${PREFIX}.0.0/24`, `${PREFIX}.1.0/24`], username }).split('\n'),
    }),
  );
  return { host: '127.0.0.1', port: sshd.port, username, host_key: sshd.hostKey };
}
