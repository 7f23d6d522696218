import { SemVer } from 'semver';
import type { CommandName, Invocation } from './commands/arguments.ts';
import { parseArguments } from './commands/arguments.ts';
import { displayLine } from './run/display.ts';
import { EngineError } from './errors.ts';
import type { OperationOptions } from './operation/open.ts';
import { carryOut } from './operation/operation.ts';
import { commandError, succeeded } from './commands/sdk.ts';
import type { CommandResult } from './commands/sdk.ts';
import { cancelStack } from './commands/cancel.ts';
import type { CommandContext, Written } from './commands/command.ts';
import { removeStack } from './commands/removal.ts';
import { showHistory, showOutputs, showUser } from './commands/show.ts';
import { initStack, listStacks, selectStack } from './commands/stacks.ts';
import { exportStack, importStack } from './commands/transfer.ts';
import { ENGINE_VERSION } from './version.ts';
import { openWorkspace } from './commands/workspace.ts';

export { EngineError } from './errors.ts';
export type { EngineErrorCode } from './errors.ts';

export type EmbeddedEngineOptions = Partial<OperationOptions>;

type Listener = ((text: string) => void) | undefined;

/** The object the Automation API takes as `pulumiCommand`: what a `pulumi` process would do, done in this one. */
export interface EmbeddedEngine {
  readonly command: 'embedded';
  readonly version: SemVer;
  /** Aborting the signal cancels gracefully: what runs is awaited and recorded, nothing new starts. */
  run(
    args: string[],
    cwd: string,
    env: Record<string, string>,
    onOutput?: Listener,
    onError?: Listener,
    signal?: AbortSignal,
  ): Promise<CommandResult>;
  /** Ends all operations of this engine at once; what is under way stays recorded as pending. */
  terminate(): void;
}

/** Bound on a provider call whose resource sets no timeout of its own. */
const CALL_MS = 20 * 60_000;

const COMMANDS: Readonly<Partial<Record<CommandName, (context: CommandContext) => Promise<Written>>>> = {
  cancel: cancelStack,
  whoami: showUser,
  'plugin ls': () => Promise.resolve({ stdout: '[]\n' }),
  'stack select': selectStack,
  'stack init': initStack,
  'stack ls': listStacks,
  'stack rm': removeStack,
  'stack output': showOutputs,
  'stack history': showHistory,
  'stack export': exportStack,
  'stack import': importStack,
};

/** Makes an engine. It keeps nothing between calls; two stacks may be worked on at the same time. */
export function createEmbeddedEngine(options: EmbeddedEngineOptions = {}): EmbeddedEngine {
  const termination = new AbortController();
  const complete: OperationOptions = {
    providers: options.providers ?? {},
    callMs: options.callMs ?? CALL_MS,
    onCheckpoint: options.onCheckpoint,
  };
  return {
    command: 'embedded',
    version: new SemVer(ENGINE_VERSION),
    run: async (args, cwd, env, onOutput, onError, signal) => {
      const output = collector(onOutput, onError);
      try {
        await runCommand(parseArguments(args), {
          cwd,
          env,
          cancel: signal ?? new AbortController().signal,
          terminate: termination.signal,
          options: complete,
          output,
        });
        return succeeded(output.texts.stdout, output.texts.stderr);
      } catch (error) {
        throw commandError(error);
      }
    },
    terminate: () => {
      termination.abort();
    },
  };
}

interface Call {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cancel: AbortSignal;
  readonly terminate: AbortSignal;
  readonly options: OperationOptions;
  readonly output: ReturnType<typeof collector>;
}

async function runCommand(invocation: Invocation, call: Call): Promise<void> {
  const workspace = await openWorkspace(call.cwd, call.env, invocation.values.get('--config-file'));
  const stack = stackOf(invocation);
  const command = COMMANDS[invocation.command];
  if (command !== undefined) {
    const written = await command({ workspace, invocation, stack, onCheckpoint: call.options.onCheckpoint });
    call.output.write('stdout', written.stdout ?? '');
    call.output.write('stderr', written.stderr ?? '');
    return;
  }
  await carryOut({
    workspace,
    invocation,
    stack,
    options: call.options,
    cancel: call.cancel,
    terminate: call.terminate,
    display: (event) => {
      const line = displayLine(event);
      if (line !== undefined) call.output.write(line.stream, line.text);
    },
  });
}

/** `--stack NAME`, or the name itself for the commands that take it so; a qualified name is cut to its last part. */
function stackOf(invocation: Invocation): string {
  const name = invocation.values.get('--stack') ?? invocation.positional[0] ?? '';
  const needsStack = !['whoami', 'plugin ls', 'stack ls'].includes(invocation.command);
  if (needsStack && name === '') throw new EngineError('refused', `expected --stack NAME with ${invocation.command}`);
  return name.slice(name.lastIndexOf('/') + 1);
}

function collector(
  onOutput: Listener,
  onError: Listener,
): { texts: { stdout: string; stderr: string }; write: (stream: 'stdout' | 'stderr', text: string) => void } {
  const texts = { stdout: '', stderr: '' };
  return {
    texts,
    write: (stream, text) => {
      if (text === '') return;
      texts[stream] += text;
      (stream === 'stdout' ? onOutput : onError)?.(text);
    },
  };
}
