import { expect, test } from 'vitest';
import { kernelWords, parseTscKhz } from './kernel-words.ts';

const RUN = {
  caPublicKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg burnbag-ca',
  machineId: '35b00705-5978-41d1-898e-2522f42c5d69',
  lifetimeSeconds: 660,
  nowSeconds: 1_795_420_000,
  tunnels: [],
};

test("the run's public facts are on the command line, each as one word", () => {
  expect(
    kernelWords(RUN, 'tcg', 2_600_000)
      .split(' ')
      .filter((word) => word.startsWith('burnbag.')),
  ).toEqual([
    'burnbag.ca=AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg',
    'burnbag.machine=35b00705-5978-41d1-898e-2522f42c5d69',
    'burnbag.lifetime=660',
    'burnbag.now=1795420000',
  ]);
});

test('a P-256 CA is told by its blob, which names its kind', () => {
  const blob = `AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB${'A'.repeat(86)}=`;
  const words = kernelWords({ ...RUN, caPublicKey: `ecdsa-sha2-nistp256 ${blob}` }, 'tcg', undefined);
  expect(words.split(' ')).toContain(`burnbag.ca=${blob}`);
});

test('where sshd may forward to is one more word, and only when there is somewhere', () => {
  const tunnels = ['127.0.0.1:5432', '127.0.0.1:80'];
  expect(kernelWords({ ...RUN, tunnels }, 'tcg', undefined)).toMatch(
    / burnbag\.tunnels=127\.0\.0\.1:5432,127\.0\.0\.1:80$/,
  );
  expect(kernelWords(RUN, 'tcg', undefined)).not.toContain('tunnels');
});

test.each(['10.0.2.2:80', '127.0.0.1:80 quiet', '127.0.0.1:080', '127.0.0.1:*', '127.0.0.1:80\nPermitOpen any', ''])(
  'a destination that could mean more is refused: %j',
  (tunnel) => {
    expect(() => kernelWords({ ...RUN, tunnels: [tunnel] }, 'tcg', undefined)).toThrow(
      expect.objectContaining({ code: 'bad_request' }),
    );
  },
);

test('mitigations and address randomisation are off under emulation only', () => {
  expect(kernelWords(RUN, 'tcg', 2_600_000).split(' ')).toEqual(
    expect.arrayContaining(['nokaslr', 'mitigations=off', 'tsc_early_khz=2600000']),
  );
  expect(kernelWords(RUN, 'kvm', 2_600_000)).not.toMatch(/nokaslr|mitigations|tsc_early_khz/);
});

test.each([
  'ssh-rsa AAAA',
  'ssh-ed25519 AAAA',
  `${RUN.caPublicKey}\nburnbag.lifetime=9`,
  `ssh-ed25519 a=b ${RUN.caPublicKey}`,
])('a CA key that is not one line of a known kind is refused: %j', (caPublicKey) => {
  expect(() => kernelWords({ ...RUN, caPublicKey }, 'tcg', undefined)).toThrow(
    expect.objectContaining({ code: 'bad_request' }),
  );
});

test.each([
  [
    'the moment’s rate, where nothing else is known',
    'model name\t: Xeon\ncpu MHz\t\t: 2599.998\n',
    undefined,
    2_599_998,
  ],
  [
    'the nominal rate in the name',
    'model name\t: Intel(R) i7 CPU @ 2.60GHz\ncpu MHz\t\t: 800.012\n',
    undefined,
    2_600_000,
  ],
  ['the base frequency', 'model name\t: Xeon\ncpu MHz\t\t: 800.012\n', '2600000\n', 2_600_000],
  ['nothing', 'BogoMIPS\t: 50.00\n', undefined, undefined],
])('the counter’s rate is %s', (_, cpuinfo, base, expected) => {
  expect(parseTscKhz(cpuinfo, base)).toBe(expected);
});
