import type { Properties } from '../../../../infra/local/provider/resource.ts';

/** Typed looks at inputs: the program was type-checked against the real SDK, so another type is a defect of the test. */
export function text(inputs: Properties, name: string): string {
  const value = inputs[name];
  if (typeof value !== 'string') throw new TypeError(`expected ${name} to be text, got ${JSON.stringify(value)}`);
  return value;
}

export function optionalText(inputs: Properties, name: string): string | undefined {
  return inputs[name] === undefined ? undefined : text(inputs, name);
}

export function texts(inputs: Properties, name: string): string[] {
  const value = inputs[name] ?? [];
  if (!Array.isArray(value)) throw new TypeError(`expected ${name} to be a list, got ${JSON.stringify(value)}`);
  return value.map(String);
}

export function flag(inputs: Properties, name: string): boolean | undefined {
  const value = inputs[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw new TypeError(`expected ${name} to be true or false, got ${JSON.stringify(value)}`);
}

export function count(inputs: Properties, name: string): number | undefined {
  const value = inputs[name];
  if (value === undefined || typeof value === 'number') return value;
  throw new TypeError(`expected ${name} to be a number, got ${JSON.stringify(value)}`);
}

export function nested(inputs: Properties, name: string): Properties {
  return (inputs[name] ?? {}) as Properties;
}

export function list(inputs: Properties, name: string): readonly Properties[] {
  return (inputs[name] ?? []) as readonly Properties[];
}
