import type { Json, Properties } from './value.ts';
import { isObject, isSecret, isTagged, omit, SECRET, secretOf } from './value.ts';

/** A property path, `a.b[0]["x.y"].*`: keys, indexes and wildcards. */
export type Path = readonly (string | number)[];

const WILDCARD = '*';

/** Reads a path; undefined if it is malformed. */
export function parsePath(text: string): Path | undefined {
  const path: (string | number)[] = [];
  const token = /\.?([^.[\]"]+)|\[(\d+|\*)\]|\["((?:[^"\\]|\\.)*)"\]/gy;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (!match) return undefined;
    const [, key, index, quoted] = match;
    if (key !== undefined) path.push(key);
    else if (index !== undefined) path.push(index === WILDCARD ? WILDCARD : Number(index));
    else path.push((quoted ?? '').replaceAll(/\\(.)/g, '$1'));
  }
  return path.length === 0 ? undefined : path;
}

/** True if `path` names something at, above or below the pattern. */
export function matches(pattern: Path, path: Path): boolean {
  const length = Math.min(pattern.length, path.length);
  return Array.from({ length }, (_, at) => at).every(
    (at) => pattern[at] === WILDCARD || String(pattern[at]) === String(path[at]),
  );
}

/** The new properties with the value at the path as it was before; undefined if the path cannot be applied. */
export function resetPath(olds: Properties, news: Properties, path: Path): Properties | undefined {
  return reset(olds, news, path) as Properties | undefined;
}

const ABSENT = Symbol('absent');
type Slot = Json | typeof ABSENT;

function reset(old: Json, next: Json, path: Path): Json | undefined {
  if (isSecret(next) || isSecret(old)) {
    const inner = reset(unwrap(old), unwrap(next), path);
    return inner === undefined ? undefined : isSecret(next) ? secretOf(inner) : inner;
  }
  const [head, ...rest] = path;
  if (head === undefined) return old;
  if (head === WILDCARD) return resetAll(old, next, rest);
  const before = slot(old, head);
  const after = slot(next, head);
  if (rest.length === 0) return before === ABSENT ? without(next, head) : withSlot(next, head, before);
  if (before === ABSENT && after === ABSENT) return next;
  if (before === ABSENT || after === ABSENT) return undefined;
  const inner = reset(before, after, rest);
  return inner === undefined ? undefined : withSlot(next, head, inner);
}

function resetAll(old: Json, next: Json, rest: Path): Json | undefined {
  if (rest.length === 0) return old;
  let result: Json | undefined = next;
  const keys = Array.isArray(next) ? next.map((_, index) => index) : isObject(next) ? Object.keys(next) : [];
  for (const key of keys) {
    if (result === undefined) return undefined;
    result = reset(old, result, [key, ...rest]);
  }
  return result;
}

function unwrap(value: Json): Json {
  return isTagged(value, SECRET) ? (value['value'] ?? null) : value;
}

function slot(value: Json, key: string | number): Slot {
  if (Array.isArray(value)) return typeof key === 'number' ? ((value as readonly Json[])[key] ?? ABSENT) : ABSENT;
  return isObject(value) && Object.hasOwn(value, key) ? (value[String(key)] ?? ABSENT) : ABSENT;
}

function withSlot(value: Json, key: string | number, item: Json): Json | undefined {
  if (Array.isArray(value))
    return typeof key === 'number' && key <= value.length
      ? (value as readonly Json[]).toSpliced(key, 1, item)
      : undefined;
  return isObject(value) ? { ...value, [key]: item } : undefined;
}

function without(value: Json, key: string | number): Json | undefined {
  if (!isObject(value)) return undefined;
  return omit(value, String(key));
}
