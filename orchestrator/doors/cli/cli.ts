import { Command, CommanderError } from 'commander';
import type { Environment } from '../../environment.ts';
import { explain } from '../../errors.ts';
import { escapeInline } from '../../terminal/index.ts';
import { COMMANDS } from './commands/index.ts';
import { EXIT_CODES, exitOfError } from './exit-codes.ts';
import { openConsole } from './console.ts';

/** Runs one command line and says with which exit code the process should end (exit-codes.ts). Never rejects. */
export async function runCli(argv: readonly string[], environment: Environment): Promise<number> {
  const console = openConsole(argv.includes('--json'));
  let exitCode: number = EXIT_CODES.succeeded.code;
  const program = new Command('burnbag')
    .description('One high-risk task, one disposable VM, burned after use, with proof.')
    .option('--json', 'print one JSON document on stdout, and nothing else there')
    .exitOverride()
    .showHelpAfterError('(burnbag --help lists the commands)')
    .configureOutput({ writeErr: (text) => process.stderr.write(text) });
  for (const add of COMMANDS) {
    add(program, { environment, console, end: (code) => (exitCode = code) });
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    console.close();
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage.code;
    return report(error, console.json);
  }
}

function report(error: unknown, json: boolean): number {
  const { code, expected, got, hint } = explain(error);
  if (json) process.stdout.write(`${JSON.stringify({ schema: 'burnbag.error/1', code, expected, got, hint })}\n`);
  else {
    const lines = [`burnbag: ${code}`, `  expected ${expected}`, `  got      ${got}`, `  hint     ${hint}`];
    process.stderr.write(`${lines.map((line) => escapeInline(line)).join('\n')}\n`);
  }
  return exitOfError({ code, expected, got, hint });
}
