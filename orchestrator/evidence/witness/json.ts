/** The fields of a record: whoever reads one says what it expects. */
export type Fields = Readonly<Record<string, unknown>>;

/** The object that a line is; undefined for anything else. */
export function readFields(line: Buffer | string | undefined): Fields | undefined {
  if (line === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** A SHA-256 in lowercase hex. */
export function isDigest(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

/** A whole number, 0 or more. */
export function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A number that counts from 1. */
export function isOrdinal(value: unknown): value is number {
  return isNatural(value) && value > 0;
}

export function isText(value: unknown): value is string {
  return typeof value === 'string';
}
