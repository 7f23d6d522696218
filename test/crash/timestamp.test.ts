import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTrustedKeys, verifyBundle } from '../../orchestrator/evidence/index.ts';
import { makeAuthority, type Signer, type TestAuthority } from '../support/tsa/authority.ts';
import { OPENSSL, sayNotRun } from '../support/tsa/openssl.ts';
import { startTsa, type TsaAnswer, type TsaServer } from '../support/tsa/server.ts';
import { type CrashHome, type CrashPlace, type Ended, openCrashPlace } from './place.ts';

/*
 * Whole runs whose seal is to be timestamped: by an authority that does it, and by three that do not. None keeps a sandbox from being burned; the
 * evidence says what time it has, or why none.
 */

sayNotRun('runs with a timestamp authority (RFC 3161)');

interface Told {
  readonly home: CrashHome;
  readonly runId: string;
  readonly ended: Ended;
  readonly notices: readonly string[];
}

describe.skipIf(OPENSSL === undefined)('a run whose seal is to be timestamped', { timeout: 180_000 }, () => {
  let place: CrashPlace;
  let authority: TestAuthority;
  let tsa: Signer;
  const stack = new AsyncDisposableStack();
  const told = new Map<string, Told>();
  beforeAll(async () => {
    place = stack.use(await openCrashPlace());
    authority = stack.use(await makeAuthority());
    tsa = await authority.issue('tsa');
    const honest = async (query: Buffer): Promise<TsaAnswer> => ({ body: await authority.reply(query, tsa) });
    let first: TsaAnswer | undefined;
    const servers: Record<string, TsaServer> = {
      honest: stack.use(await startTsa(honest)),
      silent: stack.use(await startTsa(() => ({}))),
      lying: stack.use(await startTsa(async (query) => (first ??= await honest(query)))),
    };
    // What the liar gives every run is the token of another.
    await fetch(servers['lying']?.url ?? '', {
      method: 'POST',
      headers: { 'content-type': 'application/timestamp-query' },
      body: await someQuery(),
    });
    const urls = {
      ...Object.fromEntries(Object.entries(servers).map(([name, { url }]) => [name, url])),
      down: 'http://127.0.0.1:9/',
    };
    await Promise.all(Object.entries(urls).map(async ([name, url]) => told.set(name, await conduct(url))));
  }, 240_000);
  afterAll(() => stack.disposeAsync());

  async function someQuery(): Promise<Uint8Array<ArrayBuffer>> {
    const { writeRequest } = await import('../../orchestrator/evidence/stamp/request.ts');
    return new Uint8Array(writeRequest(Buffer.from('another run'), { nonce: 77n }));
  }

  async function conduct(url: string): Promise<Told> {
    const home = stack.use(await place.newHome({ timestamp: { url, ca_file: authority.caFile } }));
    const owner = home.start({ do: 'run' });
    const { runId } = await owner.said('run');
    const ended = await owner.ended;
    expect(owner.events.find(({ type }) => type === 'ended')).toMatchObject({ state: 'destroyed' });
    const notices = owner.events.flatMap((event) => (event.type === 'notice' ? [event.text] : []));
    return { home, runId, ended, notices };
  }

  function of(name: string): Told {
    const found = told.get(name);
    if (found === undefined) throw new Error(`expected a run ${name}`);
    return found;
  }

  async function look({ home, runId }: Told) {
    const dir = join(home.home, 'runs', runId);
    const receipt = JSON.parse(await readFile(join(dir, 'receipt.json'), 'utf8')) as {
      predicate: { timestamp?: object };
    };
    const show = home.start({ do: 'cli', argv: ['show', runId] });
    const verify = home.start({ do: 'cli', argv: ['verify', runId, '--json'] });
    const { code } = await verify.ended;
    await show.ended;
    return { dir, stamp: receipt.predicate.timestamp, show: show.output(), verify: verify.output(), code };
  }

  test('has a token that openssl accepts, in the archive and bound by the receipt; show and verify say the time', async () => {
    const { dir, stamp, show, verify, code } = await look(of('honest'));
    const token = await readFile(join(dir, 'timestamp.tst'));
    await authority.verify(token, await readFile(join(dir, 'envelope.dsse.json')));
    expect(stamp).toMatchObject({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string, why: null });
    expect(show).toMatch(/timestamp: \d{4}-.*Z by CN=Test tsa/);
    expect({ code, verify }).toMatchObject({
      code: 0,
      verify: expect.stringContaining('CN=Test tsa, by CN=Test CA') as string,
    });
    const { archive } = await verifyBundle(dir, { trust: await readTrustedKeys(of('honest').home.home) });
    expect(archive?.objects.map(({ name }) => name)).toContain('timestamp.tst');
  });

  test.each([
    ['down', /tsa_unreachable/],
    ['silent', /tsa_unreachable/],
    ['lying', /timestamp_invalid/],
  ])('by an authority that is %s is burned, archived and verified without one, and says why', async (name, why) => {
    const { stamp, show, verify, code } = await look(of(name));
    expect(
      of(name)
        .notices.filter((text) => text.startsWith('no timestamp:'))
        .join(),
    ).toMatch(why);
    expect(stamp).toMatchObject({ sha256: null, why: expect.stringMatching(why) as string });
    expect(show).toMatch(/timestamp: none \(/);
    expect({ code, verify }).toMatchObject({
      code: 0,
      verify: expect.stringContaining('none, and the receipt says why') as string,
    });
  });

  test('waits for an authority that never answers no longer than its ten seconds', () => {
    expect(of('silent').ended.ms - of('down').ended.ms).toBeLessThan(40_000);
  });

  test('does not start where the authority’s certificates cannot be read', async () => {
    const home = stack.use(await place.newHome({ timestamp: { url: 'http://127.0.0.1:9/', ca_file: 'nothing.pem' } }));
    const owner = home.start({ do: 'run' });
    await owner.ended;
    const [ended] = owner.events.filter(({ type }) => type === 'ended');
    expect(ended).toMatchObject({ outcome: null, failures: [expect.stringContaining('tsa_ca_unusable')] });
    expect(await readdir(join(home.home, 'live')).catch(() => [])).toEqual([]);
  });
});
