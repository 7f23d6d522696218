import { DescribeAvailabilityZonesCommand } from '@aws-sdk/client-ec2';
import type { Properties } from '../../../../infra/local/provider/resource.ts';
import { call } from './failure.ts';
import type { Cloud } from './kind.ts';

/** The functions our programs call. */
export async function functions(cloud: Cloud, token: string, args: Properties): Promise<Properties> {
  if (token === 'aws:index/getCallerIdentity:getCallerIdentity') return { accountId: cloud.account, id: cloud.account };
  if (token === 'aws:index/getRegion:getRegion') return { region: cloud.region, id: cloud.region };
  if (token === 'aws:index/getAvailabilityZones:getAvailabilityZones' && args['state'] === 'available') {
    const { AvailabilityZones = [] } = await call('reading zones', 'EC2', 'DescribeAvailabilityZones', () =>
      cloud.ec2.send(new DescribeAvailabilityZonesCommand({})),
    );
    return { names: AvailabilityZones.map(({ ZoneName }) => ZoneName), id: cloud.region };
  }
  throw new Error(`the fake does not know the function ${token}`);
}
