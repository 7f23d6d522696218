import type { ProgramRow } from './catalogue.ts';

/** What fills a template: an action's own arguments. */
export type Values = Readonly<Record<string, unknown>>;

/**
 * The argument vector of a program, program first. Values go in as they are, once and by position: nothing in a value is looked at again,
 * so none of them can become another argument, a placeholder or an option. Throws Error on a placeholder without a value: a defect of the
 * catalogue, which its test finds.
 */
export function argvOf({ path, arguments: template }: ProgramRow, values: Values): string[] {
  return [fill(path, values), ...template.flatMap((argument) => fillArgument(argument, values))];
}

const PLACEHOLDER = /\{([a-z0-9_]+)\}/g;

function fillArgument(argument: string, values: Values): string[] {
  const whole = /^\{([a-z0-9_]+)\}$/.exec(argument)?.[1];
  const value = whole === undefined ? undefined : valueOf(whole, values);
  return Array.isArray(value) ? value.map(String) : [fill(argument, values)];
}

function fill(text: string, values: Values): string {
  return text.replace(PLACEHOLDER, (_all, name: string) => {
    const value = valueOf(name, values);
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
    throw new Error(`expected one value for {${name}}, got ${Array.isArray(value) ? 'a list' : typeof value}`);
  });
}

function valueOf(name: string, values: Values): unknown {
  if (!Object.hasOwn(values, name)) throw new Error(`expected a value for {${name}}, got none`);
  return values[name];
}
