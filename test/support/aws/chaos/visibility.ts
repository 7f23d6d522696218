import { type Answered, type Asked, ec2Error } from './message.ts';
import { instancesIn } from './replay.ts';

/** How late the proxy lets instances appear, run and end; 0 is at once, as moto does it. */
export interface Delays {
  /** For so long after its launch nobody finds an instance, by id or in a list. */
  lagMs: number;
  pendingMs: number;
  /** For so long after its termination it is still shutting down. */
  shuttingMs: number;
}

/** Keeps the times of instances and shows them as late as EC2, eventually consistent, may do. */
export class Visibility {
  readonly delays: Delays = { lagMs: 0, pendingMs: 0, shuttingMs: 0 };
  readonly #born = new Map<string, number>();
  readonly #dying = new Map<string, number>();

  isTerminated(id: string): boolean {
    return this.#dying.has(id);
  }

  /** The refusal of a request that names an instance which is not visible yet. */
  refuse(asked: Asked): Answered | undefined {
    if (asked.action !== 'DescribeInstances') return undefined;
    const hidden = idsIn(asked).find((id) => this.#isHidden(id));
    if (hidden === undefined) return undefined;
    return ec2Error(400, 'InvalidInstanceID.NotFound', `The instance ID '${hidden}' does not exist`);
  }

  /** Learns from an answer, and makes it what a caller of now may see. */
  show(asked: Asked, answer: Answered): Answered {
    if (answer.status !== 200) return answer;
    if (asked.action === 'RunInstances') for (const id of instancesIn(answer)) this.#born.set(id, Date.now());
    if (asked.action === 'TerminateInstances')
      for (const id of idsIn(asked)) if (!this.#dying.has(id)) this.#dying.set(id, Date.now());
    if (asked.action !== 'DescribeInstances') return answer;
    return { ...answer, body: Buffer.from(this.#slowDown(this.#hide(answer.body.toString()))) };
  }

  forget(): void {
    this.#born.clear();
    this.#dying.clear();
    Object.assign(this.delays, { lagMs: 0, pendingMs: 0, shuttingMs: 0 });
  }

  #isHidden(id: string): boolean {
    return Date.now() - (this.#born.get(id) ?? 0) < this.delays.lagMs;
  }

  /** Leaves out whole reservations: ours hold one instance each. */
  #hide(text: string): string {
    if (this.delays.lagMs === 0) return text;
    return text.replaceAll(RESERVATION, (reservation) => {
      const id = /<instanceId>(i-[0-9a-f]+)<\/instanceId><imageId>/.exec(reservation)?.[1];
      return id !== undefined && this.#isHidden(id) ? '' : reservation;
    });
  }

  #slowDown(text: string): string {
    return text.replaceAll(STATE, (all: string, id: string, between: string, name: string) => {
      const state = this.#stateOf(id, name);
      if (state === undefined) return all;
      const [code, shown] = state;
      return `<instanceId>${id}</instanceId>${between}<instanceState><code>${code}</code><name>${shown}</name>`;
    });
  }

  #stateOf(id: string, name: string): readonly [number, string] | undefined {
    const since = (times: Map<string, number>) => Date.now() - (times.get(id) ?? 0);
    if (name === 'running' && since(this.#born) < this.delays.pendingMs) return [0, 'pending'];
    if (name === 'terminated' && since(this.#dying) < this.delays.shuttingMs) return [32, 'shutting-down'];
    return undefined;
  }
}

const RESERVATION = /<item><reservationId>.*?<\/item>(?=<item><reservationId>|<\/reservationSet>)/gs;
const STATE =
  /<instanceId>(i-[0-9a-f]+)<\/instanceId>((?:(?!<instanceId>).)*?)<instanceState><code>\d+<\/code><name>([a-z-]+)<\/name>/gs;

function idsIn({ form }: Asked): string[] {
  return [...form].filter(([name]) => /^InstanceId\.\d+$/.test(name)).map(([, id]) => id);
}
