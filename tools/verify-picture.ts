import { execFileSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyFile, layOut, readCases, TSA_CA } from '../test/support/vectors.ts';
import { ROOT } from './programs.ts';

/** Where the picture lies. */
export const PICTURE = join(ROOT, 'docs', 'images', 'verify.svg');

/** What is shown of a line; digests end in an ellipsis. */
const COLUMNS = 112;
const LINE_PX = 19;
const CHARACTER_PX = 8.4;
const MARGIN_PX = 18;

/**
 * `npm run picture`: docs/images/verify.svg, the terminal of the README, from what `burnbag verify` really prints: the bundle of test/vectors, and
 * the same with one byte of its audit log changed.
 */
export async function makePicture(): Promise<number> {
  await mkdir(join(PICTURE, '..'), { recursive: true });
  await writeFile(PICTURE, await drawPicture());
  console.log('docs/images/verify.svg');
  return 0;
}

/** The picture as it is now; another run of it differs in milliseconds only. */
export async function drawPicture(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'burnbag-picture-'));
  try {
    const [good, bad] = await Promise.all([
      verify(folder, 'evidence', undefined),
      verify(folder, 'tampered', 'one-byte'),
    ]);
    return svg([...good, '', ...bad]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function verify(folder: string, name: string, caseName: string | undefined): Promise<readonly string[]> {
  const one = (await readCases()).find((candidate) => candidate.name === caseName);
  await using laid = await layOut(one);
  await cp(laid.dir, join(folder, name), { recursive: true });
  const keys = ['--evidence-key', keyFile('evidence'), '--receipt-key', keyFile('receipt'), '--tsa-ca', TSA_CA];
  const args = ['verify', name, ...keys];
  return [`$ burnbag verify ${name}`, ...run(folder, args).trimEnd().split('\n')];
}

/** Evidence that does not verify is an exit code of its own, and what we want to see. */
function run(cwd: string, args: readonly string[]): string {
  const options: ExecFileSyncOptionsWithStringEncoding = {
    cwd,
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, COLUMNS: String(COLUMNS) },
  };
  try {
    return execFileSync(join(ROOT, 'burnbag'), args, options);
  } catch (error) {
    if (error instanceof Error && 'stdout' in error && typeof error.stdout === 'string' && error.stdout !== '')
      return error.stdout;
    throw error;
  }
}

function svg(lines: readonly string[]): string {
  const width = Math.ceil(COLUMNS * CHARACTER_PX + 2 * MARGIN_PX);
  const height = lines.length * LINE_PX + 2 * MARGIN_PX;
  const rows = lines.map((line, at) => {
    const y = MARGIN_PX + (at + 0.8) * LINE_PX;
    return `<text x="${MARGIN_PX}" y="${y.toFixed(0)}" fill="${colour(line)}" xml:space="preserve">${escapeXml(cut(line))}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="burnbag verify accepts a bundle, and refuses one in which a byte was changed">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#11151c"/>`,
    '<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">',
    ...rows,
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/^\$ /, '#ffffff'],
  [/^ {2}✘|^REFUSED|^ {2}first thing wrong|^ {2}expected/, '#ff6b6b'],
  [/^verified/, '#5fd38d'],
  [/^ {2}✔/, '#b8e3c8'],
  [/^ {2}·/, '#5c6675'],
];

function colour(line: string): string {
  return COLOURS.find(([form]) => form.test(line))?.[1] ?? '#aab4c3';
}

function cut(line: string): string {
  return line.length <= COLUMNS ? line : `${line.slice(0, COLUMNS - 1)}…`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
