import { Command, CommanderError } from 'commander';
import type { Environment } from '../../environment.ts';
import { explain, RequestError } from '../../errors.ts';
import { escapeInline, escapeJson } from '../../terminal/index.ts';
import { COMMANDS } from './commands/index.ts';
import { openConsole } from './console.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { exitOfError } from './exit-of.ts';

/** Runs one command line and says with which exit code the process should end (exit-codes.ts). Never rejects. */
export async function runCli(argv: readonly string[], environment: Environment): Promise<number> {
  const console = openConsole(wantsJson(argv));
  // Closed in either case, and once.
  await using closing = new AsyncDisposableStack();
  let exitCode: number = EXIT_CODES.succeeded.code;
  const program = new Command('burnbag')
    .description('One high-risk task, one disposable VM, burned after use, with proof.')
    .option('--json', 'print one JSON document on stdout, and nothing else there')
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  for (const add of COMMANDS) {
    add(program, { environment, console, end: (code) => (exitCode = code), closing });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    await closing.disposeAsync();
    return exitCode;
  } catch (error) {
    console.close();
    if (error instanceof CommanderError && SHOWN.has(error.code))
      return error.exitCode === 0 ? 0 : EXIT_CODES.usage.code;
    return report(error instanceof CommanderError ? misused(error) : error, console.json);
  }
}

/** What commander ends with once it has shown a help text: asked for, or because there was no command. */
const SHOWN: ReadonlySet<string> = new Set(['commander.helpDisplayed', 'commander.help']);

/** What stands behind `--` is for the script. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end === -1 ? argv.length : end).includes('--json');
}

function misused(error: CommanderError): RequestError {
  const said = {
    expected: 'a command line as --help has it',
    got: error.message.replace(/^error: /, ''),
    hint: 'burnbag --help lists the commands, burnbag COMMAND --help its options',
  };
  return new RequestError('bad_argument', said, { cause: error });
}

function report(error: unknown, json: boolean): number {
  const { code, expected, got, hint } = explain(error);
  if (json) process.stdout.write(`${escapeJson({ schema: 'burnbag.error/1', code, expected, got, hint })}\n`);
  else {
    const lines = [`burnbag: ${code}`, `  expected ${expected}`, `  got      ${got}`, `  hint     ${hint}`];
    process.stderr.write(`${lines.map((line) => escapeInline(line)).join('\n')}\n`);
  }
  return exitOfError({ code, expected, got, hint });
}
