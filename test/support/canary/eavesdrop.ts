import { ChildProcess } from 'node:child_process';
import crypto from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

/*
 * Loaded before the product (NODE_OPTIONS=--import=…), it hears what the product keeps to itself: which random bytes and key pairs it made, in
 * which file, and with which arguments and environment it started which program. It changes nothing of what they are. One JSON line each goes to
 * the file that BURNBAG_TEST_HEARD names.
 */
const file = process.env['BURNBAG_TEST_HEARD'] ?? '/dev/null';
const tell = (heard: object): void => {
  appendFileSync(file, `${JSON.stringify(heard)}\n`);
};

/** The product's file that called, where it did so itself; frame 0 is this function, 1 what was wrapped. */
function caller(): string | undefined {
  const frame = new Error().stack?.split('\n')[3] ?? '';
  return /\/((?:orchestrator|infra)\/[^:]+\.ts):/.exec(frame)?.[1];
}

const wrapped = crypto as unknown as Record<'randomBytes' | 'generateKeyPairSync', (...args: unknown[]) => unknown>;
const { randomBytes, generateKeyPairSync } = wrapped;
wrapped.randomBytes = (...args) => {
  const bytes = randomBytes(...args);
  const by = caller();
  if (by !== undefined && Buffer.isBuffer(bytes)) tell({ what: 'random', by, hex: bytes.toString('hex') });
  return bytes;
};
wrapped.generateKeyPairSync = (...args) => {
  const pair = generateKeyPairSync(...args) as { readonly privateKey: crypto.KeyObject };
  const by = caller();
  const { d = '' } = by === undefined ? {} : pair.privateKey.export({ format: 'jwk' });
  if (by !== undefined) tell({ what: 'key', by, hex: Buffer.from(d, 'base64url').toString('hex') });
  return pair;
};
syncBuiltinESMExports();

const started = ChildProcess.prototype as unknown as { spawn: (options: Started) => unknown };
interface Started {
  readonly file: string;
  readonly args: readonly string[];
  readonly envPairs: readonly string[];
}
const { spawn } = started;
started.spawn = function (this: ChildProcess, options) {
  const result = spawn.call(this, options);
  tell({ what: 'child', file: options.file, args: options.args, env: options.envPairs });
  return result;
};
