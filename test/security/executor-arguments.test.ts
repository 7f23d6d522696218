import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ActionName, type Answer, AuditRecord, CONTRACTS, INPUT_FOLDER } from '../../executor/protocol/index.ts';
import type { Session } from '../../orchestrator/relay/index.ts';
import { TASK_ID } from '../support/login.ts';
import { minted, open } from '../support/ssh/relay-side.ts';
import { startTarget, type Target } from '../support/ssh/target.ts';

/*
 * Every argument of every action, in the real image, by turns something that a shell, an option parser, a template, SQL or a path walk would
 * fall for. The grant allows all that can be granted, so that only parsing, catalogue and executor stand in the way. What ran is read from the
 * executor's own records; what a value did would be a file named `pwned`, looked for by root.
 */
vi.setConfig({ testTimeout: 400_000, hookTimeout: 200_000 });
const sha256Of = (content: string): string => createHash('sha256').update(content).digest('hex');
/** Tells its arguments, each ended by NUL, as no argument can hold one. */
const ECHO = '#!/bin/bash\nfor argument; do printf \'%s\\0\' "$argument"; done\n';
const ABSENT = 'a'.repeat(64);

const HOSTILE: readonly string[] = [
  '$(touch /tmp/pwned)',
  '`touch /tmp/pwned`',
  '; touch /tmp/pwned;',
  '| touch pwned',
  '&& touch pwned',
  '\ntouch /tmp/pwned\n',
  '>/work/job/pwned',
  '--help',
  '-e touch /tmp/pwned',
  '--',
  '-',
  '~root',
  '*',
  '{sha256}',
  '{args}',
  '${IFS}',
  '$&',
  '%s%n%s',
  "'; VACUUM INTO '/tmp/pwned'; --",
  '../../etc/shadow',
  '/etc/shadow',
  '/proc/self/environ',
  'spawner',
  'sshd',
  '\u202egnp.sh',
  '\u001b[2J',
  '',
  ' ',
  'x'.repeat(4096),
];
/** No text at all: what stands where a text, a number or a truth value belongs. */
const ODD: readonly unknown[] = [null, true, -1, 0.5, 1e308, '1', [], {}, ['/etc/shadow'], { path: '/etc/shadow' }];

/** Arguments that are good, one of which at a time is replaced. */
const GOOD: { readonly [Name in ActionName]: Readonly<Record<string, unknown>> } = {
  put_file: { path: `${INPUT_FOLDER}good`, content_base64: 'eA==', sha256: sha256Of('x') },
  run_script: { sha256: sha256Of(ECHO), args: [], timeout_seconds: 30 },
  run_migration: { database_sha256: ABSENT, migration_sha256: ABSENT, dry_run: true, timeout_seconds: 5 },
  restart_service: { unit: 'syslogd' },
  list_files: { path: '/work/job', max_entries: 10 },
  get_file: { path: '/work/job/x', offset: 0, length: 10 },
  read_file: { path: '/work/job/x', max_bytes: 10 },
  tail_log: { path: '/work/job/x', lines: 10 },
  inspect_file: { path: '/work/job/x', max_bytes: 10, max_strings: 1, min_chars: 4 },
  check_health: {},
  list_processes: {},
  list_sockets: {},
};
const [paths, sha256] = [
  ['/work/', '/tmp/'],
  [sha256Of(ECHO), ABSENT],
];
const LIMITS = {
  put_file: { paths: [INPUT_FOLDER], max_bytes: 4096 },
  run_script: { sha256, max_seconds: 60 },
  run_migration: { sha256, max_seconds: 60 },
  restart_service: { units: ['auditd', 'syslogd'] },
  list_files: { paths },
  get_file: { paths, max_bytes: 4096 },
  read_file: { paths, max_bytes: 4096 },
  tail_log: { paths: ['/work/job/'], max_lines: 100 },
  inspect_file: { paths, max_bytes: 4096 },
  ...{ check_health: {}, list_processes: {}, list_sockets: {} },
};

let target: Target;
let session: Session;
let id = 0;
beforeAll(async () => {
  target = await startTarget();
  const actions = Object.entries(LIMITS).map(([action, limits]) => ({ action, limits })) as never;
  session = await open(target, await minted(target, { actions, ttlSeconds: 1800 }));
  const content_base64 = Buffer.from(ECHO).toString('base64');
  const put = { path: `${INPUT_FOLDER}${sha256Of(ECHO)}`, content_base64, sha256: sha256Of(ECHO) };
  expect(await ask('put_file', put)).toMatchObject({ status: 'ok' });
});
afterAll(async () => {
  await session.close();
  await target[Symbol.asyncDispose]();
});

