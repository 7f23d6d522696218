import { readFile } from 'node:fs/promises';
import { InvalidArgumentError, type Command } from 'commander';
import type { Environment } from '../../../environment.ts';
import { RequestError } from '../../../errors.ts';
import type { OperationName } from '../../../operations/index.ts';
import type { Console } from '../console.ts';
import { type ArgsOf, callOperation, type ResultOf } from '../door.ts';
import { listenForStop } from '../stop-signals.ts';

/** Adds one command to the program. */
export type AddCommand = (program: Command, door: Door) => void;

export interface Door {
  readonly environment: Environment;
  readonly console: Console;
  /** Says with which exit code the process should end. */
  readonly end: (exitCode: number) => void;
  /** What is closed when the command has shown its result. */
  readonly closing: AsyncDisposableStack;
}

/** Calls an operation under the console's eyes; SIGINT and SIGTERM stop it in good order. */
export async function call<Name extends OperationName>(
  door: Door,
  name: Name,
  args: ArgsOf<Name>,
): Promise<ResultOf<Name>> {
  const { closing, console } = door;
  const stop = listenForStop(console.say);
  closing.defer(() => {
    stop.dispose();
    console.close();
  });
  const result = await callOperation(name, args, door.environment, { ...console, signal: stop.signal, closing });
  console.close();
  return result;
}

/** Reads a file the user named; `-` is standard input. */
export async function readInput(file: string, what: string): Promise<Buffer> {
  try {
    return file === '-' ? Buffer.concat(await process.stdin.toArray()) : await readFile(file);
  } catch (cause) {
    throw new RequestError('no_such_script', {
      expected: `${what} to be a file that can be read`,
      got: `${file}: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      hint: 'check the path and its permissions',
    });
  }
}

/** Parses a whole number of seconds, for commander. */
export function wholeSeconds(text: string): number {
  if (!/^[0-9]{1,6}$/.test(text)) throw new InvalidArgumentError('expected a whole number of seconds');
  return Number(text);
}
