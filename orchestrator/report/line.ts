import { displayWidth, truncate } from '../terminal/index.ts';

/** A line in parts; the text is escaped already. */
export type StyledLine = readonly { readonly text: string; readonly style: Style }[];
export type Style = 'plain' | 'dim' | 'red' | 'bold';

/** Puts a line's parts together, cut to so many columns, with colours or without. */
export function styled(line: StyledLine, width: number, color: boolean): string {
  let left = width;
  let text = '';
  for (const part of line) {
    const kept = truncate(part.text, left);
    text += color && part.style !== 'plain' && kept !== '' ? `${CODES[part.style]}${kept}\u001b[0m` : kept;
    left -= displayWidth(kept);
    if (kept !== part.text) break;
  }
  return text;
}

/** Select Graphic Rendition (ECMA-48): the only escape sequences this program ever sends about a sandbox. */
const CODES = { bold: '\u001b[1m', dim: '\u001b[2m', red: '\u001b[31m' } as const;
