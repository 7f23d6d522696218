import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSecrets } from '../../../infra/engine/state/secrets.ts';
import { RawLanguage } from './raw-program.ts';
import { live } from './recovery-life.ts';
import { lifeSpec } from './recovery-spec.ts';
import type { Ground } from './recovery-world.ts';

/** How many random lives of a stack are lived, and what they are drawn from: a failure names its seed. */
const CASES = Number(process.env['ENGINE_RECOVERY_CASES'] ?? 2_000);
const SEED = Number(process.env['ENGINE_RECOVERY_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
/** Lives that go on side by side, as they do in the product. */
const SIDE_BY_SIDE = 16;
/** How long a life that went wrong is made smaller before it is told. */
const SHRINK_MS = 30_000;
/** The dead process's writes are what the kernel has, synced or not; so memory will do for a disk, and thousands of lives wait for none. */
const DISKS = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

let ground: Ground;
let language: RawLanguage;
beforeAll(async () => {
  const folder = mkdtempSync(join(DISKS, 'engine-recovery-'));
  const passphrase = 'x';
  const { providers } = await createSecrets(passphrase);
  const settings = join(folder, 'settings.yaml');
  writeFileSync(settings, `encryptionsalt: ${providers.state?.salt ?? ''}\n`);
  writeFileSync(join(folder, 'Pulumi.yaml'), 'name: bb\nruntime: nodejs\n');
  ground = { folder, settings, passphrase };
  language = await RawLanguage.start();
});
afterAll(() => {
  language[Symbol.dispose]();
  rmSync(ground.folder, { recursive: true });
});

it(
  `property: after each of ${CASES} random lives with failures and kills, a destroy leaves the provider empty and the state without resources`,
  async () => {
    const waiting = [...fc.sample(lifeSpec, { numRuns: CASES, seed: SEED }).entries()];
    const wrong: (readonly [at: number, error: unknown])[] = [];
    let lived = 0;
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && wrong.length === 0; next = waiting.shift()) {
        const [at, spec] = next;
        await live(ground, language, `s${at}`, spec).catch((error: unknown) => wrong.push([at, error]));
        lived += 1;
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, work));
    for (const [at, error] of wrong) await explain(at, error);
    expect(lived).toBe(CASES);
  },
  60_000 + CASES * 500,
);

/** Lives a life that went wrong again, alone, and throws the smallest that still does, with what replays it. */
async function explain(at: number, error: unknown): Promise<never> {
  let again = 0;
  const property = fc.asyncProperty(lifeSpec, async (spec) => live(ground, language, `again${(again += 1)}`, spec));
  await fc.assert(property, { seed: SEED, path: String(at), numRuns: 1, interruptAfterTimeLimit: SHRINK_MS });
  throw new Error(`life ${at} of ENGINE_RECOVERY_SEED=${SEED} went wrong, but not again when it was alone`, {
    cause: error,
  });
}
