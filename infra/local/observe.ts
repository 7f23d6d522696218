import { DriverError } from '../error.ts';
import type { ConcreteId } from '../driver.ts';
import type { Owner } from '../host/run-folder.ts';
import type { Look, LookAt } from '../host/looks/found.ts';
import { looksForKept } from '../host/looks/kept.ts';
import { lookAtListener, tryToBind } from './looks/port.ts';
import { LOOKS_BY_PATH } from '../host/looks/path.ts';
import { lookAtPid, lookForLabel, lookForOpenDisk } from './looks/process.ts';

/**
 * Asks the host, never our own state, whether an id still exists. Only a plain "there is none" counts as gone;
 * everything else that keeps us from knowing is thrown as `cannot_tell`. Each turn looks by other means than the one before.
 */
export async function look(owner: Owner, id: ConcreteId, turn = 0): Promise<Look> {
  try {
    const means = meansFor(id);
    return await (means[turn % means.length] ?? refuse)(id, owner);
  } catch (cause) {
    if (cause instanceof DriverError) throw cause;
    throw new DriverError(
      'cannot_tell',
      {
        expected: `to learn whether ${id.kind} ${id.id} exists`,
        got: cause instanceof Error ? cause.message : String(cause),
        hint: 'mend what kept us from looking, then burn the run again',
      },
      { cause },
    );
  }
}

/** A process is known by its pid and start time; before it had any, by its label. Kinds of other drivers are refused: this host cannot know of them. */
function meansFor({ kind, detail }: ConcreteId): readonly LookAt[] {
  switch (kind) {
    case 'process':
      return detail['start_time'] === undefined ? [lookForLabel, lookForOpenDisk] : [lookAtPid, lookForLabel];
    case 'disk':
    case 'file':
      return LOOKS_BY_PATH;
    case 'port':
      return [lookAtListener, tryToBind];
    default:
      return looksForKept(kind) ?? [refuse];
  }
}

function refuse({ kind, id }: ConcreteId): never {
  throw new DriverError('cannot_tell', {
    expected: 'an id of the local driver',
    got: `${kind} ${id}`,
    hint: 'this id belongs to another driver',
  });
}
