import type { RelayHost } from '../driver.ts';
import type { Owner } from '../host/run-folder.ts';
import type { AwsAccess } from './api/clients.ts';
import type { Choices } from './run/placement.ts';

/** What the driver is built from: mostly what the foundation exports. */
export interface AwsDriverOptions extends Owner {
  /** What executes the Pulumi program. */
  readonly engine: 'embedded' | 'cli';
  readonly access: AwsAccess;
  /** The account everything is made in; with credentials of another one nothing is made and nothing deleted. */
  readonly accountId: string;
  readonly vpcId: string;
  /** Private address of the relay's interface: where the guest sees connections come from. */
  readonly relayAddress: string;
  /** Through whose sshd connections go; absent where this process has the relay's interface itself. */
  readonly relayHost?: RelayHost;
  readonly choices: Choices;
  /** The one image to start from; the newest that fits where it is absent. */
  readonly imageId?: string;
  /** At least the image's size. */
  readonly rootGiB: number;
  /** Addresses of running Pulumi providers by package, as PULUMI_DEBUG_PROVIDERS has them; the engine starts its own otherwise. */
  readonly providers?: Readonly<Record<string, string>>;
  /** Where the `pulumi` binary keeps the stacks' state, `s3://BUCKET/PATH?region=REGION`; in the data directory where it is absent. */
  readonly stateUrl?: string;
  readonly waits?: Partial<Waits>;
  /** The clock; the system's by default. */
  readonly now?: () => Date;
}

/** How long is waited for what, in milliseconds. None can be switched off. */
export interface Waits {
  /** Between two looks at something that is coming or going. */
  readonly pollMs: number;
  /** From a launch to READY on the console: booting, and the delay with which EC2 shows a console. */
  readonly readyMs: number;
  /** For one thing to be gone after it was told to go. A machine takes a minute or two. */
  readonly goneMs: number;
  /** For how long "not found" may mean "not yet": EC2's lists run behind. */
  readonly visibleMs: number;
  /** For how long a machine that fell silent may still be shown as running, or without the reason of its end. */
  readonly endedMs: number;
}

/** EC2's documentation promises none of these; each is several times what is usual. */
export const WAITS: Waits = { pollMs: 2_000, readyMs: 300_000, goneMs: 600_000, visibleMs: 60_000, endedMs: 10_000 };
