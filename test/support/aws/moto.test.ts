import {
  DescribeInstancesCommand,
  EC2Client,
  GetConsoleOutputCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Chaos, startChaos } from './chaos/chaos.ts';
import { clientOptions } from './clients.ts';
import { type Moto, SANDBOX_IMAGE, startMoto } from './moto.ts';

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 240_000 });

let moto: Moto;
let chaos: Chaos;
let ec2: EC2Client;
beforeAll(async () => {
  moto = await startMoto();
  chaos = await startChaos(moto.url);
  ec2 = new EC2Client(clientOptions(chaos.url));
});
afterAll(async () => {
  ec2.destroy();
  await chaos.stop();
  await moto.stop();
});
beforeEach(() => moto.reset());
afterEach(() => {
  chaos.reset();
});

const LAUNCH = { ImageId: SANDBOX_IMAGE, InstanceType: 't3.small', MinCount: 1, MaxCount: 1 } as const;

async function launch(token?: string, InstanceType: 't3.small' | 't3.medium' = 't3.small'): Promise<string> {
  const answer = await ec2.send(new RunInstancesCommand({ ...LAUNCH, InstanceType, ClientToken: token }));
  return answer.Instances?.[0]?.InstanceId ?? '';
}

const terminate = (...InstanceIds: string[]) => ec2.send(new TerminateInstancesCommand({ InstanceIds }));

async function states(): Promise<(string | undefined)[]> {
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name));
}

test('forgets everything on reset', async () => {
  await launch();
  await moto.reset();
  expect(await states()).toEqual([]);
});

test('is gone when it was stopped, and may be stopped again', async () => {
  const other = await startMoto();
  await other.stop();
  await other.stop();
  expect(() => process.kill(other.pid, 0)).toThrow('ESRCH');
});

test('an unknown image is refused', async () => {
  const unknown = new RunInstancesCommand({ ...LAUNCH, ImageId: 'ami-00000000' });
  await expect(ec2.send(unknown)).rejects.toMatchObject({ name: 'InvalidAMIID.NotFound' });
});

test('a second termination changes nothing and spares nobody', async () => {
  const first = await launch();
  await terminate(first);
  await terminate(first, await launch());
  expect(await states()).toEqual(['terminated', 'terminated']);
});

describe('the proxy', () => {
  test('gives the first answer again for the same client token', async () => {
    const launched = await Promise.all(Array.from({ length: 5 }, () => launch('one')));
    expect(new Set(launched).size).toBe(1);
    expect(await states()).toHaveLength(1);
  });

  test('refuses a client token with other parameters, or of a terminated instance', async () => {
    const id = await launch('one');
    await expect(launch('one', 't3.medium')).rejects.toMatchObject({ name: 'IdempotentParameterMismatch' });
    await terminate(id);
    await expect(launch('one')).rejects.toMatchObject({ name: 'IdempotentInstanceTerminated' });
  });

  test('an answer that never comes has launched one instance, whatever the SDK tries again', async () => {
    chaos.rules.push({ action: 'RunInstances', how: 'ack-drop', times: 2 });
    await launch('one');
    expect(chaos.log.filter((action) => action === 'RunInstances')).toHaveLength(3);
    expect(await states()).toHaveLength(1);
  });

  test('throttles as often as told', async () => {
    chaos.rules.push({ action: 'DescribeInstances', how: 'error', times: 2 });
    expect(await states()).toEqual([]);
    chaos.rules.push({ action: /^Describe/, how: 'error' });
    await expect(states()).rejects.toMatchObject({ name: 'RequestLimitExceeded' });
  });

  test('shows an instance late, and its end late', async () => {
    chaos.delays.lagMs = chaos.delays.shuttingMs = Infinity;
    const id = await launch();
    const byId = new DescribeInstancesCommand({ InstanceIds: [id] });
    await expect(ec2.send(byId)).rejects.toMatchObject({ name: 'InvalidInstanceID.NotFound' });
    expect(await states()).toEqual([]);
    chaos.delays.lagMs = 0;
    expect(await states()).toEqual(['running']);
    await terminate(id);
    expect(await states()).toEqual(['shutting-down']);
    chaos.delays.shuttingMs = 0;
    expect(await states()).toEqual(['terminated']);
  });

  test('says on the console what it was told', async () => {
    const InstanceId = await launch();
    chaos.consoles.set(InstanceId, 'READY\n');
    const { Output = '' } = await ec2.send(new GetConsoleOutputCommand({ InstanceId }));
    expect(Buffer.from(Output, 'base64').toString()).toBe('READY\n');
  });
});
