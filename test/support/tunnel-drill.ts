import { createHash } from 'node:crypto';
import { connect, type NetConnectOpts } from 'node:net';
import { burnbag, type Ended, eventually, parseDocument, type Running, startBurnbag } from './burnbag.ts';
import type { TestHome } from './home.ts';

/** Answers each line on two ports, one of which the profile `tunnel-drill` lists. */
const SCRIPT = `#!/usr/bin/perl
use strict; use IO::Socket::INET;
my $port = fork() ? 8080 : 9090;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1) or die "listen: $!";
while (my $one = $server->accept) { my $line = <$one>; print $one "port $port: $line"; close $one }
`;

/** A run of the profile `tunnel-drill` under way, and the unix socket of its tunnel. */
export interface Drill {
  readonly running: Running;
  readonly runId: string;
  readonly socket: string;
}

/** Starts a run whose script listens, by the user's own commands. Nobody may listen yet when it resolves. */
export async function startDrill(place: TestHome): Promise<Drill> {
  const sha256 = createHash('sha256').update(SCRIPT).digest('hex');
  const content_base64 = Buffer.from(SCRIPT).toString('base64');
  const actions = [
    { action: 'put_file', args: { path: `/work/in/${sha256}`, content_base64, sha256 } },
    { action: 'run_script', args: { sha256, args: [], timeout_seconds: 250 } },
  ];
  const file = await place.write('actions.json', JSON.stringify(actions));
  const running = startBurnbag(place, ['run', file, '--profile', 'tunnel-drill', '--task', 'drill', '--json']);
  const state: { ended?: Ended } = {};
  void running.ended.then((ended) => (state.ended = ended));
  const runId = await eventually('the run to execute', async () => {
    if (state.ended !== undefined) throw new Error(`expected the run to execute, got ${JSON.stringify(state.ended)}`);
    const shown = await burnbag(place, ['runs', '--json']);
    if (shown.exitCode !== 0) return undefined;
    const { runs } = parseDocument(shown) as { runs: { run_id: string; state: string }[] };
    return runs.find(({ state }) => state === 'executing')?.run_id;
  });
  const socket = await eventually('a tunnel', async () => {
    const opened = await burnbag(place, ['tunnel', runId, '127.0.0.1:8080', '--json']);
    return opened.exitCode === 0 ? (parseDocument(opened) as { socket: string }).socket : undefined;
  });
  return { running, runId, socket };
}

/** Says one line and gives what comes back until the end. */
export function say(to: NetConnectOpts, line: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let text = '';
  const socket = connect(to, () => socket.write(`${line}\n`));
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    resolve(text);
  });
  return promise;
}
