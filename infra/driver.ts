/** What every place that can host a sandbox must do. Drivers implement it; the orchestrator calls it. Imports nothing. */
export interface SandboxDriver {
  readonly name: 'local' | 'aws';
  /**
   * Boots one locked-down VM and waits until it says READY over a channel its network cannot reach.
   * Every concrete id goes through `observer.record` (durable) before the step that uses it starts.
   * Rejects with DriverError; whatever exists by then is in the manifest of ids and is destroyed by the caller.
   */
  provision(request: ProvisionRequest, observer: ProvisionObserver, signal: AbortSignal): Promise<Sandbox>;
  /**
   * Deletes everything of one run: by the stack where it works, then by the manifest of ids without Pulumi.
   * Safe to call again, and when nothing is left. Ignores the caller's cancellation: it has deadlines of its own.
   */
  destroy(
    runId: string,
    manifest: readonly ConcreteId[],
    onEvent: (event: EngineEvent) => void,
  ): Promise<readonly Deletion[]>;
  /** Ends the machine of a run at once and leaves the rest as it is, streams and disk too. Safe when there is none. */
  halt(runId: string): Promise<void>;
  /** Lets go of what this process itself holds of a run that another one will burn (servers, calls under way); of the sandbox it changes nothing. */
  letGo?(runId: string): void;
  /** Where the streams of a run lie, without having provisioned it (after a crash); undefined where there are none. */
  streams(runId: string): Promise<SandboxStreams | undefined>;
  /**
   * Asks the control plane, not our own state, whether one id still exists. Throws when it cannot tell.
   * Looks at different turns (0, 1, …) use different means where the control plane has more than one.
   */
  observe(id: ConcreteId, turn?: number): Promise<Observation>;
  /** What exists now with our label, of one run or of all: found by looking, never from the manifest. */
  inventory(runId?: string): Promise<readonly FoundId[]>;
  /** How a sandbox would be isolated, where that is known before there is one: what is refused anyway need not boot. */
  isolation?(): Promise<Sandbox['isolation']>;
  /** Why the control plane itself took the machine of a run away, in its words; undefined where it did not, or cannot. */
  interruption?(runId: string): Promise<string | undefined>;
}

/** All the driver needs to know to boot. Nothing in it is secret. */
export interface ProvisionRequest {
  readonly runId: string;
  /** OpenSSH public key line of the CA, `ssh-ed25519 AAAA…` or `ecdsa-sha2-nistp256 AAAA…`. */
  readonly caPublicKey: string;
  readonly profile: MachineShape;
  /** Seconds after boot at which the guest powers itself off. */
  readonly lifetimeSeconds: number;
  /** Where the guest's sshd may forward to inside the guest, `127.0.0.1:PORT` each; nowhere when empty. */
  readonly tunnels: readonly string[];
}

export interface MachineShape {
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Size of the per-run encrypted scratch disk. */
  readonly scratchMiB: number;
}

export interface ProvisionObserver {
  /** Adds an id to the run's manifest of ids; resolves when that is durable. */
  record(id: ConcreteId): Promise<void>;
  /** One engine event (Pulumi's EngineEvent JSON), in order. */
  event(event: EngineEvent): void;
  /** One call to the control plane that makes or ends something: before it is made, and when it is over. Throws when it cannot be kept: then it is not made. */
  call?(call: ProviderCall): void;
  /** One frame on the machine's cable, where the driver holds its other end. Never throws. */
  frame?(from: 'guest' | 'relay', frame: Buffer): void;
  /** A short phrase for people: what is being waited for now. */
  progress(what: string): void;
}

export type EngineEvent = Readonly<Record<string, unknown>>;

/** `number` ties the two together; it counts from 1 for each run. `resource` is its type, `error` the text of what went wrong. */
export type ProviderCall =
  | {
      readonly event: 'called';
      readonly number: number;
      readonly call: string;
      readonly resource: string;
      readonly id?: string;
    }
  | {
      readonly event: 'returned';
      readonly number: number;
      readonly ok: boolean;
      readonly id?: string;
      readonly error?: string;
    };

/** A sandbox that said READY. */
export interface Sandbox {
  readonly machineId: string;
  readonly address: SandboxAddress;
  /** Who could open a connection to it: see SandboxReach. */
  readonly reach: SandboxReach;
  /** The guest's host key, `ssh-ed25519 AAAA…`, told over the console; the relay pins it. */
  readonly hostKey: string;
  /** As seen by the guest's sshd: what the certificate's source-address must allow. */
  readonly relaySourceAddress: string;
  readonly isolation: 'kvm' | 'emulated' | 'cloud';
  /** Whether the process that is the machine has the host's network namespace or one of its own with nothing in it; null where there is no such process. */
  readonly machineNetwork: 'own' | 'host' | null;
  readonly engine: 'embedded' | 'cli';
  readonly stack: string;
  readonly imageDigest: string;
  /** Files of this host that fill while the guest runs. */
  readonly streams: SandboxStreams;
  /** Who fills them: the driver, or the relay, which copies the guest's logs out by the audit login (the console is always the driver's). */
  readonly streamsFilledBy: 'driver' | 'relay';
}

/** Where the relay finds the guest's sshd: a unix socket, or a TCP port, reached directly or through the relay host. */
export type SandboxAddress =
  { readonly path: string } | { readonly host: string; readonly port: number; readonly via?: RelayHost };

/** The one host that stands in the sandboxes' network where this process does not: connections go through its sshd, to exact destinations. */
export interface RelayHost {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  /** Its host key, `ssh-ed25519 AAAA…`; no other is accepted. */
  readonly hostKey: string;
}

/**
 * Who else than the relay could open a connection to the guest's sshd, were it not for certificates. `wire`: nobody, the relay's process holds
 * the other end of the guest's only cable. `loopback`: whoever is on this host. `relay-host`: who holds the relay's interface in the cloud.
 */
export type SandboxReach = 'wire' | 'loopback' | 'relay-host';

export interface SandboxStreams {
  readonly console: string;
  readonly sshd?: string;
  readonly executor?: string;
  readonly audit?: string;
}

/** One thing that must be gone after the burn. `kind` is the glossary's word for it; `id` is unique on the control plane. */
export interface ConcreteId {
  readonly kind:
    | 'process'
    | 'disk'
    | 'socket'
    | 'port'
    | 'file'
    | 'stack'
    | 'directory'
    | 'instance'
    | 'volume'
    | 'interface'
    | 'security-group'
    | 'address'
    | 'snapshot'
    | 'key-pair';
  readonly id: string;
  /** What is needed to look it up again: process start time, path, … All plain text. */
  readonly detail: Readonly<Record<string, string>>;
}

/** What a look at the control plane found, and whose it is. */
export interface FoundId extends ConcreteId {
  readonly runId: string;
  /** When it came into being, ISO 8601, where the control plane says so. */
  readonly since?: string;
  /** When the guest should have ended it by itself. */
  readonly deadline?: string;
}

export interface Deletion {
  readonly target: ConcreteId;
  /** How it was deleted: `pulumi destroy`, `kill`, `unlink`, … or `already gone`. */
  readonly how: string;
  readonly at: string;
}

/** One look at one id. `gone` only when the control plane says "not found". */
export interface Observation {
  readonly state: 'present' | 'gone';
  /** By what means it was looked for, for the receipt. */
  readonly means: string;
  readonly at: string;
}
