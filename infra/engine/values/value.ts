/**
 * Property values as they travel: plain JSON in which special values are objects with a signature key. The engine keeps
 * them in this one form everywhere; only the state file (encrypted secrets) and providers (who may not take secrets) differ.
 */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type Properties = Readonly<Record<string, Json>>;
export type Tagged = Readonly<Record<string, Json>>;

/** The key that marks an object as special; its value says which kind. */
export const SIGNATURE = '4dabf18193072939515e22adb298388d';
export const SECRET = '1b47061264138c4ac30d75fd1eb44270';
export const ASSET = 'c44067f5952c0a294b673a41bacd8c17';
export const ARCHIVE = '0def7320c3a5731c473e5ecbe6d01bc7';
export const REFERENCE = '5cf8f73096256a8f31e491e813e4eb8e';
export const OUTPUT_VALUE = 'd0e6a833031e9bbcd3f4e8bde6ca49a4';

/** What stands for a value that is not known before an update; the SDK sends the first. */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const UNKNOWNS: ReadonlySet<string> = new Set([
  UNKNOWN,
  '1c4a061d-8072-4f0a-a4cb-0ff528b18fe7',
  '3eeb2bf0-c639-47a8-9e75-3b44932eb421',
  '6a19a0b0-7e62-4c92-b797-7f8e31da9cc2',
  '030794c1-ac77-496b-92df-f27374a8bd58',
  'e48ece36-62e2-4504-bad9-02848725956a',
  'dd056dcd-154b-4c76-9bd3-c8f88648b5ff',
]);

/** True for an object, so neither null nor an array. */
export function isObject(value: Json | undefined): value is Tagged {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True for an object with the given signature. */
export function isTagged(value: Json | undefined, kind: string): value is Tagged {
  return isObject(value) && value[SIGNATURE] === kind;
}

/** Marks a value as secret; a secret stays as it is. */
export function secretOf(value: Json): Json {
  return isTagged(value, SECRET) ? value : { [SIGNATURE]: SECRET, value };
}

/** Rebuilds a value bottom-up with `change` applied to each object and leaf; unchanged parts keep their identity. */
export function rewrite(value: Json, change: (value: Json) => Json): Json {
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    const next = items.map((item) => rewrite(item, change));
    return change(next.some((item, index) => item !== items[index]) ? next : value);
  }
  if (isObject(value)) {
    const next = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rewrite(item, change)]));
    return change(Object.keys(value).some((key) => next[key] !== value[key]) ? next : value);
  }
  return change(value);
}

/** `rewrite` for each property. */
export function rewriteAll(properties: Properties, change: (value: Json) => Json): Properties {
  return rewrite(properties, (value) => change(value)) as Properties;
}

/** True if the value or anything in it satisfies the test. */
export function contains(value: Json | undefined, test: (value: Json) => boolean): boolean {
  if (value === undefined) return false;
  if (test(value)) return true;
  if (Array.isArray(value)) return (value as readonly Json[]).some((item) => contains(item, test));
  return isObject(value) && Object.values(value).some((item) => contains(item, test));
}

export const isSecret = (value: Json): boolean => isTagged(value, SECRET);
export const isUnknown = (value: Json): boolean => typeof value === 'string' && UNKNOWNS.has(value);

/** The value without secret marks, at any depth. */
export function reveal(value: Json): Json {
  return rewrite(value, (item) => (isTagged(item, SECRET) ? (item['value'] ?? null) : item));
}

/** The value with every secret replaced by what people may see. */
export function mask(value: Json): Json {
  if (isTagged(value, SECRET)) return '[secret]';
  if (Array.isArray(value)) return (value as readonly Json[]).map(mask);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mask(item)])) : value;
}

/** A value as text for people: strings as they are, everything else as JSON. */
export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

/** The properties without the named ones. */
export function omit(properties: Properties, ...keys: readonly string[]): Properties {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !keys.includes(key)));
}

/** Equality of JSON values; the order of keys does not matter. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    const [left, right] = [a as readonly Json[], b as readonly Json[]];
    return left.length === right.length && left.every((item, index) => equal(item, right[index]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && equal(a[key], b[key]));
}
