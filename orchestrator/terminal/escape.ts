/*
 * What a sandbox printed is data. Anything in it that a terminal would obey, or that would make the screen show something else than what is
 * there, is shown in a visible form instead: ESC as \x1b, a right-to-left override as \u202e, a byte that is no UTF-8 as \xff.
 */

/** Makes untrusted text safe to print inside one line: line breaks and tabs are shown too. */
export function escapeInline(text: string): string {
  return text.replace(UNSAFE, show);
}

/** A JSON document on one line that no terminal obeys: what would be shown above is an escape of JSON's own here, so a parser reads the same value. */
export function escapeJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}

/** Makes untrusted text safe to print as lines: it is cut at line feeds, tabs become spaces, all else as in escapeInline. */
export function escapeLines(text: string): string[] {
  return text.split('\n').map((line) => line.split('\t').map(escapeInline).reduce(appendAtTabStop));
}

/** Reads untrusted bytes as UTF-8; bytes that are none are shown. The result is still to be escaped. */
export function decodeBytes(bytes: Uint8Array): string {
  const binary = Buffer.from(bytes).toString('latin1');
  return binary.replace(UTF8_OR_BYTE, (part, other: string | undefined) =>
    other === undefined ? Buffer.from(part, 'latin1').toString('utf8') : hex2(other.charCodeAt(0)),
  );
}

/**
 * Controls (C0, C1, DEL), format and invisible characters (bidirectional, zero-width, tags, variation selectors, fillers), line and paragraph
 * separators, halves of surrogate pairs, private and unassigned code points; and combining marks that stand at the start of a line or more than
 * two deep, with which text climbs over its neighbours.
 */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|^\p{M}|(?<=\p{M}{2})\p{M}/gu;

/** Well-formed UTF-8 as RFC 3629 has it (no overlong forms, no surrogates), seen as Latin-1; anything else, byte by byte, is the group. */
const UTF8_OR_BYTE =
  /(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})+|([\x80-\xff])/g;

const TAB_STOP = 8;

function show(character: string): string {
  const shown = SHORT.get(character);
  if (shown !== undefined) return shown;
  const codePoint = character.codePointAt(0) ?? 0;
  if (codePoint <= 0xff) return hex2(codePoint);
  const digits = codePoint.toString(16);
  return codePoint <= 0xffff ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`;
}

const SHORT = new Map([
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);

function hex2(code: number): string {
  return `\\x${code.toString(16).padStart(2, '0')}`;
}

function appendAtTabStop(line: string, next: string): string {
  return line + ' '.repeat(TAB_STOP - (line.length % TAB_STOP)) + next;
}
