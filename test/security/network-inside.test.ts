import { mkdtemp, rm, writeFile, chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRootGuest, type RootGuest } from '../support/root-guest/root-guest.ts';
import { openWorld } from '../support/root-guest/world.ts';

/*
 * What can be reached from inside a sandbox: nothing, held twice. One guest is cabled as the product cables it and gives up its own firewall;
 * the other keeps its firewall and has the network a user would have given it. Then it gives that up too, and the same attempts succeed.
 */

const tcp = (host: string, port: number): string =>
  `timeout 4 bash -c 'exec 3<>/dev/tcp/${host}/${port}; read -t 3 -n 1 answer <&3; [ -n "$answer" ]'`;
const udp = (host: string, port: number, says: string): string =>
  `timeout 4 bash -c 'exec 3<>/dev/udp/${host}/${port}; printf "${says}" >&3; read -t 3 -n 1 answer <&3; [ $? = 0 ]'`;

/** Each succeeds when something answers. */
const ATTEMPTS: Readonly<Record<string, string>> = {
  'a service on the loopback interface of the host': tcp('10.0.2.2', 8080),
  'a datagram to the host': udp('10.0.2.2', 9000, 'question'),
  'the forwarded port of a sandbox': tcp('10.0.2.2', 40_022),
  'a metadata service': tcp('169.254.169.254', 80),
  'an address outside': tcp('198.51.100.7', 80),
  'the resolver': udp(
    '10.0.2.3',
    53,
    '\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x01a\\x04test\\x00\\x00\\x01\\x00\\x01',
  ),
  TFTP: 'timeout 4 busybox tftp -g -r file -l /dev/null 10.0.2.2',
  'a ping': 'ping -c 1 -W 3 10.0.2.2',
  'a ping over IPv6': 'busybox ping6 -c 1 -W 3 fe80::2%eth0',
  'DHCP, in raw frames': 'busybox udhcpc -i eth0 -n -q -f -t 1 -T 3 -s /bin/true',
  'ARP for another address, in raw frames': 'busybox arping -c 1 -w 3 -I eth0 10.0.2.3',
};
/** A firewall of IP does not see these; they take a right that no script has. */
const RAW = Object.keys(ATTEMPTS).filter((name) => name.includes('raw frames'));
const ROUTE = 'ip route replace default via 10.0.2.2';

/** Makes every attempt at once and says which were answered. */
async function answered({ root }: RootGuest): Promise<readonly string[]> {
  const names = Object.keys(ATTEMPTS);
  const attempts = names.map((name, at) => `(${ATTEMPTS[name] ?? ''} >/dev/null 2>&1 && echo "answered ${at}") &`);
  const { output } = await root.run(`${attempts.join('\n')}\nwait`, 60_000);
  const found = new Set([...output.matchAll(/^answered ([0-9]+)$/gm)].map(([, at]) => Number(at)));
  return names.filter((_, at) => found.has(at));
}

const undo = new AsyncDisposableStack();
let cabled: RootGuest;
let open: RootGuest;
beforeAll(async () => {
  const tftp = undo.adopt(await mkdtemp(join(tmpdir(), 'burnbag-tftp-')), (path) => rm(path, { recursive: true }));
  await chmod(tftp, 0o755);
  await writeFile(join(tftp, 'file'), 'here', { mode: 0o644 });
  const world = undo.use(await openWorld());
  const netdev = `user,id=net,tftp=${tftp},hostfwd=tcp:127.0.0.1:40022-:22`;
  const guests = [
    startRootGuest({ network: 'wire' }),
    startRootGuest({ network: { netdev, namespaces: world.namespaces } }),
  ];
  [cabled, open] = (await Promise.all(guests)).map((guest) => undo.use(guest)) as [RootGuest, RootGuest];
});
afterAll(() => undo.disposeAsync());

describe('on the wire, with the firewall of the guest gone and a route laid', () => {
  beforeAll(async () => {
    expect((await cabled.root.run(`nft flush ruleset && ${ROUTE} && nft list ruleset`)).output).toBe('');
  });

  test('nothing answers, not even to root', async () => {
    expect(await answered(cabled)).toEqual([]);
  });

  test('what was tried was seen from outside, and what it was', () => {
    const { not_tcp, unasked_tcp, foreign_ethernet, foreign_arp } = cabled.wire?.dropped ?? {};
    for (const count of [not_tcp, unasked_tcp, foreign_ethernet, foreign_arp]) expect(count).toBeGreaterThan(0);
  });
});

describe('on an open network, with the firewall of the guest and a route laid', () => {
  beforeAll(async () => {
    expect((await open.root.run(ROUTE)).code).toBe(0);
  });

  test('nothing answers to root, but to what goes round the firewall in raw frames', async () => {
    expect(await answered(open)).toEqual(RAW);
  });

  test('control: without the firewall everything answers', async () => {
    await open.root.run('nft flush ruleset');
    expect(await answered(open)).toEqual(Object.keys(ATTEMPTS));
  });
});
