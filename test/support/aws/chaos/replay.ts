import { createHash } from 'node:crypto';
import { type Answered, type Asked, ec2Error } from './message.ts';

/**
 * Idempotency by client token, which moto ignores and EC2 keeps: the same token and parameters give the first answer again, other parameters
 * `IdempotentParameterMismatch`, a token whose instance was terminated `IdempotentInstanceTerminated`. A refused request frees its token.
 */
export class Replay {
  readonly #asked = new Map<string, { readonly hash: string; readonly answer: Promise<Answered> }>();

  /** Answers by an earlier request of the same token, or by `ask`. */
  async answer(asked: Asked, isTerminated: (id: string) => boolean, ask: () => Promise<Answered>): Promise<Answered> {
    const token = asked.form.get('ClientToken');
    if (token === null || token === '') return ask();
    const key = [scopeOf(asked), asked.action, token].join(' ');
    const hash = hashOf(asked);
    const earlier = this.#asked.get(key);
    if (earlier !== undefined) return again(earlier, hash, asked.action, isTerminated);
    const answer = ask();
    this.#asked.set(key, { hash, answer });
    const first = await answer.catch((error: unknown) => {
      this.#asked.delete(key);
      throw error;
    });
    if (first.status >= 300) this.#asked.delete(key);
    return first;
  }

  forget(): void {
    this.#asked.clear();
  }
}

async function again(
  earlier: { readonly hash: string; readonly answer: Promise<Answered> },
  hash: string,
  action: string,
  isTerminated: (id: string) => boolean,
): Promise<Answered> {
  if (earlier.hash !== hash) {
    const message = 'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).';
    return ec2Error(400, 'IdempotentParameterMismatch', message);
  }
  const answer = await earlier.answer;
  if (action === 'RunInstances' && instancesIn(answer).some(isTerminated)) {
    const message = 'The client token you have provided is associated with a terminated instance.';
    return ec2Error(400, 'IdempotentInstanceTerminated', message);
  }
  return answer;
}

/** The ids of the instances an answer tells of. */
export function instancesIn({ body }: Answered): string[] {
  return [...body.toString().matchAll(/<instanceId>(i-[0-9a-f]+)/g)].map(([, id = '']) => id);
}

/** Key id and region of the signature: tokens of different callers are different tokens. */
function scopeOf({ headers }: Asked): string {
  const [, keyId, region] = /Credential=([^/]+)\/\d+\/([^/]+)/.exec(headers.authorization ?? '') ?? [];
  return `${keyId ?? ''}/${region ?? ''}`;
}

function hashOf({ form }: Asked): string {
  const sorted = new URLSearchParams(form);
  sorted.sort();
  return createHash('sha256').update(sorted.toString()).digest('hex');
}
