import type { EngineEvent } from '../driver.ts';
import type { RunContext } from './context.ts';
import type { ServedProvider } from './provider/serve.ts';

/** A run's stack, whichever engine executes it. */
export interface RunStack {
  /** Makes what the program says and returns what it exports. */
  up(signal: AbortSignal, onEvent: (event: EngineEvent) => void): Promise<Readonly<Record<string, unknown>>>;
  /** Deletes every resource in the state. */
  destroy(onEvent: (event: EngineEvent) => void): Promise<unknown>;
  /** Forgets the stack. */
  remove(): Promise<void>;
  /** Ends at once what may still run, so that it writes no state any more. */
  terminate(): void;
}

/** Opens a stack; infra/pulumi has the one implementation. */
export type OpenStack = (options: {
  readonly name: string;
  readonly project: string;
  readonly program: () => Promise<Record<string, unknown>>;
  readonly backendDir: string;
  readonly workDir: string;
  readonly engine: 'embedded' | 'cli';
  readonly passphrase: string;
  readonly providers: Readonly<Record<string, string>>;
}) => Promise<RunStack>;

/** A run this process has provisioned, or tried to: what its stack needs to be destroyed by Pulumi. */
export interface LiveRun {
  readonly context: RunContext;
  readonly provider: ServedProvider;
  stack: RunStack | undefined;
}
