import { Following } from '../../orchestrator/evidence/index.ts';

/* Follows one growing file until it is killed. Arguments: the bundle's folder, the file. */

const [, , dir = '', source = ''] = process.argv;
const following = new Following({ dir, find: () => Promise.resolve({ audit: source }) });
setInterval(() => {
  following.check();
}, 50);
process.stdout.write('following\n');
