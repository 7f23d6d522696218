import { canonicalJson } from '../../executor/protocol/canonical.ts';
import { readShape, type Shape, type Shaped } from './format/shape.ts';

/**
 * Parses bytes that must be the one canonical text of a value and follow its schema. A duplicate key, a space, another order, an
 * escape that need not be, a byte-order mark: each makes other bytes than the value's own, and is refused by that.
 */
export function readCanonical<T>(bytes: Uint8Array, shape: Shape<T>): Shaped<T> {
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
    if (canonicalJson(value) !== text) return { problem: 'bytes that are not canonical JSON' };
  } catch {
    return { problem: 'bytes that are not JSON' };
  }
  return readShape(shape, value);
}
