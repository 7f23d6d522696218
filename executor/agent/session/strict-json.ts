/** What a strict reading gives: the value, or what was expected and what came. */
export type StrictJson = { ok: true; value: unknown } | { ok: false; expected: string; got: string };

/** Deeper than any request or grant. */
const DEPTH_MAX = 8;

/** Longest member name worth looking at. */
const NAME_MAX_CHARS = 128;

/** Members and elements in one request: a script's arguments and some room. */
const VALUES_MAX = 256;

/**
 * Parses JSON that has one reading only. JSON.parse decides what is JSON; before it, one pass over the text refuses what JSON.parse
 * would take silently (a member twice, `__proto__`) and what would make it expensive (depth, number of values). The pass need not
 * understand malformed text: whatever it lets through, JSON.parse still has to accept.
 */
export function parseStrictJson(text: string, { valuesMax = VALUES_MAX } = {}): StrictJson {
  const complaint = scan(text, valuesMax);
  if (complaint !== undefined) return { ok: false, ...complaint };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, expected: 'one JSON value on a line', got: 'text that is not JSON' };
  }
}

interface Complaint {
  expected: string;
  got: string;
}

/** An open object knows its member names so far; an open array has none. */
interface Open {
  names: Set<string> | undefined;
  nameIsNext: boolean;
}

function scan(text: string, valuesMax: number): Complaint | undefined {
  const open: Open[] = [];
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const inner = open.at(-1);
    switch (text.charAt(at)) {
      case '"': {
        const end = endOfString(text, at);
        if (inner?.names !== undefined && inner.nameIsNext) {
          const complaint = checkName(text.slice(at, end + 1), inner.names);
          if (complaint !== undefined) return complaint;
          inner.nameIsNext = false;
        }
        at = end;
        break;
      }
      case '{':
      case '[':
        open.push({ names: text[at] === '{' ? new Set() : undefined, nameIsNext: true });
        if (open.length > DEPTH_MAX) return { expected: `at most ${DEPTH_MAX} levels`, got: 'more' };
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case ',':
        values++;
        if (values > valuesMax) return { expected: `at most ${valuesMax} values`, got: 'more' };
        if (inner !== undefined) inner.nameIsNext = true;
        break;
    }
  }
  return undefined;
}

/** Where the string that begins at `start` ends; the end of the text if it does not. Long strings cost one search. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text[quote - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return quote;
  }
  return text.length;
}

/** Names are compared as they will be read: `"\u0061"` is `"a"`. */
function checkName(literal: string, names: Set<string>): Complaint | undefined {
  if (literal.length > NAME_MAX_CHARS)
    return { expected: 'short member names', got: `one of ${literal.length} characters` };
  const name = decode(literal);
  if (name === undefined) return { expected: 'one JSON value on a line', got: 'text that is not JSON' };
  if (name === '__proto__') return { expected: 'plain member names', got: '__proto__' };
  if (names.has(name)) return { expected: 'each member once', got: `${literal} twice` };
  names.add(name);
  return undefined;
}

function decode(literal: string): string | undefined {
  try {
    return String(JSON.parse(literal));
  } catch {
    return undefined;
  }
}
