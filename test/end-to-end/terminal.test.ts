import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { burnbag, type Ended } from '../support/burnbag.ts';
import { leftovers } from '../support/census.ts';
import { makeTestHome, type TestHome } from '../support/home.ts';

/*
 * What a sandbox prints, names and runs can never drive the user's terminal. The script attacks by its output, by file names, by arguments
 * and by its own name; it is detonated under a pseudo-terminal, where a user would look, and shown again where there is none.
 */
const LIMIT_MS = 300_000;
vi.setConfig({ testTimeout: LIMIT_MS, hookTimeout: LIMIT_MS });

/** printf(1) writes each: clear screen, blink, a title, a clipboard write, a C1 sequence, a device string, a bell, overwriting, bidirectional text. */
const ATTACK = String.raw`\033[2J\033[5mblink\033]0;owned\007\033]52;c;YQ==\007\302\2335m\033P+q544e\033\134\007over\rwritten\b\b\342\200\256txt.exe\342\201\246`;
const SCRIPT = `#!/bin/sh
printf '${ATTACK}\\n'
printf '${ATTACK}\\n' >&2
touch "$(printf 'name${ATTACK}')"
echo "$(printf 'argument${ATTACK}')" >/dev/null
/bin/busybox echo "$(printf 'argument${ATTACK}')"
exit 0
`;
const SCRIPT_NAME = 'evil\u001b[5m\u202e.sh';

/** Where a terminal, or a reader, would be led astray: everything but the line feed, and letters. */
const DANGEROUS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

const hasPseudoTerminal = spawnSync('script', ['--version'], { stdio: 'ignore' }).status === 0;

let place: TestHome;
let detonated: Ended;
let runId: string;
beforeAll(async () => {
  place = await makeTestHome();
  await place.write(SCRIPT_NAME, SCRIPT);
  const terminal = await place.write('terminal.sh', '#!/bin/sh\nexec script -qec "$*" /dev/null\n');
  detonated = await burnbag(place, ['detonate', SCRIPT_NAME], hasPseudoTerminal ? { through: [terminal] } : {});
  [runId = ''] = await readdir(join(place.home, 'runs'));
});
afterAll(() => place[Symbol.asyncDispose]());

describe.skipIf(!hasPseudoTerminal)('in a terminal', () => {
  test('only our own lines, colours and redraws are sent', () => {
    expect(detonated.exitCode).toBe(0);
    expect(detonated.stdout).toContain('\u001b[K');
    expect(withoutOurs(detonated.stdout).match(DANGEROUS)).toBeNull();
  });

  test('what was attacked with is shown', () => {
    expect(detonated.stdout).toContain(String.raw`\x1b[2J\x1b[5mblink\x1b]0;owned\x07`);
    expect(detonated.stdout).toContain(String.raw`evil\x1b[5m\u202e.sh`);
  });
});

describe('where there is no terminal', () => {
  test.each(['runs', 'show RUN', 'logs RUN executor', 'logs RUN relay', 'logs RUN audit', 'logs RUN console'])(
    '%s sends no control character at all',
    async (command) => {
      const args = command.split(' ').map((word) => (word === 'RUN' ? runId : word));
      const { exitCode, stdout, stderr } = await burnbag(place, args);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout.match(DANGEROUS)).toBeNull();
    },
  );

  test('show tells what was printed, named and run, each made visible', async () => {
    const { stdout } = await burnbag(place, ['show', runId]);
    expect(stdout).toContain(String.raw`\x1b]52;c;YQ==\x07`);
    expect(stdout).toContain(String.raw`/work/job/name\x1b[2J`);
    expect(stdout).toContain(String.raw`argument\x1b[2J`);
    expect(stdout).toContain(String.raw`\u202etxt.exe\u2066`);
  });

  test('JSON escapes it in its own way, and means what was printed', async () => {
    const { stdout } = await burnbag(place, ['show', runId, '--json']);
    expect(stdout.match(DANGEROUS)).toBeNull();
    expect(JSON.stringify(JSON.parse(stdout))).toContain(String.raw`\u001b[2J`);
    expect(JSON.stringify(JSON.parse(stdout))).toContain('\u202etxt.exe\u2066');
  });

  test('nothing is left', async () => {
    expect(await leftovers(place)).toEqual([]);
  });
});

/** Takes out what we send to a terminal ourselves: line ends, redraws, three colours and their end. */
function withoutOurs(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(/\r\u001b\[K|\u001b\[(?:0|1|2|31)m/g, '');
}
