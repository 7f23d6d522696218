import { setTimeout as sleep } from 'node:timers/promises';
import type { ConcreteId } from '../../driver.ts';
import { DriverError } from '../../error.ts';
import { refuseForeign } from '../account.ts';
import { codeOf, isNotFound, translateAws } from '../api/errors.ts';
import { isExpected } from '../ids.ts';
import type { Parts } from '../parts.ts';
import { findById, type Kind, type Seen } from './kind.ts';
import { kindOf } from './kinds.ts';
import { machinesOf, refuseElsewhere } from './look.ts';

/**
 * Deletes one id by AWS's own API and waits until AWS says that it is gone. Says how, or undefined where it was gone already. What does not
 * carry this account's, installation's and run's marks is left untouched, and that is an error: a manifest is data.
 */
export async function removeFromAws(parts: Parts, runId: string, id: ConcreteId): Promise<string | undefined> {
  const kind = kindOf(id.kind);
  if (kind === undefined) throw new TypeError(`expected a kind that lives in AWS, got ${id.kind}`);
  refuseElsewhere(parts, id);
  await parts.checkAccount();
  if (isExpected(id)) return removeAnyMachine(parts, runId, kind);
  const seen = await findById(kind, parts.clients.ec2, id.id);
  return seen?.exists === true ? removeSeen(parts, runId, kind, seen) : undefined;
}

/** Every machine with the run's tags. Where none was ever shown, one may still come: see burn.ts. */
async function removeAnyMachine(parts: Parts, runId: string, kind: Kind): Promise<string | undefined> {
  const alive = (await machinesOf(parts, runId)).filter(({ exists }) => exists);
  const how = await Promise.all(alive.map((machine) => removeSeen(parts, runId, kind, machine)));
  return how[0];
}

/** Asked to go again and again: what holds it may be on its way out, and an answer may be lost. */
async function removeSeen(parts: Parts, runId: string, kind: Kind, seen: Seen): Promise<string> {
  const { clients, options, waits } = parts;
  refuseForeign(options, runId, seen);
  const until = performance.now() + waits.goneMs;
  for (let [tries, holder] = [0, 'nothing']; ; tries += 1) {
    // Told again every so often only: the first order stands unless something held it.
    if (tries === 0 || holder !== 'nothing') holder = await order(kind, parts, seen.id);
    const now = await findById(kind, clients.ec2, seen.id);
    if (now?.exists !== true) return kind.removal;
    if (performance.now() > until) throw notGone(kind, now, holder, waits.goneMs);
    await sleep(waits.pollMs);
  }
}

/** Gives the order. Returns what held it up: something that uses the thing, or an answer that did not come; then it is given again. */
async function order(kind: Kind, { clients }: Parts, id: string): Promise<string> {
  try {
    await kind.remove(clients.ec2, id);
    return 'nothing';
  } catch (error) {
    if (isNotFound(error)) return 'nothing';
    const code = codeOf(error);
    if (IN_USE.has(code)) return code;
    const translated = translateAws(error, `${kind.removal} of ${id}`);
    if (translated.retryable) return translated.code;
    throw translated;
  }
}

/** What is said of a thing that another one still holds. */
const IN_USE: ReadonlySet<string> = new Set([
  'DependencyViolation',
  'VolumeInUse',
  'InvalidGroup.InUse',
  'InvalidNetworkInterface.InUse',
  'InvalidParameterValue',
  'InvalidSnapshot.InUse',
  'InvalidIPAddress.InUse',
  'IncorrectState',
]);

function notGone({ kind }: Kind, { id, state }: Seen, holder: string, waitedMs: number): DriverError {
  return new DriverError('not_deleted', {
    expected: `${kind} ${id} to be gone within ${waitedMs / 1000} s`,
    got: `${state}${holder === 'nothing' ? '' : `, held up by ${holder}`}`,
    hint: 'the run stays quarantined and is tried again; look at it in the EC2 console',
  });
}
