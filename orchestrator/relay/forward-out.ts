import type { Client, ClientChannel } from 'ssh2';
import { waitFor, type Patience } from './wait.ts';

/**
 * Has the other side's sshd open a TCP connection (RFC 4254 section 7.2). Rejects with what `patience` says, or with sshd's refusal. A channel that
 * comes when nobody waits for it any more is closed: it would stay open as long as the connection it came through.
 */
export async function forwardOut(
  client: Client,
  { host, port }: { readonly host: string; readonly port: number },
  patience: Patience,
): Promise<ClientChannel> {
  let isLate = false;
  try {
    return await waitFor<ClientChannel>(patience, (resolve, reject) => {
      // The origin is for the other side's log only.
      client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
        if (error !== undefined) reject(error);
        else if (isLate) channel.on('error', () => undefined).destroy();
        else resolve(channel);
      });
    });
  } finally {
    isLate = true;
  }
}
