import { describe, expect, test } from 'vitest';
import { chainRelay, sha256, textOf } from '../../../test/support/arrivals.ts';
import { agreeingStreams, chain } from '../../../test/support/bundle.ts';
import { capture, engine, provider } from '../../../test/support/judge/control-plane-cases.ts';
import { findings, judgeAll, rechainArrivals, renumber } from '../../../test/support/judge/judge.ts';
import { executor, logins, relay } from '../../../test/support/judge/session-cases.ts';
import { arrivals, audit, clocks, ends } from '../../../test/support/judge/stream-cases.ts';
import { weigh } from '../format/findings.ts';

describe('evidence', () => {
  test('whose witnesses agree is complete, and says how far the clocks are apart', async () => {
    const { findings: found, clock, streams } = await judgeAll(agreeingStreams());
    expect(found).toEqual([]);
    // The guest is 40 ms behind, and each request took 8: two on the way there, two on the way back.
    expect(clock).toEqual({ min_ms: -42, max_ms: -38 });
    expect(streams.find(({ stream }) => stream === 'audit')).toMatchObject({ first_seq: 2, last_seq: 5 });
  });

  const damage = [executor, relay, logins, audit, arrivals, clocks, engine, provider, capture].flat();
  test.each([...damage, ...ends])('is not complete when %s: %s (%s)', async (_, code, stream, change) => {
    const streams = agreeingStreams();
    const changes = change(streams);
    expect(await findings(streams, changes ?? {})).toContain(`${code} ${stream}`);
  });

  test.each(damage)('has gaps, not merely something unknown, when %s', async (_, _code, _stream, change) => {
    const streams = agreeingStreams();
    const { findings: found } = await judgeAll(streams, change(streams) ?? {});
    expect(weigh(found)).toBe('gaps');
  });

  test('of a console that stops in the middle of a line is complete', async () => {
    const streams = agreeingStreams();
    const ended = textOf(streams.console) + 'Powering o';
    rechainArrivals(streams, (all) =>
      all.map((one) => {
        const isPart = one['stream'] === 'console' && 'sha256' in one;
        const told = { bytes: Buffer.byteLength(ended), sha256: sha256(ended) };
        return isPart ? { ...one, ...told, ...(one['event'] === 'ended' && { source: told }) } : one;
      }),
    );
    expect(await findings(streams, { tail: { console: 'Powering o' } })).toEqual([]);
  });

  test('with audit events out of order is complete', async () => {
    const streams = agreeingStreams();
    const [start = '', ...rest] = streams.audit;
    streams.audit = [start, ...rest.slice(5), ...rest.slice(0, 5)];
    streams.audit_file = streams.audit.filter((line) => !line.startsWith('type=EOE'));
    expect(await findings(streams)).toEqual([]);
  });

  test('of an audit log that auditd turned over is complete', async () => {
    const streams = agreeingStreams();
    const long = (serial: number) =>
      `type=PATH msg=audit(1790000001.000:${serial}): item=0 name="${'x'.repeat(4_000)}"`;
    const more = Array.from({ length: 1_100 }, (_, index) => long(index + 6));
    streams.audit.push(...more);
    streams.audit_file = more.slice(1_080);
    expect(await findings(streams)).toEqual([]);
  });

  test('of a session that the executor turned away is complete, if that is on record', async () => {
    const streams = agreeingStreams();
    streams.executor = chain([{ event: 'session_refused', code: 'LOGIN_WRONG_MACHINE' }]);
    const ended = (streams.relay[9] ?? '').replace(/"bytes_(sent|received)":\d+/g, '"bytes_$1":0');
    streams.relay = chainRelay([...renumber([streams.relay[0] ?? '', ended]), ...streams.relay.slice(10)]);
    expect(await findings(streams)).toEqual([]);
  });

  test('from a flooded log is judged without end of findings', async () => {
    const streams = agreeingStreams();
    streams.executor = Array.from({ length: 5_000 }, () => 'x');
    expect((await findings(streams)).sort()).toEqual([
      'record_unreadable executor',
      'request_not_recorded executor',
      'session_not_recorded executor',
    ]);
  });
});
