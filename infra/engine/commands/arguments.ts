import { EngineError, refuse } from '../errors.ts';

/** What a flag does here: set something, take a value, be read past, or be refused by its name. */
type Kind = 'switch' | 'value' | 'ignored' | 'ignored value' | 'refused';
type Flags = Readonly<Record<string, Kind>>;

/** Flags every command takes. */
const GLOBAL: Flags = {
  '--stack': 'value',
  '--color': 'value',
  '--config-file': 'value',
  '--logflow': 'ignored',
  '--verbose': 'ignored value',
  '--logtostderr': 'ignored',
  '--tracing': 'ignored value',
  '--debug': 'ignored',
  '--suppress-outputs': 'ignored',
  '--suppress-progress': 'ignored',
  '--yes': 'ignored',
  '--non-interactive': 'ignored',
  '--diff': 'ignored',
  '--remote': 'refused',
};

/** Flags of the four deployment operations. */
const OPERATION: Flags = {
  ...GLOBAL,
  '--client': 'value',
  '--exec-kind': 'value',
  '--exec-agent': 'value',
  '--event-log': 'value',
  '--message': 'value',
  '--parallel': 'value',
  '--skip-preview': 'ignored',
  '--preview-only': 'switch',
  '--refresh': 'switch',
  '--expect-no-changes': 'switch',
  '--continue-on-error': 'switch',
  '--clear-pending-creates': 'switch',
  '--run-program': 'value',
  '--target': 'refused',
  '--target-dependents': 'refused',
  '--exclude': 'refused',
  '--exclude-dependents': 'refused',
  '--exclude-protected': 'refused',
  '--replace': 'refused',
  '--plan': 'refused',
  '--save-plan': 'refused',
  '--import-file': 'refused',
  '--policy-pack': 'refused',
  '--policy-pack-config': 'refused',
  '--attach-debugger': 'refused',
};

const COMMANDS = {
  up: OPERATION,
  preview: OPERATION,
  refresh: OPERATION,
  destroy: OPERATION,
  cancel: GLOBAL,
  whoami: { ...GLOBAL, '--json': 'ignored' },
  'plugin ls': { ...GLOBAL, '--json': 'ignored' },
  'stack select': GLOBAL,
  'stack init': { ...GLOBAL, '--secrets-provider': 'value', '--no-select': 'ignored' },
  'stack ls': { ...GLOBAL, '--json': 'ignored', '--all': 'switch' },
  'stack rm': { ...GLOBAL, '--force': 'switch', '--preserve-config': 'switch' },
  'stack output': { ...GLOBAL, '--json': 'ignored', '--show-secrets': 'switch' },
  'stack history': {
    ...GLOBAL,
    '--json': 'ignored',
    '--show-secrets': 'switch',
    '--page-size': 'value',
    '--page': 'value',
  },
  'stack export': { ...GLOBAL, '--show-secrets': 'switch' },
  'stack import': { ...GLOBAL, '--file': 'value' },
} as const satisfies Readonly<Record<string, Flags>>;

export type CommandName = keyof typeof COMMANDS;

/** A command line, understood. */
export interface Invocation {
  readonly command: CommandName;
  readonly positional: readonly string[];
  readonly switches: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
}

/** Reads the argument vector of one `pulumi` call. Unknown and refused flags and commands throw `refused` with their name. */
export function parseArguments(args: readonly string[]): Invocation {
  const [command, rest] = splitCommand(args);
  const flags: Flags = COMMANDS[command];
  const positional: string[] = [];
  const switches = new Set<string>();
  const values = new Map<string, string>();
  for (let index = 0; index < rest.length; index += 1) {
    const argument = rest[index] ?? '';
    if (!argument.startsWith('--')) {
      positional.push(argument);
      continue;
    }
    const [flag, attached] = splitFlag(argument);
    const kind = flags[flag];
    if (kind === undefined || kind === 'refused') refuse(`${command} ${flag}`);
    if (kind === 'switch') switches.add(flag);
    if (kind !== 'value' && kind !== 'ignored value') continue;
    const value = attached ?? rest[++index];
    if (value === undefined) throw new EngineError('refused', `expected a value after ${flag}`);
    if (kind === 'value') values.set(flag, value);
  }
  if (values.get('--run-program') === 'true') refuse(`${command} --run-program=true`);
  return { command, positional, switches, values };
}

function splitCommand(args: readonly string[]): readonly [CommandName, readonly string[]] {
  const two = args.slice(0, 2).join(' ');
  if (Object.hasOwn(COMMANDS, two)) return [two as CommandName, args.slice(2)];
  const one = args[0] ?? '';
  if (Object.hasOwn(COMMANDS, one)) return [one as CommandName, args.slice(1)];
  return refuse(`the command "${two}"`);
}

function splitFlag(argument: string): readonly [string, string | undefined] {
  const at = argument.indexOf('=');
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}
