import { createLocalDriver } from '../../infra/index.ts';
import type { SandboxDriver } from '../../infra/driver.ts';
import { openFileSigner } from '../ca/index.ts';
import type { Configuration } from '../configuration.ts';
import { type Environment, installationId } from '../environment.ts';
import { type Limits, Places } from '../queue/places.ts';
import { loadPolicy } from '../policy/profile.ts';
import { withFailpoints } from './failpoint-deps.ts';
import { withFence } from './fence.ts';
import { holderOf } from './holder.ts';
import { lockHome } from './home-lock.ts';
import { openJournal } from './journal/index.ts';
import { openRelayHost, type RelayHost } from '../relay/index.ts';
import { awsOf, openAwsDriver, openCaOf, relayKeyFile } from './open-aws.ts';
import { openKeys } from './open-keys.ts';
import type { Deps } from './step.ts';
import { lifetimeOf } from './lifetime.ts';
import { openVault } from './vault.ts';
import { lookAtSwap } from '../swap.ts';

/** Takes the lock of the data directory and opens everything in it, side by side. Closed backwards, whatever fails. */
export async function openDeps(
  environment: Environment,
  configuration: Configuration,
  purpose: OpenFor,
): Promise<OpenDeps> {
  const { home, requester, databaseUrl, rig } = environment;
  const stack = new AsyncDisposableStack();
  try {
    const lock = stack.use(await lockHome(home));
    const shared = databaseUrl === undefined ? {} : { databaseUrl, holder: await holderOf(home) };
    const place = { home, fence: lock.assertHeld, ...shared };
    const driver = openDriver(environment, configuration, purpose);
    const keys = await openKeys(environment, configuration);
    const relayHost = await openWay(home, configuration);
    if (relayHost !== undefined)
      stack.defer(() => {
        relayHost.close();
      });
    const [journal, vault, ca, policy] = await Promise.all([
      openJournal(place).then((opened) => stack.use(opened)),
      openVault(environment, configuration, keys).then((opened) => {
        // Whoever needs the archive asks again and is told what went wrong; this is a head start only.
        if (purpose === 'runs') opened.open().catch(() => undefined);
        return stack.use(opened);
      }),
      openCaOf(home, keys),
      loadPolicy(),
    ]);
    const { assertHeld } = lock;
    const parts = {
      ...{ home, requester, assertHeld, configuration, driver, journal, vault, ca, policy, relayHost },
      observe: () => undefined,
      places: new Places(limitsOf(configuration)),
      lifetimeOf: rig?.lifetimeOf ?? lifetimeOf,
      lookAtSwap: () => lookAtSwap(rig?.hostRoot),
    };
    const deps = withFence(parts);
    return {
      deps: rig === undefined ? deps : withFailpoints(deps, rig.failpoints),
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

function limitsOf({ limits }: Configuration): Limits {
  return { runs: limits.runs, memoryMiB: limits.memory_mib, waiting: limits.waiting };
}

export interface OpenDeps extends AsyncDisposable {
  readonly deps: Deps;
}

/** Runs need more than the journal: what they will wait for otherwise (Pulumi's SDK, the archive) is loaded meanwhile. */
export type OpenFor = 'runs' | 'queries';

/** The driver of a data directory. Needs no lock: what exists may be looked at by anybody. */
export function openDriver(environment: Environment, configuration: Configuration, purpose: OpenFor): SandboxDriver {
  const { home, rig } = environment;
  const owner = { home, installationId: installationId(home) };
  if (rig !== undefined) return rig.createDriver(owner);
  const { engine } = configuration;
  const driver =
    configuration.driver === 'aws'
      ? openAwsDriver(environment, configuration)
      : createLocalDriver({ ...owner, engine });
  if (purpose === 'runs') void driver.warm();
  return driver;
}

/** The way to sandboxes behind the relay host, with a key of its own that is made on first use. */
async function openWay(home: string, configuration: Configuration): Promise<RelayHost | undefined> {
  if (configuration.driver !== 'aws' || awsOf(configuration).relay_host === undefined) return undefined;
  return openRelayHost(await openFileSigner(relayKeyFile(home)));
}
