import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { DescribeInstanceAttributeCommand, DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { openFileSigner } from '../../orchestrator/ca/index.ts';
import { loadConfiguration } from '../../orchestrator/configuration.ts';
import { FoundationSummary } from '../../orchestrator/operations/aws-foundation.ts';
import { RelayConfigSummary } from '../../orchestrator/operations/aws-relay-config.ts';
import { type Account, startAccount } from '../support/aws/account.ts';
import { ACCOUNT, REGION } from '../support/aws/clients.ts';
import { burnbag, type Ended, parseDocument, startBurnbag } from '../support/burnbag.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 240_000 });

const INPUTS = {
  installationId: 'one',
  accountId: ACCOUNT,
  region: REGION,
  zones: [`${REGION}a`],
};

let account: Account;
let place: TestHome;
let file: string;
beforeAll(async () => {
  [account, place] = await Promise.all([startAccount(), makeTestHome()]);
  file = await place.write('foundation.json', JSON.stringify(INPUTS));
});
afterAll(async () => {
  await account[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

/** With a provider to attach to, as a developer of one has it. */
function foundation(...args: string[]): Promise<Ended> {
  const { provider, chaos } = account;
  const env = {
    PULUMI_DEBUG_PROVIDERS: `aws:${provider.address.split(':')[1] ?? ''}`,
    // The SDK's own.
    ...{ AWS_ENDPOINT_URL: chaos.url, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
  };
  return startBurnbag(place, ['aws', 'foundation', ...args], { env }).ended;
}

const summaryOf = ({ stdout }: Ended) => FoundationSummary.parse(JSON.parse(stdout));

test('is deployed, shown and taken down', async () => {
  const up = await foundation('up', '--file', file, '--json');
  expect(up, up.stderr).toMatchObject({ exitCode: 0 });
  const { outputs } = summaryOf(up);
  expect(outputs).toMatchObject({ installationId: 'one', accountId: ACCOUNT, relayAddress: '10.84.0.10' });
  expect(summaryOf(await foundation('outputs', '--json'))).toMatchObject({ state: 'deployed', outputs });
  const shown = await foundation('outputs');
  expect(shown.stdout).toContain(`sandboxVpcId           ${outputs?.sandboxVpcId ?? ''}`);
  const configuration = await foundation('configuration');
  await place.write('config.json', configuration.stdout);
  expect(await loadConfiguration(place.scripts)).toMatchObject({
    ...{ driver: 'aws', engine: 'cli', archive: { bucket: outputs?.evidenceBucket } },
    aws: { account_id: ACCOUNT, vpc_id: outputs?.sandboxVpcId, keys: { ca: outputs?.caKeyArn } },
  });
  const down = await foundation('down', '--file', file, '--yes', '--json');
  expect(summaryOf(down)).toMatchObject({ state: 'taken_down', outputs: null });
  expect(summaryOf(await foundation('outputs', '--json'))).toMatchObject({ state: 'absent' });
  expect(await foundation('configuration')).toMatchObject({ exitCode: 78 });
});

test('deployed with a relay host it lets in this data directory’s key, and its configuration has the host key of its console', async () => {
  const state = { url: `s3://pulumi-state/team?region=${REGION}` };
  const inputs = { ...INPUTS, installationId: 'three', relay: { imageId: 'ami-0deb1300000000001' }, state };
  const named = await place.write('with-relay.json', JSON.stringify(inputs));
  const up = await foundation('up', '--file', named, '--json');
  expect(up, up.stderr).toMatchObject({ exitCode: 0 });
  const { relayInstanceId: id = '' } = summaryOf(up).outputs ?? {};
  const { publicKeyLine } = await openFileSigner(join(place.home, 'keys', 'relay.pem'));
  const request = new DescribeInstanceAttributeCommand({ InstanceId: id, Attribute: 'userData' });
  const told = Buffer.from((await account.ec2.send(request)).UserData?.Value ?? '', 'base64').toString();
  expect(told).toContain(`restrict,port-forwarding ${publicKeyLine}`);
  const hostKey = publicKeyLine;
  const block = ['-----BEGIN SSH HOST KEY KEYS-----', `${hostKey} root@relay`, '-----END SSH HOST KEY KEYS-----', ''];
  account.chaos.consoles.set(id, block.join('\r\n'));
  const { stdout } = await foundation('configuration');
  await place.write('config.json', stdout);
  const { aws } = await loadConfiguration(place.scripts);
  expect(aws).toMatchObject({
    relay_host: { host: '10.84.0.10', port: 22, username: 'burnbag-relay', host_key: hostKey },
    state_url: state.url,
  });
  const down = await foundation('down', '--file', named, '--yes', '--json');
  expect(summaryOf(down)).toMatchObject({ state: 'taken_down' });
  const { Reservations = [] } = await account.ec2.send(new DescribeInstancesCommand({}));
  expect(Reservations.flatMap(({ Instances = [] }) => Instances.map(({ State }) => State?.Name))).toEqual([
    'terminated',
  ]);
});

test.each([
  [
    'another account',
    { ...INPUTS, installationId: 'two', accountId: '999999999999' },
    69,
    'AWS account ID not allowed',
  ],
  ['an unknown input', { ...INPUTS, publicAddress: true }, 78, 'publicAddress'],
  ['a retention of nothing', { ...INPUTS, retentionDays: 0 }, 78, 'retentionDays'],
])('%s is refused, and nothing is made', async (_what, inputs, exitCode, says) => {
  const before = account.provider.log.length;
  const wrong = await place.write('wrong.json', JSON.stringify(inputs));
  const ended = await foundation('up', '--file', wrong);
  expect(ended.stderr).toContain(says);
  expect(ended.exitCode).toBe(exitCode);
  expect(account.provider.log.slice(before)).toEqual([]);
});

test('without the pulumi binary it says what to install', async () => {
  const { exitCode, stderr } = await startBurnbag(place, ['aws', 'foundation', 'up', '--file', file], {
    env: { PATH: '/usr/bin:/bin' },
  }).ended;
  expect(stderr).toContain('https://www.pulumi.com/docs/install/');
  expect(exitCode).toBe(69);
});

test('the control policy is printed as a document', async () => {
  const admin = `arn:aws:iam::${ACCOUNT}:role/foundation`;
  const { stdout } = await foundation('control-policy', '--file', file, '--admin', admin);
  expect(JSON.parse(stdout)).toMatchObject({ Version: '2012-10-17' });
});

describe('the relay host', () => {
  const printed = async (inputs: object, ...args: string[]) => {
    const named = await place.write('relay.json', JSON.stringify(inputs));
    return burnbag(place, ['aws', 'relay-config', '--file', named, ...args]);
  };
  const six = ['a', 'b', 'c', 'd', 'e', 'f'].map((letter) => `${REGION}${letter}`);

  test.each([
    ['one zone', INPUTS.zones, 251],
    ['as many zones as there may be', six, 6 * 251],
  ])('has a configuration that sshd takes, and opens what it says: %s', async (_what, zones, opens) => {
    const { stdout, exitCode, stderr } = await printed({ ...INPUTS, zones });
    expect(exitCode, stderr).toBe(0);
    const file = await place.write('sshd_config', stdout);
    const key = join(place.scripts, `host-key-${zones.length}`);
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const sshd = (...args: string[]) =>
      execFileSync('/usr/sbin/sshd', ['-f', file, '-h', key, ...args], { encoding: 'utf8' });
    sshd('-t');
    const rules = (user: string) => sshd('-T', '-C', `user=${user},host=h,addr=10.0.0.1`);
    const destinations = /^permitopen (.*)$/m.exec(rules('burnbag-relay'))?.[1]?.split(' ') ?? [];
    expect(destinations.length).toBe(opens);
    expect(destinations).toEqual(expect.arrayContaining(['10.83.0.4:22', `10.83.${zones.length - 1}.254:22`]));
    expect(rules('burnbag-relay')).toContain('forcecommand /bin/false');
    expect(rules('somebody-else')).toContain('permitopen any');
  });

  test('is the same by cloud-init, with the relay’s key and no other', async () => {
    const { authorized_keys, sshd_config, cloud_config } = RelayConfigSummary.parse(
      parseDocument(await printed(INPUTS, '--json')),
    );
    const { publicKeyLine } = await openFileSigner(join(place.home, 'keys', 'relay.pem'));
    expect(authorized_keys).toBe(`restrict,port-forwarding ${publicKeyLine}\n`);
    const { stdout } = await printed(INPUTS, '--cloud-init');
    expect(stdout.trim()).toBe(cloud_config.trim());
    const [first, ...rest] = stdout.split('\n');
    expect(first).toBe('#cloud-config');
    expect(JSON.parse(rest.join('\n'))).toMatchObject({
      users: ['default', { name: 'burnbag-relay', ssh_authorized_keys: [authorized_keys.trim()] }],
      write_files: [{ path: '/etc/ssh/sshd_config.d/10-burnbag.conf', content: sshd_config }],
    });
  });

  test.each([
    ['a user that would be another line of the file', ['--user', 'x\nMatch all'], 64],
    ['inputs that are none', ['--file', '/nonexistent'], 78],
  ])('%s is refused', async (_what, args, exitCode) => {
    expect(await printed(INPUTS, ...args)).toMatchObject({ exitCode, stdout: '' });
  });
});
