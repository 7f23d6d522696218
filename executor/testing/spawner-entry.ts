import type { Guest } from '../agent/guest.ts';
import { serveSpawner } from '../agent/spawner/serve.ts';

/** The root half as a process of its own, in a sandbox that its first argument describes, without limits of memory and processes. For tests. */
const described = JSON.parse(process.argv[2] ?? '{}') as Omit<Guest, 'now'>;
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: '/work/job', LANG: 'C.UTF-8' };
await serveSpawner({ ...described, now: () => Date.now() }, { limits: {}, environment });
console.log('listening');
