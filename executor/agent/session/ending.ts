import type { AuditRecord } from '../../protocol/record.ts';
import { ActionFailure } from '../failure.ts';
import type { Guest } from '../guest.ts';

/** Why a session is over, as the record says it. */
export type EndReason = Extract<AuditRecord, { event: 'session_closed' }>['reason'];

/** A clock that is set while we run is noticed this soon. */
const LOOK_AGAIN_MS = 1_000;

/**
 * The ways a session ends from outside: its input ends, its grant expires, somebody sends a signal, nobody listens. The first one counts.
 * The end of the input leaves what came before it to be answered; everything else cuts the session off.
 */
export class Ending implements Disposable {
  readonly #stop = new AbortController();
  readonly #cutOff = new AbortController();
  readonly #guest: Guest;
  readonly #endsAt: number;
  #timer: NodeJS.Timeout | undefined;
  reason: EndReason | undefined;

  /** Ends by itself at `endsAt`, unix seconds. */
  constructor(guest: Guest, endsAt: number) {
    this.#guest = guest;
    this.#endsAt = endsAt;
    this.#watchClock();
  }

  /** Aborted at every end, with an ActionFailure that says why: an action that waits stops. */
  get stop(): AbortSignal {
    return this.#stop.signal;
  }

  /** Aborted when no further line is to be served. */
  get cutOff(): AbortSignal {
    return this.#cutOff.signal;
  }

  end(reason: EndReason): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    if (reason !== 'end_of_input') this.#cutOff.abort();
    this.#stop.abort(reason === 'expired' ? expired(this.#endsAt) : interrupted());
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #watchClock(): void {
    const left = this.#endsAt * 1000 - this.#guest.now();
    if (left <= 0) this.end('expired');
    else this.#timer = setTimeout(this.#watchClock.bind(this), Math.min(left, LOOK_AGAIN_MS));
  }
}

function expired(endsAt: number): ActionFailure {
  const said = {
    expected: `an end before ${endsAt}`,
    got: 'the expiry of the grant',
    hint: 'what it did until then has happened',
  };
  return new ActionFailure('GRANT_EXPIRED', said);
}

function interrupted(): ActionFailure {
  return new ActionFailure('INTERRUPTED', {
    expected: 'the session to stay until the answer',
    got: 'its end',
    hint: 'keep the input open until the last answer has come; what the action did until then has happened',
  });
}
