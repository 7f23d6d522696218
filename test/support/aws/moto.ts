import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { motoPython } from '../../../tools/moto.ts';

/** A moto server of this test: EC2, S3, KMS, IAM and STS with real state, in one process that dies with ours. */
export interface Moto extends AsyncDisposable {
  /** The endpoint of every service, `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly pid: number;
  /** Forgets everything in every account and region; 10 ms. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

/** The sandbox image every region has, owned by the account of the test keys; see images.json. */
export const SANDBOX_IMAGE = 'ami-0bb0000000000001';
/** An image that is somebody else's. */
export const FOREIGN_IMAGE = 'ami-0deb1300000000001';

/** It listens within two seconds when idle; this is for a machine that boots VMs beside it. */
const START_DEADLINE_MS = 60_000;
const RESET_DEADLINE_MS = 20_000;
/** It holds nothing that is worth waiting for. */
const STOP_DEADLINE_MS = 2_000;
const SAID_MAX_CHARS = 4_096;

/** Starts moto with our mends (moto_server.py); one per test file, `reset` between tests. */
export async function startMoto(): Promise<Moto> {
  const python = motoPython();
  if (!existsSync(python)) throw new Error(`expected moto at ${python}, got none; run npm test -- infra/aws`);
  const child = spawnServer(python);
  const said = collect(child.stderr);
  const stop = () => endProcess(child);
  try {
    const url = `http://127.0.0.1:${await portOf(child, said)}`;
    return { url, pid: child.pid ?? 0, reset: () => reset(url), stop, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Server = ChildProcessByStdio<null, Readable, Readable>;

/** setpriv becomes the server, which the kernel kills when this process dies. */
function spawnServer(python: string): Server {
  const setpriv = '/usr/bin/setpriv';
  const owned = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
  const [program, ...args] = [...owned, python, join(import.meta.dirname, 'moto_server.py')];
  return spawn(program, args, { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'pipe'] });
}

const ENVIRONMENT = {
  LC_ALL: 'C.UTF-8',
  PATH: '/usr/bin:/bin',
  PYTHONDONTWRITEBYTECODE: '1',
  MOTO_AMIS_PATH: join(import.meta.dirname, 'images.json'),
  MOTO_ENABLE_AMI_VALIDATION: '1',
  MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION: '1',
};

async function portOf(child: Server, said: () => string): Promise<number> {
  const port = /^listening ([0-9]+)$/m;
  const output = collect(child.stdout);
  const deadline = AbortSignal.timeout(START_DEADLINE_MS);
  const ended = once(child, 'exit', { signal: deadline }).then(() => {
    throw new Error(`expected moto to start, got its end: ${said()}`);
  });
  const listening = (async () => {
    while (!port.test(output())) await once(child.stdout, 'data', { signal: deadline });
    return Number(port.exec(output())?.[1]);
  })();
  listening.catch(() => undefined);
  ended.catch(() => undefined);
  return Promise.race([ended, listening]);
}

function collect(stream: Readable): () => string {
  let said = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    said = (said + text).slice(-SAID_MAX_CHARS);
  });
  return () => said;
}

async function reset(url: string): Promise<void> {
  const response = await fetch(`${url}/moto-api/reset`, {
    method: 'POST',
    signal: AbortSignal.timeout(RESET_DEADLINE_MS),
  });
  if (!response.ok) throw new Error(`expected moto to forget everything, got ${response.status}`);
  await response.arrayBuffer();
}

async function endProcess(child: Server): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
  await ended;
  clearTimeout(force);
}
