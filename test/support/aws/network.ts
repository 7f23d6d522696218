import { CreateSubnetCommand, CreateVpcCommand, type EC2Client } from '@aws-sdk/client-ec2';
import type { RunInputs } from '../../../infra/aws/run/inputs.ts';
import { ACCOUNT, REGION } from './clients.ts';
import { SANDBOX_IMAGE } from './moto.ts';

/** The installation of tests. */
export const INSTALLATION = 'contract';

/** A bare VPC with two subnets, for tests that need a run's surroundings and not the foundation. */
export interface TestNetwork {
  readonly vpcId: string;
  readonly subnets: readonly [string, string];
}

/** `prefix`: the first two numbers of every address; those of 127 lead to this host. */
export async function makeNetwork(ec2: EC2Client, prefix = '10.83'): Promise<TestNetwork> {
  const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: `${prefix}.0.0/16` }));
  const vpcId = Vpc?.VpcId ?? '';
  const subnet = async (CidrBlock: string, zone: string): Promise<string> => {
    const request = new CreateSubnetCommand({ VpcId: vpcId, CidrBlock, AvailabilityZone: `${REGION}${zone}` });
    return (await ec2.send(request)).Subnet?.SubnetId ?? '';
  };
  return { vpcId, subnets: [await subnet(`${prefix}.0.0/24`, 'a'), await subnet(`${prefix}.1.0/24`, 'b')] };
}

/** The inputs of a run in such a network. */
export function runInputs(runId: string, { vpcId, subnets }: TestNetwork): RunInputs {
  return {
    runId,
    installationId: INSTALLATION,
    accountId: ACCOUNT,
    region: REGION,
    vpcId,
    relayAddress: '10.84.0.10',
    imageId: SANDBOX_IMAGE,
    imageDigest: 'sha256:0123',
    rootGiB: 4,
    deadline: '2030-01-01T00:00:00Z',
    placement: { instanceType: 't3.small', subnetId: subnets[0], spot: false },
  };
}
