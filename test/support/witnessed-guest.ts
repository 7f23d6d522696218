import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionRequest, Answer } from '../../executor/protocol/index.ts';
import { openDoor } from '../../infra/local/wire/door.ts';
import { type Ca, createRunKey, openCa } from '../../orchestrator/ca/index.ts';
import { Following, STREAMS, type StreamEnd, type StreamName } from '../../orchestrator/evidence/index.ts';
import { readBundle } from '../../orchestrator/evidence/witness/read-bundle.ts';
import { chainRelay, textOf } from './arrivals.ts';
import { fetchLog, openRelay, type Session } from '../../orchestrator/relay/index.ts';
import { settleStreams } from '../../orchestrator/run/steps/collect.ts';
import { lastLine } from '../../orchestrator/run/steps/fetch-guest-file.ts';
import { startRootGuest, type RootGuest } from './root-guest/root-guest.ts';

const RUN = 'ee0000000006';
const TASK = 'attacked';
const SCRIPT = '#!/bin/sh\n/bin/id -un\n';
const SHA256 = createHash('sha256').update(SCRIPT).digest('hex');
/** The relay as the guest sees it. */
const SOURCE = '10.0.2.2';
const PATIENT = { timeoutMs: 90_000 };

/** A sandbox with a root shell for whoever attacks it, the relay's own way in, and everything that is witnessed of it. */
export interface WitnessedGuest extends AsyncDisposable {
  readonly guest: RootGuest;
  /** Logs in, lets `during` ask, asks for health as the relay does last, ends the session, and fetches the guest's own file. */
  run(during?: (ask: Ask, cut: () => void) => Promise<unknown>): Promise<void>;
  /** Puts a script and runs it. */
  readonly script: (ask: Ask) => Promise<Answer>;
  /** What the evidence of everything up to now is worth: its findings, as `code stream: detail`. */
  findings(): Promise<readonly string[]>;
}

export type Ask = (request: Pick<ActionRequest, 'action' | 'args'>) => Promise<Answer>;

