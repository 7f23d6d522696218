import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { ActionArgs } from '../../protocol/action.ts';
import type { ActionResult } from '../../protocol/answer.ts';
import type { Context } from '../action.ts';
import { ActionFailure } from '../failure.ts';
import { openFile } from '../files/open.ts';
import { readPart } from '../files/read-part.ts';
import { ByteCounter } from '../inspect/entropy.ts';
import { HEAD_BYTES, kindOf } from '../inspect/magic.ts';
import { StringFinder } from '../inspect/strings.ts';

/** Bytes that are looked at between two looks at the session: a fraction of a second under emulation. */
const PART_BYTES = 256 * 1024;

/** Tells what a file is, from one reading of it through one handle. Nothing in it is executed, unpacked or interpreted. */
export async function run(
  { path, max_bytes: maxBytes, max_strings: maxStrings, min_chars: minChars }: ActionArgs<'inspect_file'>,
  { guest, signal }: Context,
): Promise<ActionResult<'inspect_file'>> {
  using file = openFile(guest.root, path);
  const { size, mode, uid, mtimeMs } = file.stat();
  if (size > maxBytes) throw tooLarge(maxBytes, size);
  const hashes = { md5: createHash('md5'), sha1: createHash('sha1'), sha256: createHash('sha256') };
  const [strings, counter] = [new StringFinder(maxStrings, minChars), new ByteCounter()];
  let head = Buffer.alloc(0);
  for (;;) {
    const part = readPart(file, counter.bytes, PART_BYTES);
    if (counter.bytes === 0) head = Buffer.from(part.subarray(0, HEAD_BYTES));
    for (const hash of Object.values(hashes)) hash.update(part);
    strings.add(part);
    counter.add(part);
    if (part.length < PART_BYTES) break;
    // A file that grows while it is read is not followed beyond what was asked.
    if (counter.bytes > maxBytes) throw tooLarge(maxBytes, counter.bytes);
    await turn();
    signal.throwIfAborted();
  }
  strings.finish();
  const found = strings.found;
  return {
    ...kindOf(head),
    ...{ bytes: counter.bytes, uid, modified_ms: Math.trunc(mtimeMs) },
    mode: (mode & 0o7777).toString(8).padStart(4, '0'),
    md5: hashes.md5.digest('hex'),
    sha1: hashes.sha1.digest('hex'),
    sha256: hashes.sha256.digest('hex'),
    entropy_millibits: counter.millibits,
    strings: found,
    strings_total: strings.total,
  };
}

function tooLarge(maxBytes: number, got: number): ActionFailure {
  const hint = 'what is told is of the whole file or not at all: ask for more bytes, or fetch parts with get_file';
  return new ActionFailure('TOO_LARGE', { expected: `at most ${maxBytes} bytes`, got: String(got), hint });
}
