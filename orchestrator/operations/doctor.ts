import * as z from 'zod';
import { loadConfiguration } from '../configuration.ts';
import { runDoctor } from '../setup/doctor.ts';
import { operation } from './operation.ts';
import { SetupSummary } from './setup.ts';

/** Looks at everything a run needs, and changes nothing. */
export const doctor = operation({
  name: 'doctor',
  summary: 'look at everything a run needs, and say what to do where something is missing',
  access: 'none',
  args: z.strictObject({}),
  result: SetupSummary,
  async run(_args, { environment, signal }) {
    const { home, root, variables: env } = environment;
    const { archive } = await loadConfiguration(home);
    const found = await runDoctor({ home, root, env, archiveEndpoint: archive.endpoint, signal });
    return { schema: 'burnbag.setup/1' as const, ...found, items: [...found.items] };
  },
});
