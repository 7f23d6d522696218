import { Revoked, type Revocation } from '../../executor/protocol/index.ts';
import { connect } from './connect.ts';
import { violation } from './errors.ts';
import { DEADLINES, OVERHEAD_MAX_BYTES } from './limits.ts';
import { LineCutter } from './lines.ts';
import { parseLogin, type Login } from './login.ts';
import { createTranscript, type OnRecord } from './transcript.ts';
import { cancelled, checkValidity } from './translate.ts';
import { waitFor } from './wait.ts';

export interface RevokeOptions extends Omit<Login, 'username' | 'certificateLine'> {
  readonly username?: string;
  /** Of the kind `revoke`. */
  readonly certificate: string;
  readonly serials: readonly string[];
  readonly signal?: AbortSignal;
  readonly onRecord: OnRecord;
}

/** The executor writes a file or two. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Logs in with a certificate of the kind `revoke` and has the sandbox's sshd refuse these serials from now on. Rejects when it did not say so. */
export async function revokeInSandbox(options: RevokeOptions): Promise<void> {
  const { username = 'agent-runner', certificate, serials, signal, onRecord } = options;
  const login = parseLogin({ ...options, username, certificateLine: certificate });
  checkValidity(login.certificate);
  const { link, channel } = await connect(login, DEADLINES, signal);
  try {
    const onTimeout = () => violation(`an answer within ${ANSWER_TIMEOUT_MS} ms`, 'none');
    const line = await waitFor<string>(
      { timeoutMs: ANSWER_TIMEOUT_MS, signal, onTimeout, onAbort: cancelled },
      (resolve, reject) => {
        const lines = new LineCutter();
        link.allow(OVERHEAD_MAX_BYTES);
        link.onBreak(reject);
        channel.on('data', (chunk: Buffer) => {
          for (const one of lines.push(chunk)) resolve(one);
        });
        channel.write(`${JSON.stringify({ revoke: [...serials] } satisfies Revocation)}\n`);
      },
    );
    if (!isAnswer(line, serials)) throw violation('the serials that were to be revoked', 'another answer');
  } finally {
    await link.end();
  }
  const { serial, keyId } = login.certificate;
  createTranscript(onRecord)({ event: 'revoked', serial: String(serial), key_id: keyId, serials });
}

function isAnswer(line: string, serials: readonly string[]): boolean {
  try {
    return Revoked.parse(JSON.parse(line)).revoked.join() === serials.join();
  } catch {
    return false;
  }
}
