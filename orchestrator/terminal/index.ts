/** Text for terminals: untrusted text made safe, and how wide it is. */
export { decodeBytes, escapeInline, escapeJson, escapeLines } from './escape.ts';
export { displayWidth, truncate } from './width.ts';
