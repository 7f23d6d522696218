import { spawnSync } from 'node:child_process';
import { readFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { AuditLog } from '../../executor/agent/audit/log.ts';
import { CATALOGUE } from '../../executor/agent/catalogue.ts';
import { serveLine, type Serving } from '../../executor/agent/session/serve.ts';
import { Answer, CONTRACTS, isGuestPath, isWithin, type ActionName } from '../../executor/protocol/index.ts';
import { makeGrant, makeSandbox, type TestSandbox } from '../../executor/testing/sandbox.ts';

/*
 * Ten thousand paths that somebody means harm with, through everything a request goes through: parsing, grant, catalogue, the walk, the
 * action. Whatever the path, what is answered was granted; the secret is never told, and nothing is written anywhere but where uploads go.
 */
const PATHS = 10_000;
const SECRET = 'the-secret-that-nobody-may-read';
vi.setConfig({ testTimeout: 240_000 });

let sandbox: TestSandbox;
let serving: Serving;
beforeAll(() => {
  sandbox = makeSandbox();
  const at = (path: string): string => join(sandbox.folder, path);
  writeFileSync(at('etc/secret'), SECRET);
  writeFileSync(at('work/job/a'), 'harmless');
  mkdirSync(at('work/job/folder'));
  writeFileSync(at('work/job/folder/b'), 'harmless');
  symlinkSync('../../etc', at('work/job/link'));
  symlinkSync('/etc', at('work/job/absolute'));
  symlinkSync('../../etc/secret', at('work/job/secret'));
  symlinkSync('..', at('work/job/up'));
  symlinkSync('../../etc', at('work/in/link'));
  linkSync(at('etc/secret'), at('work/job/second'));
  const paths = { paths: ['/work/job/'] };
  const actions = [
    { action: 'put_file' as const, limits: { paths: ['/work/in/'], max_bytes: 1024 } },
    { action: 'list_files' as const, limits: paths },
    { action: 'get_file' as const, limits: { ...paths, max_bytes: 1024 } },
    { action: 'read_file' as const, limits: { ...paths, max_bytes: 1024 } },
    { action: 'tail_log' as const, limits: { ...paths, max_lines: 10 } },
    { action: 'inspect_file' as const, limits: { ...paths, max_bytes: 1024 } },
  ];
  const log = new AuditLog({ write: () => Promise.resolve(), [Symbol.dispose]: () => undefined }, sandbox.guest.now);
  const context = { guest: sandbox.guest, endsAt: 0, signal: new AbortController().signal };
  serving = { grant: makeGrant({ actions }), catalogue: CATALOGUE, log, context, lastId: 0, answered: 0 };
});
afterAll(() => {
  sandbox[Symbol.dispose]();
});

/** What else each action takes; `content` of an upload is one byte. */
const ARGS = {
  put_file: { content_base64: 'eA==', sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881' },
  list_files: { max_entries: 10_000 },
  get_file: { offset: 0, length: 1024 },
  read_file: { max_bytes: 1024 },
  tail_log: { lines: 10 },
  inspect_file: { max_bytes: 1024, max_strings: 100, min_chars: 4 },
} as const satisfies Partial<Record<ActionName, object>>;

/** Names that exist, names that lead out, and every way to write them otherwise. */
const name = fc.constantFrom(
  'work',
  'job',
  'in',
  'etc',
  'secret',
  'a',
  'folder',
  'b',
  'link',
  'absolute',
  'second',
  'up',
  'proc',
  'self',
  'root',
);
const odd = fc.constantFrom(
  ...[
    '..',
    '.',
    '',
    ' ',
    '~',
    '...',
    '.. ',
    '..;',
    '..\\',
    '\\',
    '*',
    '$HOME',
    '%2e%2e',
    '%2f',
    '%00',
    '\\u002e\\u002e',
  ],
  // NUL, newline, other controls; sent as JSON escapes.
  ...['\\u0000', 'a\\u0000', '..\\u0000', '\\n', '\\r', '\\u001b[2J', '\\u007f', '\\u0085'],
  // Look-alikes and bidi: full-width dots and slashes, Cyrillic twins, right-to-left override, zero width, combining and decomposed forms.
  ...[
    '．．',
    '／',
    '․․',
    '‥',
    'jоb',
    'ѡork',
    '\\u202ecte',
    '\\u200b',
    '\\u2066',
    '\\ufeff',
    'e\\u0301',
    '\\u00e9',
    '\\ud800',
    '\\udc00x',
  ],
);
const overlong = fc.constantFrom(
  'a'.repeat(256),
  '../'.repeat(2000),
  'a/'.repeat(2100),
  'é'.repeat(200),
  'x'.repeat(5000),
);
/** Bytes that are no UTF-8: cut sequences, overlong encodings of `/` and `.`, a surrogate, beyond U+10FFFF. */
const invalid = fc.constantFrom(
  '\xff',
  '\xc0\xaf',
  '\xe0\x80\xaf',
  '\xc0\xae\xc0\xae',
  '\xed\xa0\x80',
  '\xf4\x90\x80\x80',
  '\xc3',
);
const piece = fc.oneof(
  { weight: 6, arbitrary: name },
  { weight: 4, arbitrary: odd },
  { weight: 1, arbitrary: overlong },
);
const start = fc.constantFrom(
  '/',
  '/',
  '/',
  '//',
  '',
  './',
  '../',
  '/work/job/',
  '/work/job/',
  '/work/job/../',
  '/work/in/',
  '/work/job//',
  '/proc/self/root/',
  'file:///',
  '//work/job/',
);
/** As bytes of a JSON string without its quotes. */
const generated = fc
  .tuple(
    start,
    fc.oneof(fc.array(piece, { maxLength: 2 }), fc.array(piece, { maxLength: 6 })),
    fc.constantFrom('', '', '/', '/.', '//'),
    fc.option(invalid, { freq: 9 }),
  )
  .map(([before, pieces, after, bytes]) =>
    Buffer.concat([
      Buffer.from(`${before}${pieces.join('/')}${after}`.replaceAll('"', '')),
      Buffer.from(bytes ?? '', 'latin1'),
    ]),
  );
/** The traps that were laid, by their plain names, and what leads there in one step. */
const known = fc.constantFrom(
  ...[
    'a',
    'folder/b',
    'secret',
    'link/secret',
    'absolute/secret',
    'second',
    'up/../etc/secret',
    '../../etc/secret',
  ].map((text) => Buffer.from(`/work/job/${text}`)),
);
const path = fc.oneof({ weight: 9, arbitrary: generated }, { weight: 1, arbitrary: known });

let id = 0;
function lineOf(action: keyof typeof ARGS, place: Buffer): Buffer {
  const rest = JSON.stringify(ARGS[action]).slice(1);
  const [before, after] = [`{"id":${++id},"task_id":"task-1","action":"${action}","args":{"path":"`, `",${rest}}`];
  return Buffer.concat([Buffer.from(before), place, Buffer.from(after)]);
}

/** Everything below the sandbox's folder but what is below the folder of uploads, as find(1) sees it, following nothing. */
function census(): string {
  const what = ['-not', '-path', '*/work/in*', '-printf', '%P %y %m %s %T@ %l\n'];
  const { stdout, status } = spawnSync('/usr/bin/find', ['-P', sandbox.folder, ...what], { env: {}, encoding: 'utf8' });
  expect(status).toBe(0);
  return stdout.split('\n').sort().join('\n');
}

describe('ten thousand paths', () => {
  test('tell no secret, write nowhere else, and what is answered was granted', async () => {
    const before = census();
    const outcomes = new Map<string, number>();
    const property = fc.asyncProperty(
      fc.constantFrom(...(Object.keys(ARGS) as (keyof typeof ARGS)[])),
      path,
      async (action, place) => {
        const bytes = lineOf(action, place);
        const answerLine = (await serveLine({ bytes, complete: true }, serving)).toString();
        expect(answerLine).not.toContain(SECRET);
        expect(Buffer.from(answerLine).toString('latin1')).not.toContain(Buffer.from(SECRET).toString('base64'));
        const answer = Answer.parse(JSON.parse(answerLine));
        const outcome = answer.status === 'ok' ? 'ok' : answer.error.code;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        if (answer.status === 'refused') return;
        // It was carried out, or tried: then the text had one reading, and lies under what was granted.
        const { args } = JSON.parse(bytes.toString()) as { args: { path: string } };
        expect(
          isGuestPath(args.path) && isWithin(args.path, [action === 'put_file' ? '/work/in/' : '/work/job/']),
        ).toBe(true);
      },
    );
    await fc.assert(property, { numRuns: PATHS });
    expect(census()).toBe(before);
    // The attack reached every layer: parsing, schema, grant, walk; and honest paths got through.
    for (const outcome of [
      'LINE_MALFORMED',
      'REQUEST_INVALID',
      'PATH_NOT_GRANTED',
      'IS_A_LINK',
      'NOT_FOUND',
      'HAS_OTHER_NAMES',
      'ok',
    ])
      expect(outcomes.get(outcome), outcome).toBeGreaterThan(0);
  });

  test('control: a reader that joins and opens tells the secret, many times', () => {
    let told = 0;
    for (const place of fc.sample(path, PATHS)) {
      try {
        const text = JSON.parse(`"${place.toString()}"`) as string;
        if (text.startsWith('/work/job') && readFileSync(join(sandbox.folder, text), 'utf8').includes(SECRET)) told++;
      } catch {
        // No such file, or no text.
      }
    }
    expect(told).toBeGreaterThan(10);
  });

  test('every action that takes a path is among those tried', () => {
    const withPath = Object.entries(CONTRACTS).filter(([, { args }]) => 'path' in args.shape);
    expect(withPath.map(([action]) => action).sort()).toEqual(Object.keys(ARGS).sort());
  });
});
