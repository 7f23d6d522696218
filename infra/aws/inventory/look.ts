import type { ConcreteId } from '../../driver.ts';
import { DriverError } from '../../error.ts';
import { found, type Look } from '../../host/looks/found.ts';
import { looksForKept } from '../../host/looks/kept.ts';
import { backendOf, isExpected } from '../ids.ts';
import type { Parts } from '../parts.ts';
import { ownTags } from './find.ts';
import { INSTANCES } from './instances.ts';
import { INTERFACES } from './interfaces.ts';
import { findById, type Kind, listByTags, type Seen } from './kind.ts';
import { kindOf } from './kinds.ts';

/**
 * Asks the control plane whether an id still exists; turns differ in the call. Only AWS's own "not found" or "terminated" counts as gone, and
 * "not found" only of what AWS has shown before, or when it had time to: its lists and lookups run behind.
 */
export async function look(parts: Parts, id: ConcreteId, turn = 0): Promise<Look> {
  const kind = kindOf(id.kind);
  if (kind === undefined) return lookOutsideAws(parts, id, turn);
  refuseElsewhere(parts, id);
  if (isExpected(id)) return turn % 2 === 0 ? lookForAnyMachine(parts, id) : lookForAnyInterface(parts, id);
  return turn % 2 === 0 ? lookById(parts, kind, id) : lookByTags(parts, kind, id);
}

/** Which machines a run has, dead or alive, by its tags. */
export function machinesOf({ clients, options }: Parts, runId: string): Promise<readonly Seen[]> {
  return listByTags(INSTANCES, clients.ec2, ownTags(options, runId));
}

async function lookById(parts: Parts, kind: Kind, id: ConcreteId): Promise<Look> {
  const seen = await findById(kind, parts.clients.ec2, id.id);
  if (seen !== undefined) return found(seen.exists, `${kind.lookup} by id: ${seen.state}`);
  refuseTooYoung(parts, id);
  return found(false, `${kind.lookup} by id: not found`);
}

async function lookByTags(parts: Parts, kind: Kind, id: ConcreteId): Promise<Look> {
  const all = await listByTags(kind, parts.clients.ec2, ownTags(parts.options, runOf(id)));
  const seen = all.find((one) => one.id === id.id);
  if (seen !== undefined) return found(seen.exists, `${kind.lookup} by tag: ${seen.state}`);
  refuseTooYoung(parts, id);
  return found(false, `${kind.lookup} by tag: not among ${all.length}`);
}

async function lookForAnyMachine(parts: Parts, id: ConcreteId): Promise<Look> {
  const machines = await machinesOf(parts, runOf(id));
  const states = machines.map((one) => `${one.id} ${one.state}`).join('; ');
  if (machines.length === 0) refuseTooYoung(parts, id);
  return found(
    machines.some(({ exists }) => exists),
    `DescribeInstances by tag: ${states === '' ? 'none' : states}`,
  );
}

/** No machine is without an interface. */
async function lookForAnyInterface(parts: Parts, id: ConcreteId): Promise<Look> {
  const { clients, options } = parts;
  const interfaces = await listByTags(INTERFACES, clients.ec2, ownTags(options, runOf(id)));
  const machines = await machinesOf(parts, runOf(id));
  if (machines.length === 0 && interfaces.length === 0) refuseTooYoung(parts, id);
  const isThere = interfaces.length > 0 || machines.some(({ exists }) => exists);
  return found(isThere, `DescribeNetworkInterfaces by tag: ${interfaces.length}`);
}

async function lookOutsideAws({ options, remoteState }: Parts, id: ConcreteId, turn: number): Promise<Look> {
  if (id.kind === 'stack') {
    const [here, there] = [backendOf(options), String(id.detail['backend'])];
    // In another backend than its own every stack is "not found".
    if (here !== there) throw cannotTell(`stack ${id.id} in ${here}`, `one in ${there}`, 'set aws.state_url as it was');
    if (remoteState !== undefined) return remoteState.look(id.id, turn);
  }
  const looks = looksForKept(id.kind);
  const by = looks?.[turn % looks.length];
  if (by === undefined)
    throw cannotTell('an id of the aws driver', `${id.kind} ${id.id}`, 'it belongs to another driver');
  return by(id, options);
}

function runOf({ detail }: ConcreteId): string {
  return detail['run'] ?? '';
}

/** An id is looked up in the account and region it was given in, or not at all: elsewhere everything is "not found". */
export function refuseElsewhere({ options }: Parts, { kind, id, detail }: ConcreteId): void {
  const here = `${options.accountId} ${options.access.region}`;
  const there = `${String(detail['account'])} ${String(detail['region'])}`;
  if (here !== there)
    throw cannotTell(`${kind} ${id} of ${here}`, `one of ${there}`, 'configure the account and region of that run');
}

function refuseTooYoung({ now, waits, settled }: Parts, { kind, id, detail }: ConcreteId): void {
  const { named_at: namedAt = '', seen_at: seenAt, run = '' } = detail;
  const age = now().getTime() - Date.parse(namedAt);
  if (seenAt !== undefined || settled.has(run) || age >= waits.visibleMs) return;
  const got = `"not found" ${Math.round(age / 1000)} s after it was ordered`;
  throw cannotTell(`${kind} ${id} to be shown or to be older`, got, 'EC2’s lists run behind: look again in a minute');
}

function cannotTell(expected: string, got: string, hint: string): DriverError {
  return new DriverError('cannot_tell', { expected, got, hint });
}
