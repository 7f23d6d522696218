// Imported first: a process whose clock is wrong by what its plan says, from before anything else looks at it.
import type { CrashPlan } from './crash-plan.ts';

const { clockSeconds = 0 } = JSON.parse(process.argv[2] ?? '{}') as Partial<CrashPlan>;

if (clockSeconds !== 0) {
  const TrueDate = Date;
  const now = (): number => TrueDate.now() + clockSeconds * 1000;
  // The same class to whoever asks what a date is an instance of.
  globalThis.Date = new Proxy(TrueDate, {
    construct: (target, args: readonly unknown[]) =>
      args.length === 0 ? new target(now()) : new target(...(args as [number])),
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
  });
}
