import type * as z from 'zod';
import { canonicalJson } from '../../executor/protocol/index.ts';

/** Either the value, or what is wrong with the bytes. */
export type CanonicalRead<T> = { readonly value: T } | { readonly problem: string };

/**
 * Parses bytes that must be the one canonical text of a value and follow its schema. A duplicate key, a space, another order, an
 * escape that need not be, a byte-order mark: each makes other bytes than the value's own, and is refused by that.
 */
export function readCanonical<S extends z.ZodType>(bytes: Uint8Array, schema: S): CanonicalRead<z.infer<S>> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    if (canonicalJson(value) !== text) return { problem: 'bytes that are not canonical JSON' };
    const parsed = schema.safeParse(value);
    if (parsed.success) return { value: parsed.data };
    const issue = parsed.error.issues[0];
    return { problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'another shape'}` };
  } catch {
    return { problem: 'bytes that are not JSON' };
  }
}
