import * as z from 'zod';
import { loadConfiguration } from '../configuration.ts';
import { isInPlace } from '../setup/item.ts';
import { installReaper, isSystemdRunning } from '../setup/reaper.ts';
import { runSetup } from '../setup/setup.ts';
import { operation } from './operation.ts';

const Item = z.strictObject({
  item: z.string(),
  status: z.enum(['ok', 'fixed', 'warning', 'missing', 'failed', 'skipped']),
  why: z.string(),
  what: z.string(),
  code: z.string().optional(),
  whatToDo: z.string().optional(),
  durationMs: z.number(),
  details: z.record(z.string(), z.string()).optional(),
});

/** What setup and doctor say. */
export const SetupSummary = z.strictObject({
  schema: z.literal('burnbag.setup/1'),
  ok: z.boolean(),
  items: z.array(Item),
  durationMs: z.number(),
});

/** Prepares everything a run needs on this machine. */
export const setup = operation({
  name: 'setup',
  summary: 'prepare what this machine needs: QEMU, image tools, archive server, executor, image',
  access: 'none',
  args: z.strictObject({
    /** Installs the resident reaper too, as units of systemd. */
    reaper: z.boolean().default(false),
  }),
  result: SetupSummary,
  async run({ reaper }, { environment, observeSetup, signal }) {
    const { home, root, variables: env } = environment;
    const { archive } = await loadConfiguration(home);
    const done = await runSetup({ home, root, env, archiveEndpoint: archive.endpoint, signal, onEvent: observeSetup });
    const items = [...done.items];
    if (reaper) {
      const host = { isRoot: process.getuid?.() === 0, isSystemdRunning: isSystemdRunning() };
      items.push(await installReaper({ home, root, env, signal, ...host }));
    }
    return { schema: 'burnbag.setup/1' as const, ...done, ok: done.ok && items.every(isInPlace), items };
  },
});
