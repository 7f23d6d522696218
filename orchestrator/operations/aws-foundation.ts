import * as z from 'zod';
import {
  foundationControlPolicy,
  type FoundationInputs,
  FoundationOutputs,
  openAwsFoundation,
  readFoundationInputs,
  readRelayHostKey,
} from '../../infra/index.ts';
import type { EngineEvent } from '../../infra/driver.ts';
import { openFileSigner } from '../ca/index.ts';
import { RequestError } from '../errors.ts';
import { relayKeyFile } from '../run/open-aws.ts';
import { operation, type OperationContext } from './operation.ts';
import { watchedItem } from './watched-item.ts';

/** What `burnbag aws foundation` says. */
export const FoundationSummary = z.strictObject({
  schema: z.literal('burnbag.aws-foundation/1'),
  state: z.enum(['deployed', 'taken_down', 'absent']),
  /** What the driver reads; null where nothing is deployed. */
  outputs: FoundationOutputs.nullable(),
  /** With `control-policy` and `configuration`: the document. */
  document: z.string().optional(),
});
type FoundationSummary = z.infer<typeof FoundationSummary>;

const Args = z.strictObject({
  what: z.enum(['up', 'outputs', 'configuration', 'down', 'control-policy']),
  /** The foundation's inputs; with `up`, `down` and `control-policy`. */
  file: z.string().optional(),
  /** With `control-policy`: the role that deploys the foundation. */
  admin: z.string().startsWith('arn:').optional(),
});
type Args = z.infer<typeof Args>;

/** What is deployed once per AWS account and region, before the first run there. */
export const awsFoundation = operation({
  name: 'aws_foundation',
  summary: 'deploy, show or take down what sandboxes on AWS stand on',
  access: 'none',
  args: Args,
  result: FoundationSummary,
  run: (args, context) => ACTIONS[args.what](args, context),
});

const ACTIONS: Readonly<Record<Args['what'], (args: Args, context: OperationContext) => Promise<FoundationSummary>>> = {
  up: async (args, context) => {
    const inputs = await withRelayKey(await readFoundationInputs(required(args.file, '--file FILE')), context);
    const foundation = await opened(context);
    const outputs = await watched(context, 'deploying', (onEvent) => foundation.up(inputs, context.signal, onEvent));
    return { ...SCHEMA, state: 'deployed', outputs };
  },
  outputs: async (_args, context) => {
    const outputs = await (await opened(context)).outputs();
    return { ...SCHEMA, state: outputs === undefined ? 'absent' : 'deployed', outputs: outputs ?? null };
  },
  configuration: async (_args, context) => {
    const outputs = await (await opened(context)).outputs();
    if (outputs === undefined) throw notDeployed();
    const configuration = configurationOf(outputs, await relayHostOf(outputs, context));
    return { ...SCHEMA, state: 'deployed', outputs, document: JSON.stringify(configuration, undefined, 2) };
  },
  down: async (args, context) => {
    const inputs = await readFoundationInputs(required(args.file, '--file FILE'));
    const foundation = await opened(context);
    await watched(context, 'taking down', (onEvent) => foundation.down(inputs, onEvent));
    return { ...SCHEMA, state: 'taken_down', outputs: null };
  },
  'control-policy': async (args, context) => {
    const inputs = await readFoundationInputs(required(args.file, '--file FILE'));
    const outputs = await (await opened(context)).outputs();
    const document = await foundationControlPolicy(inputs, required(args.admin, '--admin ARN'));
    return { ...SCHEMA, state: outputs === undefined ? 'absent' : 'deployed', outputs: outputs ?? null, document };
  },
};

/** The relay host lets in whom the inputs name, or else this data directory's relay key, which is made on first use. */
async function withRelayKey(inputs: FoundationInputs, { environment }: OperationContext): Promise<FoundationInputs> {
  const { relay } = inputs;
  if (relay === undefined || relay.publicKey !== undefined) return inputs;
  const { publicKeyLine: publicKey } = await openFileSigner(relayKeyFile(environment.home));
  return { ...inputs, relay: { ...relay, publicKey } };
}

/** The relay host that the foundation made, with the host key that its console shows; undefined where it made none. */
async function relayHostOf(outputs: FoundationOutputs, context: OperationContext) {
  const { region, relayAddress: host, relayInstanceId: id, relayUsername: username } = outputs;
  if (id === undefined || username === undefined) return undefined;
  const waiting = { item: 'relay-host', why: 'what host key its console shows', seconds: BOOT_SECONDS };
  return { host, username, host_key: await watchedItem(context, waiting, () => readRelayHostKey({ region }, id)) };
}

/** config.json as it follows from a foundation. Where a relay host is that it did not make it cannot know. */
function configurationOf(outputs: FoundationOutputs, relayHost: Awaited<ReturnType<typeof relayHostOf>>) {
  const { installationId, accountId, region, sandboxVpcId, sandboxSubnets, relayAddress, stateUrl } = outputs;
  const archive = { endpoint: `https://s3.${region}.amazonaws.com`, region, bucket: outputs.evidenceBucket };
  const aws = {
    ...{ region, account_id: accountId, installation_id: installationId, vpc_id: sandboxVpcId },
    ...{ subnets: sandboxSubnets.map(({ id }) => id), relay_address: relayAddress },
    ...(relayHost !== undefined && { relay_host: relayHost }),
    keys: { ca: outputs.caKeyArn, evidence: outputs.evidenceSigningKeyArn },
    ...(stateUrl !== undefined && { state_url: stateUrl }),
  };
  return { driver: 'aws', aws, archive };
}

const SCHEMA = { schema: 'burnbag.aws-foundation/1' } as const;
/** About how long AWS takes for all of it. */
const EXPECTED_SECONDS = 120;
/** About how long a host boots, and EC2 takes to show its console. */
const BOOT_SECONDS = 60;

function opened({ environment }: OperationContext) {
  return openAwsFoundation(environment.home, environment.variables);
}

/** Tells which resource is being made or deleted, and how it ended. */
function watched<T>(
  context: OperationContext,
  why: string,
  work: (onEvent: (event: EngineEvent) => void) => Promise<T>,
): Promise<T> {
  return watchedItem(context, { item: 'foundation', why, seconds: EXPECTED_SECONDS }, (say) =>
    work((event) => {
      const urn = urnOf(event);
      if (urn !== undefined) say(urn.split('::').slice(-2).join(' '));
    }),
  );
}

function urnOf(event: EngineEvent): string | undefined {
  const parsed = ResourceEvent.safeParse(event);
  return parsed.success ? parsed.data.resOutputsEvent.metadata.urn : undefined;
}

const ResourceEvent = z.looseObject({
  resOutputsEvent: z.looseObject({ metadata: z.looseObject({ urn: z.string() }) }),
});

function notDeployed(): RequestError {
  return new RequestError('bad_configuration', {
    expected: 'a foundation deployed from this data directory',
    got: 'none',
    hint: 'deploy it: burnbag aws foundation up --file FILE',
  });
}

function required(value: string | undefined, option: string): string {
  if (value !== undefined) return value;
  throw new RequestError('bad_argument', {
    expected: `the option ${option}`,
    got: 'none',
    hint: 'docs/aws.md has an example',
  });
}
