import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Following } from '../orchestrator/evidence/index.ts';
import { openRelay, type OnRecord, type Session } from '../orchestrator/relay/index.ts';
import { openAppendLog } from '../orchestrator/run/append-log.ts';
import { openChainedLog } from '../orchestrator/run/chained-log.ts';
import { type Journal, openJournal } from '../orchestrator/run/journal/index.ts';
import { forgeLogin, MACHINE_ID, memorySigner, TASK_ID } from '../test/support/login.ts';
import { HONEST_EXECUTOR, startSshd } from '../test/support/sshd.ts';
import { describeMachine, keepResults, say } from './machine.ts';
import { duration, median, spread } from './statistics.ts';

/** Requests of one measurement; turns alternate, so that what else the machine does falls on all alike. */
const REQUESTS = 50;
/** Requests before anything is measured: they wake everything up. */
const WARM = 5;
/** Records of auditd's usual size, written as fast as the disk takes them. */
const RECORDS = 400_000;
const RECORD_BYTES = 300;

/**
 * Measures what evidence costs while a run goes on: what durable recording adds to an action's latency, and how many records a second are copied,
 * numbered, chained and on disk. Prints docs/evidence.md's table and keeps every figure in bench/results/.
 */
export async function benchEvidence(root: string, rounds: number): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-bench-evidence-'));
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const machine = describeMachine();
  const latency = { [DISK]: measureDisk(folder), ...(await measureLatency(folder, rounds)) };
  const streaming: Streamed[] = [];
  for (let round = 0; round < rounds; round += 1)
    streaming.push(await measureStreaming(join(folder, `stream-${round}`)));
  const command = `npm run bench -- evidence ${rounds}`;
  const file = await keepResults(root, 'evidence', { command, machine, latency, streaming });
  const perSecond = streaming.map(({ records, ms }) => Math.round(records / (ms / 1_000)));
  console.log(
    [
      '| one action over a real sshd | |',
      '|---|---|',
      ...Object.entries(latency).map(([name, values]) => `| ${name} | ${spread(values)} |`),
      '',
      `${median(perSecond)} records of ${RECORD_BYTES} bytes a second (${Math.min(...perSecond)} to ${Math.max(...perSecond)}), on disk and chained; ${duration(median(streaming.map(({ ms }) => ms)))} for ${RECORDS}.`,
      `${machine.cores} cores, load ${machine.load.map((one) => one.toFixed(1)).join(' ')} before; \`${command}\`, ${file}.`,
    ].join('\n'),
  );
}

function measureDisk(folder: string): number[] {
  const log = openAppendLog(join(folder, 'disk'), () => undefined);
  const record = { line: 'x'.repeat(RECORD_BYTES) };
  const took = Array.from({ length: 4 * REQUESTS }, () => {
    const started = performance.now();
    log.append(record);
    return performance.now() - started;
  });
  log.close();
  return took;
}

/** What is recorded around an action: nothing; the transcript; that, and what the journal has of each action. */
const WAYS = ['session alone', 'transcript on disk', 'transcript and journal'] as const;
/** What all waiting for a disk comes down to. */
const DISK = 'one line to this disk, waited for';

async function measureLatency(folder: string, rounds: number): Promise<Record<(typeof WAYS)[number], number[]>> {
  const signer = memorySigner();
  const principals = [`sandbox-${MACHINE_ID}`];
  await using sshd = await startSshd({
    caPublicKey: signer.publicKeyLine,
    principals,
    forceCommand: HONEST_EXECUTOR,
  });
  await using journal = await openJournal({ home: folder, fence: () => undefined });
  const runId = await executingRun(journal);
  const log = openChainedLog(join(folder, 'relay.ndjson'), () => undefined);
  const found = { 'session alone': [], 'transcript on disk': [], 'transcript and journal': [] } as Record<
    (typeof WAYS)[number],
    number[]
  >;
  let requestId = 0;
  for (let round = 0; round < rounds; round += 1) {
    for (const way of WAYS) {
      const session = await open(sshd, signer, (record) => {
        if (way !== 'session alone') log.append(record, record.event === 'answer');
      });
      for (let id = 1; id <= WARM + REQUESTS; id += 1) {
        const step = { requestId: (requestId += 1), action: 'check_health' } as const;
        const record = async (state: 'journalled' | 'sent' | 'answered') => {
          if (way === 'transcript and journal') await journal.recordAction(runId, { ...step, state });
        };
        const started = performance.now();
        await record('journalled');
        await record('sent');
        await session.request({ id, task_id: TASK_ID, action: 'check_health', args: {} }, { timeoutMs: 10_000 });
        await record('answered');
        if (id > WARM) found[way].push(performance.now() - started);
      }
      await session.close();
      say(`${way}: ${spread(found[way])}`);
    }
  }
  log.close();
  return found;
}

/** A run of which actions may be recorded. */
async function executingRun(journal: Journal): Promise<string> {
  const asked = { runId: 'be0c4ed00000', taskId: TASK_ID, requester: 'bench', profile: 'detonation', request: {} };
  let run = await journal.createRun(asked);
  for (const to of ['admitted', 'provisioning', 'ready', 'executing'] as const)
    run = await journal.moveRun(run, to, {});
  return run.runId;
}

async function open(
  sshd: Awaited<ReturnType<typeof startSshd>>,
  signer: ReturnType<typeof memorySigner>,
  onRecord: OnRecord,
): Promise<Session> {
  const { privateKey, certificateLine: certificate } = await forgeLogin(signer);
  return openRelay({
    address: { host: '127.0.0.1', port: sshd.port },
    hostKey: sshd.hostKey,
    username: sshd.username,
    ...{ privateKey, certificate, onRecord },
  });
}

interface Streamed {
  readonly records: number;
  readonly ms: number;
}

/** Another process writes, as QEMU does; from its first byte until every record is accounted for. */
async function measureStreaming(folder: string): Promise<Streamed> {
  await mkdir(folder);
  const source = join(folder, 'source');
  const line = `type=SYSCALL msg=audit(1790000000.000:1): ${'x'.repeat(RECORD_BYTES)}`.slice(0, RECORD_BYTES - 1);
  const following = new Following({ dir: folder, find: () => Promise.resolve({ audit: source }) });
  const program = `const fs=require('fs');const fd=fs.openSync(process.argv[1],'a');const piece=(process.argv[2]+'\\n').repeat(100);for(let i=0;i<${RECORDS / 100};i++)fs.writeSync(fd,piece)`;
  const started = performance.now();
  const writer = spawn(process.execPath, ['-e', program, source, line], {
    stdio: 'inherit',
    env: {},
    timeout: 120_000,
  });
  await once(writer, 'exit');
  const wanted = RECORDS * RECORD_BYTES;
  const copy = join(folder, 'audit.log');
  while ((await stat(copy).catch(() => ({ size: 0 }))).size < wanted) await sleep(1);
  await following.finish();
  const ms = performance.now() - started;
  const log = await readFile(join(folder, 'arrivals.ndjson'), 'utf8');
  const [, records = '0'] = /"event":"ended","stream":"audit","records":(\d+)/.exec(log) ?? [];
  if (Number(records) !== RECORDS) throw new Error(`expected ${RECORDS} records to arrive, got ${records}`);
  say(`${RECORDS} records: ${duration(ms)}`);
  return { records: RECORDS, ms };
}
