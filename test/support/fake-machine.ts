// Stands in for a sandbox: a process with QEMU's label that says READY, listens on its port, and answers as the executor would.
// Its effects go to a ledger, one line each, so that nobody has to believe anybody about what was done twice.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { appendFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import { isSignedBy, parseCaKey } from '../../executor/agent/login/ca-key.ts';
import { parseCertificate } from '../../executor/agent/login/certificate.ts';
import type { ActionRequest, ActionResult } from '../../executor/protocol/index.ts';
import type { FakeMachinePlan, LedgerLine } from './fake-machine-plan.ts';

const CONSOLE = 3;
const EXECUTOR_LOG = 6;
/** What stands before a raw ed25519 key in DER (RFC 8410). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex');

const option = (name: string): string => process.argv[process.argv.indexOf(name) + 1] ?? '';
const word = (name: string): string => new RegExp(`burnbag\\.${name}=(\\S+)`).exec(option('-append'))?.[1] ?? '';
const plan = JSON.parse(option('-plan')) as FakeMachinePlan;
const machineId = option('-uuid');
const runId = option('-name').slice(-12);
const owner = process.ppid;

const { private: hostKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519');
const server = new ssh2.Server({ hostKeys: [hostKey] }, serve);
server.on('error', () => process.exit(1));
await misbehave('before_ready');
server.listen(Number(/tcp:127\.0\.0\.1:([0-9]+)-/.exec(option('-netdev'))?.[1]), '127.0.0.1', () => {
  writeSync(
    CONSOLE,
    `BURNBAG READY machine=${machineId} uptime=0.10 hostkey=${publicKey.split(' ').slice(0, 2).join(' ')}\n`,
  );
  void misbehave('ready');
});
// The guest's own dead-man switch.
if (plan.misbehave?.how !== 'hang_for_ever') setTimeout(() => process.exit(0), Number(word('lifetime')) * 1000);

function serve(connection: Connection): void {
  connection.on('error', () => undefined);
  connection.on('authentication', (context) => {
    const serial = serialOf(context);
    if (serial === undefined) {
      context.reject();
      return;
    }
    note({ what: 'login', serial });
    context.accept();
  });
  connection.on('session', (open) =>
    open().on('exec', (accept) => {
      const channel = accept();
      channel.on('error', () => undefined);
      createInterface({ input: channel }).on('line', (line) => void answer(channel, line));
      channel.on('end', () => {
        channel.exit(0);
        channel.close();
      });
    }),
  );
}

/** The serial of a certificate that our CA signed for this machine and whose owner is there; undefined for any other login. */
function serialOf(context: AuthContext): string | undefined {
  if (context.method !== 'publickey' || context.signature === undefined || context.blob === undefined) return undefined;
  const certificate = parseCertificate(context.key.data);
  const ca = parseCaKey(Buffer.from(word('ca'), 'base64'));
  const isOurs = certificate.caKey.equals(ca) && isSignedBy(ca, certificate.signed, certificate.signature);
  // Type, nonce, then the key: its string begins after 4 + 32 + 4 + 32 bytes and its own length.
  const subject = certificate.signed.subarray(76, 108);
  const isOwner = verify(null, context.blob, publicKeyOf(subject), context.signature.subarray(-64));
  return isOurs && isOwner && certificate.principals[0] === `sandbox-${machineId}`
    ? String(certificate.serial)
    : undefined;
}

function publicKeyOf(raw: Buffer): ReturnType<typeof createPublicKey> {
  return createPublicKey({ key: Buffer.concat([ED25519_SPKI, raw]), format: 'der', type: 'spki' });
}

async function answer(channel: ServerChannel, line: string): Promise<void> {
  const request = JSON.parse(line) as ActionRequest;
  const { id, action } = request;
  if (action === 'run_script') await misbehave('before_effect');
  note({ what: 'effect', action, id });
  if (action === 'run_script') {
    await misbehave('effect', channel);
    if (plan.misbehave?.how === 'drop_reply') return;
  }
  channel.write(
    `${JSON.stringify({ id, status: 'ok', action, duration_ms: 1, result: RESULTS[action]?.(request) })}\n`,
  );
}

const output = {
  encoding: 'utf8',
  data: '',
  bytes: 0,
  sha256: createHash('sha256').digest('hex'),
  truncated: false,
} as const;
const excerpt = { ...output, offset: 0, file_bytes: 0 } as const;

/** Of the actions that a run of these tests asks for. */
const RESULTS: { readonly [N in ActionRequest['action']]?: (request: ActionRequest) => ActionResult<N> } = {
  put_file: ({ args }) => ({
    path: 'path' in args ? args.path : '',
    bytes: 'content_base64' in args ? Buffer.from(args.content_base64, 'base64').length : 0,
    sha256: 'sha256' in args ? args.sha256 : '',
  }),
  run_script: () => ({
    exit_code: 0,
    signal: null,
    timed_out: false,
    out_of_memory: false,
    duration_ms: 1,
    first_output_ms: null,
    pid: 100,
    stdout: output,
    stderr: output,
  }),
  list_files: () => ({ entries: [], truncated: false }),
  get_file: () => excerpt,
  read_file: () => excerpt,
  tail_log: () => excerpt,
  check_health: () => ({
    now_ms: Date.now(),
    uptime_seconds: 1,
    memory: { total_bytes: 1, available_bytes: 1 },
    disks: [],
    time: { offset_ms: 0, source: 'tsc' },
    services: { sshd: 'running', auditd: 'running', syslogd: 'running', spawner: 'running' },
    audit: { enabled: true, lost: 0, backlog: 0, auditd: 'running' },
  }),
  list_processes: () => ({ entries: [], truncated: false }),
};

function note(
  line: LedgerLine extends infer L ? (L extends unknown ? Omit<L, 'run_id' | 'at_ms'> : never) : never,
): void {
  const text = `${JSON.stringify({ run_id: runId, at_ms: Date.now(), ...line })}\n`;
  appendFileSync(plan.ledger, text);
  writeSync(EXECUTOR_LOG, text);
}

/** Does what the plan has for this moment. A machine that kills its owner does so in the instant of the effect, from outside of it. */
async function misbehave(at: NonNullable<FakeMachinePlan['misbehave']>['at'], channel?: ServerChannel): Promise<void> {
  if (plan.misbehave?.at !== at) return;
  switch (plan.misbehave.how) {
    case 'kill_owner':
      process.kill(owner, 'SIGKILL');
      await new Promise(() => undefined);
      return;
    case 'die':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'panic':
      writeSync(CONSOLE, 'Kernel panic - not syncing: a guest that panics\n');
      process.exit(0);
      break;
    case 'hang':
    case 'hang_for_ever':
      await new Promise(() => undefined);
      return;
    case 'drop_reply':
      channel?.close();
  }
}
