import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWitnessedGuest, type WitnessedGuest } from '../support/witnessed-guest.ts';

/*
 * Whoever is root in a sandbox attacks what is witnessed of it. One guest, one attack after the other, each over a login of its own; the evidence of all of
 * it so far is judged after each, and only what that attack added counts. The first has no attack: without one, nothing is found.
 */

let sandbox: WitnessedGuest;
let known: ReadonlySet<string> = new Set();
beforeAll(async () => {
  sandbox = await startWitnessedGuest();
}, 240_000);
afterAll(async () => {
  // Where it did not come up there is nothing to let go of.
  await (sandbox as WitnessedGuest | undefined)?.[Symbol.asyncDispose]();
});

/** What is found now and was not before. */
async function news(): Promise<readonly string[]> {
  const found = await sandbox.findings();
  const added = found.filter((one) => !known.has(one));
  known = new Set(found);
  return added.map((one) => one.slice(0, one.indexOf(':')));
}

const asRoot = async (script: string, timeoutMs?: number): Promise<void> => {
  const { code, output } = await sandbox.guest.root.run(script, timeoutMs);
  expect(code, output).toBe(0);
};

describe('evidence of a sandbox', { timeout: 240_000 }, () => {
  test('in which nobody attacks anything is complete', async () => {
    await sandbox.run(async (ask) => {
      expect(await sandbox.script(ask)).toMatchObject({ status: 'ok' });
    });
    expect(await news()).toEqual([]);
  });

  test('whose clock is made to stand still has gaps: clock_stepped', async () => {
    await sandbox.run(async (ask) => {
      await ask({ action: 'check_health', args: {} });
      await asRoot(
        'now=$(date +%s); (n=0; while [ $n -lt 40 ]; do date -s @$now; usleep 100000; n=$((n+1)); done) >/dev/null 2>&1 &',
      );
      await sleep(6_000);
      await ask({ action: 'check_health', args: {} });
    });
    expect(await news()).toContain('clock_stepped executor');
  });

  test('whose channel is dropped has gaps: session_broken', async () => {
    await sandbox.run(async (ask, cut) => {
      await ask({ action: 'check_health', args: {} });
      cut();
      await sleep(100);
    });
    expect(await news()).toContain('session_broken relay');
  });

  test('whose audit log is rotated away has gaps: file_differs', async () => {
    await asRoot('rm -f /run/burnbag/logs/audit/log.*; : >/run/burnbag/logs/audit/log');
    await sandbox.run();
    expect(await news()).toContain('file_differs audit_file');
  });

  test('whose auditd is killed and started again has gaps, though one runs at the end: audit_stopped', async () => {
    await asRoot('killall -9 auditd; sleep 1; cat /etc/shadow >/dev/null; auditd -s nochange; sleep 2; pidof auditd');
    await sandbox.run(sandbox.script);
    expect(await news()).toContain('audit_stopped audit');
  });

  test('whose auditd is killed has gaps: audit_stopped, and what ran afterwards is not audited', async () => {
    await asRoot('killall -9 auditd');
    await sandbox.run(sandbox.script);
    expect(await news()).toEqual(expect.arrayContaining(['audit_stopped audit', 'process_not_audited audit']));
  });

  test('that is flooded with 200 MB has gaps: stream_flooded', { timeout: 300_000 }, async () => {
    const line = `type=FLOOD ${'x'.repeat(1_000)}`;
    await asRoot(`yes '${line}' | head -c 209715200 >/dev/audit`, 240_000);
    expect(await news()).toContain('stream_flooded audit');
  });
});
