import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { readCertificateLine } from '../../../orchestrator/ca/certificate.ts';
import { until } from './attacks.ts';
import { HOST, type OpenSsh } from './openssh.ts';
import { mintFor, type Target } from './target.ts';

/** Programs in the guest, one a port: each says which it is, or all it can, and then waits. */
export function listeners(...ports: readonly number[]): string {
  return `cat >/run/listen <<'END'
use strict; use IO::Socket::INET; $SIG{CHLD} = $SIG{PIPE} = 'IGNORE';
my $port = shift; my $server = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 50, ReuseAddr => 1) or die;
while (my $one = $server->accept) {
  next if fork; my $line = <$one>;
  if ($line =~ /flood/) { my $much = 'x' x 65536; 1 while syswrite $one, $much; exit }
  syswrite $one, "SSH-2.0 port $port\\n"; <$one>; exit;
}
END
for port in ${ports.join(' ')}; do (perl /run/listen $port >/dev/null 2>&1 &); done`;
}

/** A connection that forwards and never opens a session, with one connection open through it. */
export interface ForwardOnly {
  readonly certificate: string;
  readonly serial: string;
  /** Unix seconds. */
  readonly validBefore: number;
  /** Settled when the client ended, which it does with its connection. */
  readonly ended: Promise<unknown>;
  /** Whether a new connection through it is answered. */
  answers(): Promise<boolean>;
}

let made = 0;

/** Makes one with `ssh -N -L` and a certificate as the product mints it. */
export async function forwardOnly(target: Target, ssh: OpenSsh, to: string, ttlSeconds = 600): Promise<ForwardOnly> {
  const certificate = await mintFor(target, ssh.publicKey, { tunnels: [to], ttlSeconds });
  const path = join(ssh.folder, `only-${String((made += 1))}.sock`);
  const client = await ssh.start(certificate, ['-N', '-L', `${path}:${to}`, HOST]);
  const ended = once(client, 'exit');
  const socket = await until(client, () => openThrough(path));
  if (socket === undefined) throw new Error('expected a connection through a connection that only forwards, got none');
  const { serial, validBefore } = readCertificateLine(certificate);
  const answers = async (): Promise<boolean> => {
    const another = await openThrough(path);
    another?.destroy();
    return another !== undefined;
  };
  return { certificate, serial: String(serial), validBefore, ended, answers };
}

/** A connection through a client's forward that was answered. */
export async function openThrough(path: string): Promise<Socket | undefined> {
  const socket = connect({ path });
  const answered = await new Promise<boolean>((resolve) => {
    socket
      .on('error', () => undefined)
      .once('close', () => {
        resolve(false);
      });
    socket.once('data', () => {
      resolve(true);
    });
    socket.write('hello\n');
  });
  return answered ? socket : undefined;
}
