import * as z from 'zod';
import type { EngineEvent, ProvisionObserver } from '../driver.ts';
import { awsId } from './ids.ts';
import type { AwsKind } from './inventory/kind.ts';
import type { Parts } from './parts.ts';

/** Puts what the engine says it made into the manifest of ids, as it says it. */
export interface NamedIds {
  see(event: EngineEvent): void;
  /** Resolves when all that was seen is durable; rejects when one could not be written. */
  recorded(): Promise<void>;
}

/** The resource types of infra/aws/run/program.ts that are things of their own; a machine's disk comes with the machine. */
const KINDS: Readonly<Record<string, AwsKind>> = {
  'aws:ec2/instance:Instance': 'instance',
  'aws:ec2/networkInterface:NetworkInterface': 'interface',
  'aws:ec2/securityGroup:SecurityGroup': 'security-group',
};

/** Pulumi's `resOutputsEvent`: a step that is done, with the resource as it is now. */
const Made = z.object({
  resOutputsEvent: z.object({
    metadata: z.object({
      type: z.string(),
      new: z.object({ id: z.string().min(1), outputs: z.record(z.string(), z.unknown()).optional() }),
    }),
  }),
});

const WithDisk = z.object({ rootBlockDevice: z.object({ volumeId: z.string().startsWith('vol-') }) });

/** Follows one run's events. The provider waits until AWS shows what it made, so each id counts as seen. */
export function nameIds({ options, now }: Parts, runId: string, observer: ProvisionObserver): NamedIds {
  const writes: Promise<void>[] = [];
  const named = new Set<string>();
  const name = (kind: AwsKind, id: string): void => {
    if (named.has(id)) return;
    named.add(id);
    const written = observer.record(awsId(options, runId, { kind, id, seen: true, at: now() }));
    // Told by `recorded`, and not as a rejection nobody waits for.
    written.catch(() => undefined);
    writes.push(written);
  };
  return {
    see: (event) => {
      const made = Made.safeParse(event);
      const kind = made.success ? KINDS[made.data.resOutputsEvent.metadata.type] : undefined;
      if (!made.success || kind === undefined) return;
      const { id, outputs } = made.data.resOutputsEvent.metadata.new;
      name(kind, id);
      const disk = WithDisk.safeParse(outputs);
      if (disk.success) name('volume', disk.data.rootBlockDevice.volumeId);
    },
    recorded: async () => {
      await Promise.all(writes);
    },
  };
}
