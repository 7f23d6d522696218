import type { Output } from '../../executor/protocol/index.ts';
import { decodeBytes, escapeLines, truncate } from '../terminal/index.ts';

/** Shows what a script printed as lines of text, escaped and cut; says what is not shown. */
export function renderOutput(
  output: Output,
  { width, maxLines }: { readonly width: number; readonly maxLines: number },
): string[] {
  const text = output.encoding === 'utf8' ? output.data : decodeBytes(Buffer.from(output.data, 'base64'));
  const printed = text.split('\n', maxLines + 1);
  if (printed.at(-1) === '') printed.pop();
  const lines = printed
    .slice(0, maxLines)
    .flatMap(escapeLines)
    .map((line) => truncate(line, width));
  const more = printed.length > maxLines || output.truncated;
  return more ? [...lines, truncate(`… ${output.bytes} bytes in all; the rest is in the evidence`, width)] : lines;
}
