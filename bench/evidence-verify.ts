import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sealRun, signReceipt, verifyBundle } from '../orchestrator/evidence/index.ts';
import { agreeingStreams, runFacts, temporaryKeys, type TestKeys, writeStreams } from '../test/support/bundle.ts';
import { proof } from '../test/support/proof.ts';
import { runVerifyFile } from '../test/support/verify-file.ts';
import { describeMachine, keepResults, say } from './machine.ts';
import { duration, spread } from './statistics.ts';

/** Of the audit log, the one stream that grows: far more than any run of ours wrote. */
const BUNDLE_BYTES = 100_000_000;
/** A record of a system call, as long as auditd's are. */
const RECORD_BYTES = 300;

/** Measures what sealing and verifying a bundle of 100 MB take, in this process and as `node dist/verify.mjs`. Keeps every figure in bench/results/. */
export async function benchVerify(root: string, rounds: number): Promise<void> {
  await using keys = await temporaryKeys();
  await using file = await runVerifyFile();
  const machine = describeMachine();
  const { dir, sealMs } = await makeBundle(keys);
  const { size } = await stat(join(dir, 'audit.log'));
  const [inProcess, asFile]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const { durationMs, verdict } = await verifyBundle(dir, { trust: keys.trust });
    if (verdict !== 'verified') throw new Error(`expected a bundle that verifies, got ${verdict}`);
    inProcess.push(durationMs);
    const keyOf = (purpose: string) => join(keys.home, 'keys', `${purpose}.pub`);
    const started = performance.now();
    await file.run(dir, { evidence: keyOf('evidence'), receipt: keyOf('receipt') });
    asFile.push(performance.now() - started);
    say(`verify: ${duration(durationMs)}`);
  }
  const command = `npm run bench -- verify ${rounds}`;
  const results = await keepResults(root, 'verify', { command, machine, bytes: size, sealMs, inProcess, asFile });
  console.log(
    [
      `| a bundle with an audit log of ${Math.round(size / 1_000_000)} MB | |`,
      '|---|---|',
      `| sealed: copied, read, judged, signed | ${duration(sealMs)} |`,
      `| verified, in this process | ${spread(inProcess)} |`,
      `| verified by \`node dist/verify.mjs\`, start included | ${spread(asFile)} |`,
      '',
      `${machine.cores} cores, load ${machine.load.map((one) => one.toFixed(1)).join(' ')} before; \`${command}\`, ${results}.`,
    ].join('\n'),
  );
}

async function makeBundle(keys: TestKeys): Promise<{ dir: string; sealMs: number }> {
  const run = runFacts();
  const streams = agreeingStreams();
  const last = streams.audit.length;
  const filler = ' exit=0 a0=7ffd a1=0 items=2 ppid=1 pid=4242 auid=4294967295 uid=2002 gid=2002 '.padEnd(
    RECORD_BYTES - 70,
    'x',
  );
  for (let at = 0; at < BUNDLE_BYTES / RECORD_BYTES; at += 1) {
    const record = `type=SYSCALL msg=audit(1790000001.000:${last + at}): arch=c000003e syscall=257${filler}`;
    streams.audit.push(record.padEnd(RECORD_BYTES - 1, 'x'));
  }
  const dir = join(keys.home, 'runs', 'large');
  const collected = await writeStreams(join(keys.home, 'live'), { ...streams, audit_file: [] });
  await mkdir(dir, { recursive: true });
  const started = performance.now();
  await sealRun({ dir, run, streams: collected, ids: [], archive: null, signer: keys.evidence });
  const sealMs = performance.now() - started;
  await signReceipt({ dir, run, ids: [proof('process', '4242')], signer: keys.receipt });
  return { dir, sealMs };
}
