// Imported first: a process whose clock is wrong by what its plan says, from before anything else looks at it.
import type { CrashPlan } from './crash-plan.ts';

const { clockSeconds = 0 } = JSON.parse(process.argv[2] ?? '{}') as Partial<CrashPlan>;

if (clockSeconds !== 0) {
  const TrueDate = Date;
  const now = (): number => TrueDate.now() + clockSeconds * 1000;
  globalThis.Date = class extends TrueDate {
    constructor(...args: readonly unknown[]) {
      if (args.length === 0) super(now());
      else super(...(args as [number]));
    }

    static override now(): number {
      return now();
    }
  } as DateConstructor;
}
