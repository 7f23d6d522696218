import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { forgeLogin, MACHINE_ID, memorySigner } from './login.ts';
import { startSshd, type TestSshd } from './sshd.ts';

/** A real sshd whose forced command is a script, in place of the image's that copies logs out (images/guest/usr/local/bin/audit-stream). */
export interface LogServer extends AsyncDisposable {
  readonly sshd: TestSshd;
  /** The CA that it trusts. */
  readonly signer: ReturnType<typeof memorySigner>;
  /** Its own; for what is copied. */
  readonly folder: string;
  /** What a login needs, with a certificate of its own. */
  login(): Promise<ReturnType<typeof addressOf> & Awaited<ReturnType<typeof credentials>>>;
}

/** Starts it: `script` is asked for a log by `$SSH_ORIGINAL_COMMAND`. */
export async function startLogServer(script: string): Promise<LogServer> {
  const signer = memorySigner();
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-logs-'));
  const forceCommand = join(folder, 'server');
  await writeFile(forceCommand, script);
  await chmod(forceCommand, 0o755);
  const sshd = await startSshd({ caPublicKey: signer.publicKeyLine, principals: PRINCIPALS, forceCommand });
  return {
    ...{ sshd, signer, folder },
    login: async () => ({ ...addressOf(sshd), ...(await credentials(signer)) }),
    [Symbol.asyncDispose]: async () => {
      await sshd.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const PRINCIPALS = [`audit-${MACHINE_ID}`];

function addressOf({ port, hostKey, username }: TestSshd) {
  return { address: { host: '127.0.0.1', port }, hostKey, username };
}

async function credentials(signer: LogServer['signer']) {
  const { privateKey, certificateLine: certificate } = await forgeLogin(signer, { principals: PRINCIPALS });
  return { privateKey, certificate };
}
