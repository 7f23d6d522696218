import command from '@pulumi/pulumi/automation/cmd.js';
import errors from '@pulumi/pulumi/automation/errors.js';
import { EngineError, messageOf } from '../errors.ts';

/** What the SDK takes as the outcome of a `pulumi` process. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

interface Internals {
  readonly CommandResult: new (stdout: string, stderr: string, code: number) => CommandResult;
}
interface ErrorInternals {
  readonly createCommandError: (result: CommandResult) => Error;
  readonly CommandError: new (result: CommandResult) => Error;
}

const { CommandResult } = command as unknown as Internals;
const { createCommandError, CommandError } = errors as unknown as ErrorInternals;

/** The exit code the SDK reports for every failed process, whatever it was. */
const FAILED = -2;

/** A call that went well. */
export function succeeded(stdout: string, stderr: string): CommandResult {
  return new CommandResult(stdout, stderr, 0);
}

/**
 * The SDK's own error for a failed call. Only for the three codes that the SDK recognises by their words is its matcher
 * used: a provider's message could contain the same words by chance.
 */
export function commandError(error: unknown): Error {
  const result = new CommandResult('', messageOf(error), FAILED);
  const isRecognised =
    error instanceof EngineError && ['stack_not_found', 'stack_exists', 'stack_locked'].includes(error.code);
  return Object.assign(isRecognised ? createCommandError(result) : new CommandError(result), { cause: error });
}