/** Boots one. */
export async function startWitnessedGuest(): Promise<WitnessedGuest> {
  await using undo = new AsyncDisposableStack();
  const home = await mkdtemp(join(tmpdir(), 'burnbag-witnessed-'));
  undo.defer(() => rm(home, { recursive: true, force: true }));
  const ca = await openCa({ home });
  const guest = undo.use(await startRootGuest({ network: 'wire', caPublicKey: ca.publicKeyLine }));
  if (guest.wire === undefined) throw new Error('expected a wire');
  await openDoor(guest.wire, join(home, 'door'));
  const line = await openLine(join(home, 'line'), join(home, 'door'));
  undo.defer(line.close);
  const records: object[] = [];
  let id = 0;
  const login = {
    address: { path: join(home, 'line') },
    hostKey: guest.hostKey,
    onRecord: (one: object) => void records.push(one),
  };
  const held = undo.move();
  return {
    guest,
    async run(during = () => Promise.resolve()) {
      const deadlines = { handshakeMs: 90_000, closeMs: 30_000 };
      const session = await openRelay({ ...login, ...(await mintTask(ca, guest.machineId)), deadlines });
      const ask: Ask = (request) => session.request({ ...request, id: ++id, task_id: TASK } as ActionRequest, PATIENT);
      await during(ask, line.cut);
      await ask({ action: 'check_health', args: {} }).catch(() => undefined);
      await endOf(session);
      await fetchOwnFile({ ...login, ...(await mintAudit(ca, guest.machineId)) }, { home, folder: guest.folder });
    },
    script: async (ask) => {
      const put = {
        path: `/work/in/${SHA256}`,
        content_base64: Buffer.from(SCRIPT).toString('base64'),
        sha256: SHA256,
      };
      await ask({ action: 'put_file', args: put });
      return ask({ action: 'run_script', args: { sha256: SHA256, args: [], timeout_seconds: 60 } });
    },
    findings: () => judgeAll(guest.folder, home, records),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function mintTask(ca: Ca, machineId: string) {
  const key = createRunKey();
  const [ttlSeconds, now] = [300, new Date()];
  const { certificateLine } = await ca.mint({
    grant: {
      ...{ version: 1, task_id: TASK, run_id: RUN, requester: 'test', machine_id: machineId },
      actions: [
        { action: 'put_file', limits: { paths: ['/work/in/'], max_bytes: SCRIPT.length } },
        { action: 'run_script', limits: { sha256: [SHA256], max_seconds: 60 } },
        { action: 'check_health', limits: {} },
      ],
      ...{ expires_at: Math.floor(now.getTime() / 1000) + ttlSeconds, policy_sha256: '0'.repeat(64) },
    },
    ...{ runId: RUN, taskId: TASK, machineId, publicKey: key.publicKeyLine, sourceAddress: SOURCE, ttlSeconds, now },
  });
  return { privateKey: key.privateKey, certificate: certificateLine };
}

async function mintAudit(ca: Ca, machineId: string) {
  const key = createRunKey();
  const request = {
    runId: RUN,
    machineId,
    publicKey: key.publicKeyLine,
    sourceAddress: SOURCE,
    ttlSeconds: 60,
    now: new Date(),
  };
  return { privateKey: key.privateKey, certificate: (await ca.mintAudit(request)).certificateLine };
}

async function endOf(session: Session): Promise<void> {
  await session.close();
  await session.ended;
}

/** Fetches, and waits as the product does until the streams have come to the same end. */
async function fetchOwnFile(
  login: Omit<Parameters<typeof fetchLog>[0], 'log'>,
  { home, folder }: { readonly home: string; readonly folder: string },
): Promise<void> {
  const { content } = await fetchLog({ ...login, log: 'audit', deadlines: { handshakeMs: 90_000, fetchMs: 90_000 } });
  await writeFile(join(home, STREAMS.audit_file.file), content);
  await settleStreams(sourcesIn(folder), { audit: lastLine(content) });
}

function sourcesIn(folder: string) {
  const at = (name: string): string => join(folder, name);
  return { console: at('console'), sshd: at('sshd'), audit: at('audit'), executor: at('executor') };
}

/** Copies what lies there as the product does, and judges it. */
async function judgeAll(folder: string, home: string, records: readonly object[]): Promise<readonly string[]> {
  const dir = await mkdtemp(join(home, 'bundle-'));
  const lines = chainRelay(records.map((record) => JSON.stringify(record)));
  await writeFile(join(dir, STREAMS.relay.file), textOf(lines));
  for (const stream of ['engine', 'provider'] as const) await writeFile(join(dir, STREAMS[stream].file), '');
  await copyFile(join(home, STREAMS.audit_file.file), join(dir, STREAMS.audit_file.file));
  const sources = sourcesIn(folder);
  const followed = await new Following({ dir, find: () => Promise.resolve(sources) }).finish();
  const names = Object.keys(STREAMS).filter((name) => name !== 'capture') as StreamName[];
  const reading = await readBundle(
    dir,
    names.map((name) => STREAMS[name].file),
    RUN,
  );
  const how = (name: StreamName): StreamEnd =>
    [...followed].some(([stream, what]) => stream === name && what !== 'kept') ? 'lost' : 'collected';
  const judged = reading.judge(new Map(names.map((name) => [name, { how: how(name) }])));
  await rm(dir, { recursive: true });
  return judged.findings.map(({ code, stream, detail }) => `${code} ${stream}: ${detail}`);
}

/** A way to the door that can be cut, as a cable can. */
async function openLine(path: string, door: string): Promise<{ readonly cut: () => void; readonly close: () => void }> {
  const ends = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: door, allowHalfOpen: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      ends.add(one);
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => void server.listen(path, resolve));
  const cut = (): void => {
    for (const end of ends) end.destroy();
    ends.clear();
  };
  return {
    cut,
    close: () => {
      cut();
      server.close();
    },
  };
}
