import { ec2 } from '@pulumi/aws';
import type * as pulumi from '@pulumi/pulumi';
import { foundationTags } from '../tags.ts';
import { type FoundationInputs, planOf, stateOf } from './inputs.ts';
import { bucketNames } from './names.ts';

/** Where the relay is. */
interface RelayPlace {
  readonly relayVpc: ec2.Vpc;
  readonly relaySubnet: ec2.Subnet;
  readonly relayRoutes: ec2.RouteTable;
}

/** The APIs an orchestrator in the relay's network calls. */
const APIS = ['ec2', 'kms', 'sts'];

/** What the relay may reach: port 22 of the sandboxes, S3 through its own endpoint, and the APIs where they are wanted. Who may reach it: the named clients. */
export function relayGroup(
  inputs: FoundationInputs,
  place: RelayPlace,
  options: pulumi.CustomResourceOptions,
): ec2.SecurityGroup {
  const s3 = s3Endpoint(inputs, place, options);
  const { cidr } = planOf(inputs).relaySubnet;
  const apis = rule('the endpoints of the APIs', 443, { cidrBlocks: [cidr] });
  const group = new ec2.SecurityGroup(
    'relay',
    {
      name: `burnbag-${inputs.installationId}-relay`,
      description: 'Burnbag relay',
      vpcId: place.relayVpc.id,
      ingress: inputs.relayClients.map((client) => rule('a client of the relay', 22, { cidrBlocks: [client] })),
      egress: [
        rule('the sandboxes', 22, { cidrBlocks: [inputs.sandboxNetwork] }),
        rule('the archive', 443, { prefixListIds: [s3.prefixListId] }),
        ...(inputs.apiEndpoints ? [apis] : []),
      ],
      tags: foundationTags(inputs.installationId, 'relay'),
    },
    options,
  );
  if (inputs.apiEndpoints) apiEndpoints(inputs, place, group, options);
  return group;
}

/** S3 without the internet, for the relay's subnet only, and to our bucket only, and what keeps the state where it is in this region. */
function s3Endpoint(
  inputs: FoundationInputs,
  { relayVpc, relayRoutes }: RelayPlace,
  options: pulumi.CustomResourceOptions,
): ec2.VpcEndpoint {
  const { evidence } = bucketNames(inputs);
  const state = stateOf(inputs);
  const buckets = [evidence, ...(state?.region === inputs.region ? [state.bucket] : [])];
  const resources = buckets.flatMap((bucket) => [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`]);
  const statement = { Sid: 'OurBuckets', Effect: 'Allow', Principal: '*', Action: 's3:*', Resource: resources };
  return new ec2.VpcEndpoint(
    's3',
    {
      vpcId: relayVpc.id,
      serviceName: `com.amazonaws.${inputs.region}.s3`,
      vpcEndpointType: 'Gateway',
      routeTableIds: [relayRoutes.id],
      policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
      tags: foundationTags(inputs.installationId, 's3'),
    },
    options,
  );
}

function apiEndpoints(
  inputs: FoundationInputs,
  { relayVpc, relaySubnet }: RelayPlace,
  relay: ec2.SecurityGroup,
  options: pulumi.CustomResourceOptions,
): void {
  const group = new ec2.SecurityGroup(
    'apis',
    {
      name: `burnbag-${inputs.installationId}-apis`,
      description: 'Burnbag: endpoints of AWS APIs, for the relay',
      vpcId: relayVpc.id,
      ingress: [rule('the relay', 443, { securityGroups: [relay.id] })],
      egress: [],
      tags: foundationTags(inputs.installationId, 'apis'),
    },
    options,
  );
  for (const api of APIS)
    new ec2.VpcEndpoint(
      api,
      {
        vpcId: relayVpc.id,
        serviceName: `com.amazonaws.${inputs.region}.${api}`,
        vpcEndpointType: 'Interface',
        subnetIds: [relaySubnet.id],
        securityGroupIds: [group.id],
        privateDnsEnabled: true,
        tags: foundationTags(inputs.installationId, api),
      },
      options,
    );
}

function rule(description: string, port: number, source: Record<string, pulumi.Input<string>[]>) {
  return { description, protocol: 'tcp', fromPort: port, toPort: port, ...source };
}
