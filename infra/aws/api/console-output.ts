import { type EC2Client, GetConsoleOutputCommand } from '@aws-sdk/client-ec2';
import { translateAws } from './errors.ts';

/** The latest of what an instance said on its console, 64 KiB at most; nothing where EC2 has none yet. Rejects with DriverError. */
export async function readConsoleOutput(ec2: EC2Client, InstanceId: string): Promise<string> {
  try {
    const { Output = '' } = await ec2.send(new GetConsoleOutputCommand({ InstanceId, Latest: true }));
    return Buffer.from(Output, 'base64').toString('latin1');
  } catch (error) {
    throw translateAws(error, `the console of ${InstanceId}`);
  }
}
