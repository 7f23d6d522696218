import * as z from 'zod';

/** SHA-256 in lowercase hex. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 lowercase hex digits');

/** A caller's name for a task: nothing in it can forge a log line or leave a key id's character set. */
export const TaskId = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/, 'expected 1 to 64 of A-Z a-z 0-9 . _ -');

/** Our name for a run. */
export const RunId = z.string().regex(/^[0-9a-f]{12}$/, 'expected 12 lowercase hex digits');

/** A service of the sandbox. */
export const UnitName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected a lowercase name');

/** The sandbox's identity as its control plane gave it: a UUID (local) or an instance id (aws). */
export const MachineId = z
  .string()
  .regex(
    /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|i-[0-9a-f]{8,17})$/,
    'expected a lowercase UUID or an instance id',
  );

/** Base64 as RFC 4648 section 4 has it, with padding: one text per value, so it can be compared and hashed. */
export const Base64 = z.string().refine(isBase64, 'expected base64 with padding');

/** Groups of four are counted, not matched: a repeated group would overflow the expression's stack on a file of some megabytes. */
function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/** C0, C1, DEL and the characters that reorder or hide text: none may reach a log or a terminal by way of a name. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]/;

/** Tells whether text is well-formed Unicode without control, bidirectional or invisible characters. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !UNSAFE.test(text);
}

/** Who asked, for the record: printable text. */
export const Requester = z
  .string()
  .min(1)
  .max(256)
  .refine(isPlainText, 'expected text without control or bidirectional characters');
