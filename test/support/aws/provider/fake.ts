import { isDeepStrictEqual } from 'node:util';
import { BudgetsClient } from '@aws-sdk/client-budgets';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { EC2Client } from '@aws-sdk/client-ec2';
import { IAMClient } from '@aws-sdk/client-iam';
import { KMSClient } from '@aws-sdk/client-kms';
import { S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import proto from '@pulumi/pulumi/proto/provider_pb.js';
import { type Answers, answers } from '../../../../infra/local/provider/answers.ts';
import type { Properties, Resource } from '../../../../infra/local/provider/resource.ts';
import { serveAnswers } from '../../../../infra/local/provider/serve.ts';
import { plain, struct } from '../../provider-answers.ts';
import { clientOptions } from '../clients.ts';
import { functions } from './functions.ts';
import type { Cloud, Kind, Kinds } from './kind.ts';
import { KINDS } from './kinds.ts';
import { notTaken } from './taken.ts';

/** A Pulumi `aws` provider that works on an emulator. */
export interface FakeAws extends AsyncDisposable {
  /** `127.0.0.1:PORT`, for an engine to attach to as `aws`. */
  readonly address: string;
  /** `create TYPE`, `delete TYPE` and so on, in the order they were asked for. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

/**
 * Serves the resource types our programs use, over Pulumi's provider protocol, and does what they say through the AWS SDK: in moto, or
 * through the proxy in front of it. Like the real one it refuses a foreign account, waits until things are there, retries what is in use
 * and words failures in the service's own codes. Unlike it, it refuses every input it does not act on.
 */
export async function startFakeAws(endpoint: string): Promise<FakeAws> {
  const log: string[] = [];
  const clouds = new Clouds(endpoint);
  const served = await serveAnswers(answersOf(clouds, log));
  const stop = () => {
    served.close();
    clouds.close();
    return Promise.resolve();
  };
  return { address: served.address, log, stop, [Symbol.asyncDispose]: stop };
}

type Configure = InstanceType<typeof proto.ConfigureRequest>;
type Diff = InstanceType<typeof proto.DiffRequest>;
type Update = InstanceType<typeof proto.UpdateRequest>;
type Invoke = InstanceType<typeof proto.InvokeRequest>;

/** Each provider resource has a connection of its own to this one server, and nothing in a later call says whose it is: one region, one account. */
function answersOf(clouds: Clouds, log: string[]): Answers {
  const resources = Object.fromEntries(
    Object.entries(KINDS).map(([type, kind]) => [type, resourceOf(type, kind, clouds, log)]),
  );
  return {
    ...answers(resources),
    configure: async (request: Configure) => {
      await clouds.configure(plain(request.getArgs()) ?? {});
      return new proto.ConfigureResponse().setSupportspreview(true);
    },
    diffConfig: (request: Diff) => Promise.resolve(differ({}, request)),
    diff: (request: Diff) => Promise.resolve(differ(KINDS, request)),
    update: async (request: Update) => {
      const type = typeOf(request.getUrn());
      log.push(`update ${type}`);
      const outputs = await updated(type, clouds.cloud, request);
      return new proto.UpdateResponse().setProperties(struct({ ...outputs }));
    },
    invoke: async (request: Invoke) => {
      const answer = await functions(clouds.cloud, request.getTok(), plain(request.getArgs()) ?? {});
      return new proto.InvokeResponse().setReturn(struct({ ...answer }));
    },
  };
}

/** Tags by their own call, the rest by the kind's. What neither acts on is refused. */
async function updated(type: string, cloud: Cloud, request: Update): Promise<Properties> {
  const kind = KINDS[type];
  const [id, inputs] = [request.getId(), plain(request.getNews()) ?? {}];
  const changed = changedIn(request);
  const retag = changed.includes('tags') ? kind?.retag : undefined;
  const rest = changed.filter((key) => retag === undefined || key !== 'tags');
  const refused = rest.filter((key) => kind?.update === undefined || kind.updates?.includes(key) !== true);
  if (refused.length > 0) throw new Error(`the fake does not update ${type} ${refused.join(', ')}`);
  await retag?.(cloud, id, inputs['tags']);
  const done = rest.length === 0 ? inputs : await kind?.update?.(cloud, id, inputs);
  const before = plain(request.getOldInputs()) ?? {};
  const computed = Object.entries(plain(request.getOlds()) ?? {}).filter(([name]) => !(name in before));
  return { ...Object.fromEntries(computed), ...(retag !== undefined && { tagsAll: inputs['tags'] }), ...done };
}

function resourceOf(type: string, kind: Kind, clouds: Clouds, log: string[]): Resource {
  const said = (verb: string) => {
    log.push(`${verb} ${type}`);
    return clouds.cloud;
  };
  return {
    check: (inputs) => {
      const unknown = notTaken(inputs, kind.takes);
      if (unknown.length === 0) return { inputs };
      return {
        failures: unknown.map((property) => ({ property, reason: `the fake does not act on ${type} ${property}` })),
      };
    },
    create: (inputs) => kind.create(said('create'), inputs),
    // Without an id the real provider cannot find it either.
    read: (id, state) => (id === '' ? Promise.resolve(undefined) : kind.read(said('read'), id, state)),
    delete: (id, state) => kind.delete(said('delete'), id, state),
  };
}

function differ(kinds: Kinds, request: Diff): InstanceType<typeof proto.DiffResponse> {
  const changed = changedIn(request);
  const replaces = changed.filter((key) => kinds[typeOf(request.getUrn())]?.replaces?.includes(key));
  const { DIFF_NONE, DIFF_SOME } = proto.DiffResponse.DiffChanges;
  return new proto.DiffResponse()
    .setChanges(changed.length === 0 ? DIFF_NONE : DIFF_SOME)
    .setDiffsList([...changed])
    .setReplacesList(replaces);
}

/** Top-level inputs that are not what they were. */
function changedIn(request: Diff | Update): readonly string[] {
  const [before, after] = [plain(request.getOldInputs()) ?? {}, plain(request.getNews()) ?? {}];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.filter((key) => !isDeepStrictEqual(before[key], after[key]));
}

function typeOf(urn: string): string {
  return urn.split('::')[2]?.split('$').at(-1) ?? '';
}

/** The clients of each region; one server serves many runs, each of which configures it. */
class Clouds {
  readonly #endpoint: string;
  readonly #clouds = new Map<string, Cloud>();
  #current: Cloud | undefined;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  get cloud(): Cloud {
    if (this.#current === undefined) throw new Error('the provider was not configured');
    return this.#current;
  }

  /** Refuses an account that is not among the allowed ones, as the real provider does. */
  async configure(args: Properties): Promise<void> {
    const options = clientOptions(this.#endpoint, regionOf(args));
    const account = await accountOf(options);
    const allowed = listOf(args['allowedAccountIds']);
    if (allowed.length > 0 && !allowed.includes(account)) throw new Error(`AWS account ID not allowed: ${account}`);
    this.#current = this.#clouds.get(options.region) ?? connect(options, account);
    this.#clouds.set(options.region, this.#current);
  }

  close(): void {
    for (const { ec2, s3, kms, iam, cloudTrail, budgets } of this.#clouds.values())
      for (const client of [ec2, s3, kms, iam, cloudTrail, budgets]) client.destroy();
  }
}

function connect(options: ReturnType<typeof clientOptions>, account: string): Cloud {
  return {
    ec2: new EC2Client(options),
    s3: new S3Client({ ...options, forcePathStyle: true }),
    kms: new KMSClient(options),
    iam: new IAMClient(options),
    cloudTrail: new CloudTrailClient(options),
    budgets: new BudgetsClient(options),
    bucketPolicies: new Map(),
    region: options.region,
    account,
  };
}

function regionOf(args: Properties): string {
  if (typeof args['region'] === 'string') return args['region'];
  throw new Error('expected the region in the configuration of the provider, got none');
}

/** Lists cross a provider's configuration as JSON text. */
function listOf(value: unknown): string[] {
  if (value === undefined) return [];
  return (typeof value === 'string' ? JSON.parse(value) : value) as string[];
}

async function accountOf(options: ReturnType<typeof clientOptions>): Promise<string> {
  const sts = new STSClient(options);
  try {
    return (await sts.send(new GetCallerIdentityCommand({}))).Account ?? '';
  } finally {
    sts.destroy();
  }
}
