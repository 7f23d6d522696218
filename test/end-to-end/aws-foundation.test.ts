import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { FoundationSummary } from '../../orchestrator/operations/aws-foundation.ts';
import { ACCOUNT, REGION } from '../support/aws/clients.ts';
import { type Moto, startMoto } from '../support/aws/moto.ts';
import { type FakeAws, startFakeAws } from '../support/aws/provider/fake.ts';
import { type Ended, startBurnbag } from '../support/burnbag.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';

/** Quick when idle; a machine that boots VMs beside it takes its time. */
vi.setConfig({ testTimeout: 240_000 });

const INPUTS = {
  installationId: 'one',
  accountId: ACCOUNT,
  region: REGION,
  zones: [`${REGION}a`],
  signingKeySpec: 'ECC_NIST_P256',
};

let moto: Moto;
let provider: FakeAws;
let place: TestHome;
let file: string;
beforeAll(async () => {
  [moto, place] = await Promise.all([startMoto(), makeTestHome()]);
  provider = await startFakeAws(moto.url);
  file = await place.write('foundation.json', JSON.stringify(INPUTS));
});
afterAll(async () => {
  await provider.stop();
  await moto.stop();
  await place[Symbol.asyncDispose]();
});

/** With a provider to attach to, as a developer of one has it. */
function foundation(...args: string[]): Promise<Ended> {
  const port = provider.address.split(':')[1] ?? '';
  return startBurnbag(place, ['aws', 'foundation', ...args], { env: { PULUMI_DEBUG_PROVIDERS: `aws:${port}` } }).ended;
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
  const down = await foundation('down', '--file', file, '--yes', '--json');
  expect(summaryOf(down)).toMatchObject({ state: 'taken_down', outputs: null });
  expect(summaryOf(await foundation('outputs', '--json'))).toMatchObject({ state: 'absent' });
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
  const before = provider.log.length;
  const wrong = await place.write('wrong.json', JSON.stringify(inputs));
  const ended = await foundation('up', '--file', wrong);
  expect(ended.stderr).toContain(says);
  expect(ended.exitCode).toBe(exitCode);
  expect(provider.log.slice(before)).toEqual([]);
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
