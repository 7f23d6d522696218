import { DescribeInstancesCommand, EC2Client, type Instance, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Chaos } from './chaos/chaos.ts';
import { clientOptions } from './clients.ts';

/** Something that runs behind one instance of moto's. */
export interface Guest {
  /** What its console shows by now. */
  console(): Promise<string>;
  /** Whether it ended by itself: then its instance is terminated, as the run's program wants it. */
  hasEnded(): boolean;
  /** The instance was terminated. */
  stop(): Promise<void>;
}

/** Whatever stands behind the instances of one moto. */
export interface Guests extends AsyncDisposable {
  /** Instance ids of those that run now. */
  running(): readonly string[];
}

const POLL_MS = 50;

/**
 * Puts a guest behind every instance that moto runs, shows its console through the proxy, and lets both end together. An image that EC2
 * boots is the one thing moto has no idea of.
 */
export function startGuests(moto: string, chaos: Chaos, start: (instance: Instance) => Promise<Guest>): Guests {
  const ec2 = new EC2Client(clientOptions(moto));
  const guests = new Map<string, Guest>();
  const stopped = new AbortController();
  const tend = async (instance: Instance): Promise<void> => {
    const { InstanceId: id = '', State } = instance;
    const guest = guests.get(id);
    if (State?.Name === 'running') {
      const tended = guest ?? (await start(instance));
      guests.set(id, tended);
      chaos.consoles.set(id, await tended.console());
      if (tended.hasEnded()) await ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
    } else if (guest !== undefined) {
      guests.delete(id);
      await guest.stop();
    }
  };
  const work = (async () => {
    while (!stopped.signal.aborted) {
      const { Reservations = [] } = await ec2
        .send(new DescribeInstancesCommand({}))
        .catch(() => ({ Reservations: [] }));
      for (const instance of Reservations.flatMap(({ Instances = [] }) => Instances)) await tend(instance);
      await sleep(POLL_MS, undefined, { signal: stopped.signal }).catch(() => undefined);
    }
  })();
  return {
    running: () => [...guests.keys()],
    async [Symbol.asyncDispose]() {
      stopped.abort();
      await work;
      await Promise.all([...guests.values()].map((guest) => guest.stop()));
      ec2.destroy();
    },
  };
}

/** A guest that says it is ready, and is nothing more. */
export function talkingGuest({ InstanceId = '' }: Instance): Promise<Guest> {
  const key = 'AAAAC3NzaC1lZDI1NTE5AAAAIF6Uyh5zTGl5i1wiz6MY3AA2IK28uXqAd+dW3TVVR+Kg';
  const text = `BURNBAG READY machine=${InstanceId} uptime=0.01 hostkey=ssh-ed25519 ${key}\n`;
  return Promise.resolve({
    console: () => Promise.resolve(text),
    hasEnded: () => false,
    stop: () => Promise.resolve(),
  });
}
