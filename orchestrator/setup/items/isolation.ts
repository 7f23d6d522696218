import { SetupError } from '../errors.ts';
import type { Check, SetupContext, SetupItem } from '../item.ts';

/** How sandboxes run on this host, found out before the first run has to: a host whose KVM hangs costs the probe three seconds. */
export const isolation: SetupItem = {
  name: 'isolation',
  why: 'on the processor itself (KVM), or emulated',
  needs: ['qemu', 'image'],
  expectedSeconds: 3,
  deadlineSeconds: 60,
  check,
  fix,
};

const FOR_KVM =
  'nothing has to be done; for KVM take hardware, or a cloud host with nested virtualization, and a user who may open /dev/kvm';

async function check({ home }: SetupContext): Promise<Check> {
  const { judgeIsolation } = await import('../../../infra/index.ts');
  const known = await judgeIsolation(home, { probe: false });
  if (known === undefined)
    return { state: 'missing', what: 'not probed since this host started', whatToDo: './burnbag setup' };
  const why = known.why.replaceAll(/\s*\n\s*/g, ' · ');
  const details = { isolation: known.isolation };
  if (known.isolation === 'kvm') return { state: 'ok', what: `KVM: ${why}`, details };
  return { state: 'ok', what: `emulated, and every run says so: ${why}`, details, whatToDo: FOR_KVM };
}

async function fix({ home }: SetupContext): Promise<void> {
  const { DriverError, judgeIsolation } = await import('../../../infra/index.ts');
  try {
    await judgeIsolation(home, { probe: true });
  } catch (cause) {
    if (!(cause instanceof DriverError)) throw cause;
    throw new SetupError('probe_failed', { expected: cause.expected, got: cause.got, hint: cause.hint }, { cause });
  }
}