function ask(action: string, args: unknown): Promise<Answer> {
  return session.request({ id: ++id, task_id: TASK_ID, action, args } as never, { timeoutMs: 120_000 });
}

/** Everything that may stand for one argument: the hostile texts, the same as the end of a path that is granted, and what is no text. */
const valuesOf = (good: unknown): readonly unknown[] =>
  typeof good === 'string' && good.startsWith('/')
    ? [...HOSTILE, ...HOSTILE.map((text) => `${good.slice(0, good.lastIndexOf('/') + 1)}${text}`), ...ODD]
    : [...HOSTILE, ...ODD.filter((odd) => JSON.stringify(odd) !== JSON.stringify(good))];

describe('a hostile value', () => {
  test.each(Object.keys(CONTRACTS) as ActionName[])(
    'as any argument of %s is refused, not found, or no more than a name',
    async (action) => {
      const good = GOOD[action];
      const cases = Object.keys(good).flatMap((key) => valuesOf(good[key]).map((value) => ({ ...good, [key]: value })));
      cases.push(...HOSTILE.slice(0, 3).map((text) => ({ ...good, [text]: text })));
      for (const args of cases) {
        const answer = await ask(action, args);
        if (answer.status !== 'ok') expect(CODES, JSON.stringify(args)).toContain(answer.error.code);
        else expect(isHarmless(action, args, answer), JSON.stringify([args, answer])).toBe(true);
      }
    },
  );

  test('as argument of a script arrives as it is, and as one', async () => {
    const args = HOSTILE.filter((text) => text.length <= 4096);
    const answer = await ask('run_script', { ...GOOD.run_script, args });
    if (answer.status !== 'ok' || answer.action !== 'run_script') throw new Error(JSON.stringify(answer));
    const { data, encoding } = answer.result.stdout;
    expect(Buffer.from(data, encoding).toString().split('\0').slice(0, -1)).toEqual(args);
  });

  test('started no program but those of the catalogue, with no other arguments, and left no mark', async () => {
    const records = (await target.executorLog())
      .trimEnd()
      .split('\n')
      .map((line) => AuditRecord.parse(JSON.parse(line)));
    const started = records.flatMap((record) => ('argv' in record && record.argv !== undefined ? [record.argv] : []));
    const known = [[`${INPUT_FOLDER}${sha256Of(ECHO)}`], ['/usr/sbin/auditctl', '-s']].map((argv) =>
      JSON.stringify(argv),
    );
    const others = started.filter((argv) => !known.includes(JSON.stringify(argv)));
    expect([...new Set(others.map((argv) => JSON.stringify(argv.slice(0, 1))))]).toEqual([known[0]]);
    expect(others.every((argv) => argv.slice(1).every((argument) => HOSTILE.includes(argument)))).toBe(true);
    const { output } = await target.guest.root.run(
      'find / -xdev -name pwned; find /work /tmp /run /dev/shm -name pwned',
    );
    expect(output).toBe('');
  });

  test('control: where a shell puts them into a command, those for a shell leave their mark', async () => {
    const marks = '/tmp/pwned /work/job/pwned';
    const forShells = HOSTILE.slice(0, 7);
    const left = [];
    for (const text of forShells) {
      const { output } = await target.guest.root.run(`cd /work/job; rm -f ${marks}; echo ${text}\nls ${marks} 2>&1`);
      if (/^\/(tmp|work\/job)\/pwned$/m.test(output)) left.push(text);
    }
    expect(left).toEqual(forShells);
    await target.guest.root.run(`rm -f ${marks}`);
  });
});

/** How an action may say no. Nothing else may come of it: no crash, no system error by number. */
const CODES = [
  ...[
    'REQUEST_INVALID',
    'ARGUMENT_NOT_GRANTED',
    'LINE_MALFORMED',
    'NOT_FOUND',
    'IS_A_LINK',
    'NOT_A_FILE',
    'NOT_A_FOLDER',
  ],
  ...['DIGEST_MISMATCH', 'PATH_NOT_GRANTED', 'NOT_IN_CATALOGUE'],
];

/** What may be done for such a value: a file gets a name that looks odd, a number is another one. */
function isHarmless(action: ActionName, args: Readonly<Record<string, unknown>>, answer: Answer): boolean {
  if (answer.status !== 'ok') return false;
  if (answer.action === 'put_file') return answer.result.path === args['path'] && answer.result.bytes === 1;
  return action === 'run_script' ? args['timeout_seconds'] === 30 : false;
}
