/**
 * Strict readers of values that came out of JSON. A reader returns the value, or throws ShapeError: a field that is not known, a field too
 * few, another type, a text of another form are all refused. Written without a library, so that a verifier needs nothing but `node:`.
 */
export type Shape<T> = (value: unknown, at: string) => T;

/** What a reader reads. */
export type Read<S> = S extends Shape<infer T> ? T : never;

/** A value is not of the shape that was expected; `at` is the path to it, field by field. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';

  constructor(at: string, expected: string) {
    super(`${at === '' ? 'the whole' : at}: expected ${expected}`);
  }
}

/** Either the value, or what is wrong with it. */
export type Shaped<T> = { readonly value: T } | { readonly problem: string };

/** Reads a value without throwing. */
export function readShape<T>(shape: Shape<T>, value: unknown): Shaped<T> {
  try {
    return { value: shape(value, '') };
  } catch (error) {
    if (error instanceof ShapeError) return { problem: error.message };
    throw error;
  }
}

/** Reads a value; throws ShapeError. */
export function requireShape<T>(shape: Shape<T>, value: unknown): T {
  return shape(value, '');
}

/** A text of at most so many UTF-16 units. */
export function text(max: number): Shape<string> {
  return (value, at) => {
    if (typeof value === 'string' && value.length <= max) return value;
    throw new ShapeError(at, `a text of at most ${max} characters`);
  };
}

/** A text that a regular expression matches and, where that is not enough, a test accepts. */
export function pattern(form: RegExp, expected: string, test: (value: string) => boolean = () => true): Shape<string> {
  return (value, at) => {
    if (typeof value === 'string' && form.test(value) && test(value)) return value;
    throw new ShapeError(at, expected);
  };
}

/** A whole number that JSON can say exactly. */
export function integer(min = Number.MIN_SAFE_INTEGER): Shape<number> {
  return (value, at) => {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value;
    throw new ShapeError(at, `a whole number, at least ${min}`);
  };
}

/** One of a few values. */
export function oneOf<const T extends string | number>(known: readonly T[]): Shape<T> {
  return (value, at) => {
    const found = known.find((one) => one === value);
    if (found !== undefined) return found;
    throw new ShapeError(at, known.join(' or '));
  };
}

/** The value, or null. */
export function orNull<T>(shape: Shape<T>): Shape<T | null> {
  return (value, at) => (value === null ? null : shape(value, at));
}

/** A list of at least `min` and at most `max` values of one shape. */
export function list<T>(shape: Shape<T>, { min = 0, max }: { min?: number; max: number }): Shape<T[]> {
  return (value, at) => {
    if (!Array.isArray(value) || value.length < min || value.length > max)
      throw new ShapeError(at, `a list of ${min} to ${max}`);
    return value.map((item, index) => shape(item, `${at}[${index}]`));
  };
}

/** A list of exactly one value. */
export function onlyOne<T>(shape: Shape<T>): Shape<[T]> {
  const one = list(shape, { min: 1, max: 1 });
  return (value, at) => one(value, at) as [T];
}

/** An object with any names, each of them short, and values of one shape. */
export function dictionary<T>(shape: Shape<T>, nameMax: number): Shape<Record<string, T>> {
  return (value, at) => {
    const members = membersOf(value, at).map(([name, member]) => [name, shape(member, `${at}.${name}`)] as const);
    if (members.some(([name]) => name.length > nameMax))
      throw new ShapeError(at, `names of at most ${nameMax} characters`);
    return Object.fromEntries(members);
  };
}

/** An object with exactly these fields. */
export function object<F extends Fields>(fields: F): Shape<{ [K in keyof F]: Read<F[K]> }> {
  return objectWith(fields, {}) as Shape<{ [K in keyof F]: Read<F[K]> }>;
}

/** An object with exactly these fields; those of `optional` may be absent. */
export function objectWith<F extends Fields, O extends Fields>(fields: F, optional: O): Shape<ObjectOf<F, O>> {
  const all: Fields = { ...fields, ...optional };
  return (value, at) => {
    const found = new Map(membersOf(value, at));
    for (const name of found.keys())
      if (!Object.hasOwn(all, name)) throw new ShapeError(at, `no field ${JSON.stringify(name)}`);
    const missing = Object.keys(fields).find((name) => !found.has(name));
    if (missing !== undefined) throw new ShapeError(at, `a field ${missing}`);
    const entries = Object.entries(all)
      .filter(([name]) => found.has(name))
      .map(([name, shape]) => [name, shape(found.get(name), at === '' ? name : `${at}.${name}`)]);
    return Object.fromEntries(entries) as ObjectOf<F, O>;
  };
}

type Fields = Readonly<Record<string, Shape<unknown>>>;
type ObjectOf<F extends Fields, O extends Fields> = Simplify<
  { [K in keyof F]: Read<F[K]> } & { [K in keyof O]?: Read<O[K]> | undefined }
>;
type Simplify<T> = { [K in keyof T]: T[K] };

/** Undefined members count as absent: so they do in canonical JSON. */
function membersOf(value: unknown, at: string): (readonly [string, unknown])[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new ShapeError(at, 'an object');
  return Object.entries(value).filter(([, member]) => member !== undefined);
}
