/**
 * Writes a value as canonical JSON: keys sorted by UTF-16 code unit, no spaces, integers only. One value, one text, so it can be hashed,
 * signed and compared (the subset of RFC 8785 without fractions). Throws TypeError on anything JSON cannot say exactly.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

/** Deeper than anything we sign; a deeper value is a mistake or an attack. */
const DEPTH_MAX = 32;

function write(value: unknown, depth: number): string {
  if (depth > DEPTH_MAX) throw new TypeError(`canonical JSON: expected at most ${DEPTH_MAX} levels, got more`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return writeString(value);
  if (typeof value === 'number') return writeInteger(value);
  if (Array.isArray(value)) return `[${Array.from(value, (item) => write(item, depth + 1)).join(',')}]`;
  if (typeof value === 'object' && isPlain(value)) return writeObject(value, depth);
  throw new TypeError(
    `canonical JSON: expected null, boolean, integer, string, array or plain object, got ${typeof value}`,
  );
}

function writeString(value: string): string {
  if (!value.isWellFormed()) throw new TypeError('canonical JSON: expected well-formed Unicode, got a lone surrogate');
  return JSON.stringify(value);
}

function writeInteger(value: number): string {
  if (!Number.isSafeInteger(value) || Object.is(value, -0))
    throw new TypeError('canonical JSON: expected a safe integer, got another number');
  return String(value);
}

function writeObject(value: object, depth: number): string {
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${writeString(key)}:${write(member, depth + 1)}`).join(',')}}`;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
