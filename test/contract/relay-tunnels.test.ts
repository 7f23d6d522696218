import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ActionRequest, GRANT_EXTENSION } from '../../executor/protocol/index.ts';
import { openRelay, type Session, type TranscriptRecord } from '../../orchestrator/relay/index.ts';
import { TUNNELS_OPEN_MAX } from '../../orchestrator/relay/limits.ts';
import { startHostile, type Hostile } from '../support/hostile/hostile.ts';
import { forgeLogin, memorySigner, TASK_ID, testGrant } from '../support/login.ts';

/*
 * Tunnels through a sandbox that does not answer, or answers too late: each that is asked for sets memory aside in the relay, so it counts from
 * then on, and what nobody waits for any more does not stay open.
 */
let hostile: Hostile;
beforeAll(async () => {
  hostile = await startHostile();
});
afterAll(() => hostile[Symbol.asyncDispose]());

const TUNNEL = '127.0.0.1:5432';
const request: ActionRequest = { id: 1, task_id: TASK_ID, action: 'check_health', args: {} };

test('many that are asked for at once are no more than may be open, though sshd has answered none', async () => {
  const { session, records } = await open('never-tunnels', 10_000);
  const asked = Array.from({ length: 4 * TUNNELS_OPEN_MAX }, () => session.tunnel(TUNNEL, 'test'));
  const refusals = asked.map((one) =>
    one.then(
      () => 'opened',
      (error: unknown) => error,
    ),
  );
  for (const refusal of await Promise.all(refusals.slice(TUNNELS_OPEN_MAX)))
    expect(refusal).toMatchObject({ code: 'refused', expected: `at most ${TUNNELS_OPEN_MAX} connections at once` });
  expect(records.filter(({ event }) => event === 'tunnel_opened')).toHaveLength(TUNNELS_OPEN_MAX);
  expect(await session.request(request, { timeoutMs: 5_000 })).toMatchObject({ status: 'ok' });
  await session.close();
  await Promise.all(refusals);
  // Each is over before its session is, in the transcript too.
  expect(records.filter(({ event }) => event === 'tunnel_closed')).toHaveLength(TUNNELS_OPEN_MAX);
  expect(records.at(-1)).toMatchObject({ event: 'ended' });
});

test('one that sshd opens when nobody waits for it any more is closed, and its place is free again', async () => {
  const { session, records } = await open('tunnels-late', 200);
  const asked = Array.from({ length: TUNNELS_OPEN_MAX }, () => session.tunnel(TUNNEL, 'test'));
  for (const one of await Promise.allSettled(asked))
    expect(one).toMatchObject({ status: 'rejected', reason: { code: 'refused' } });
  await expect(session.tunnel(TUNNEL, 'test')).rejects.toMatchObject({
    expected: 'sshd to reach it within 200 ms',
  });
  expect(records.filter(({ event }) => event === 'tunnel_closed')).toHaveLength(TUNNELS_OPEN_MAX + 1);
  // The server answers when one of its late tunnels was closed.
  expect(await session.request(request, { timeoutMs: 10_000 })).toMatchObject({ status: 'ok' });
  await session.close();
});

async function open(
  way: string,
  tunnelMs: number,
): Promise<{ readonly session: Session; readonly records: readonly TranscriptRecord[] }> {
  const records: TranscriptRecord[] = [];
  const grant = testGrant(Math.floor(Date.now() / 1000) + 600, { tunnels: [TUNNEL] });
  const extensions = [{ name: GRANT_EXTENSION, value: JSON.stringify(grant) }];
  const { privateKey, certificateLine: certificate } = await forgeLogin(memorySigner(), { extensions });
  const session = await openRelay({
    ...{ address: { host: '127.0.0.1', port: hostile.port(way) }, hostKey: hostile.hostKey, privateKey, certificate },
    deadlines: { connectMs: 5_000, handshakeMs: 5_000, closeMs: 2_000, tunnelMs },
    onRecord: (record) => void records.push(record),
  });
  return { session, records };
}
