import type { Sandbox } from '../../../infra/driver.ts';
import { RequestError } from '../../errors.ts';
import type { Run } from '../run.ts';
import type { Deps } from '../step.ts';

/** Refuses a run on a host that the configuration does not want, while nothing of it has been started. Throws RequestError `refused_by_policy`. */
export async function refuseHost(run: Run, deps: Deps): Promise<void> {
  if (deps.configuration.refuse_emulated) refuseEmulated(await deps.driver.isolation?.());
  await refuseSwap(run, deps);
}

/** Emulation only; what is not known yet is asked again when there is a machine. */
export function refuseEmulated(isolation: Sandbox['isolation'] | undefined): void {
  if (isolation !== 'emulated') return;
  throw new RequestError('refused_by_policy', {
    expected: 'a VM under KVM (refuse_emulated is set)',
    got: 'one in software emulation, which QEMU does not call an isolation boundary',
    hint: 'run on a machine with working KVM, or unset refuse_emulated',
  });
}

/** A run that may go ahead on such a host says where it does; a host that does not say what it has is none without swap. */
async function refuseSwap({ runId }: Run, { configuration, lookAtSwap, observe }: Deps): Promise<void> {
  const { what, whatToDo } = await lookAtSwap().catch((error: unknown) => ({
    what: `unknown (${error instanceof Error ? error.message : String(error)})`,
    whatToDo: 'let Burnbag read /proc/swaps',
  }));
  if (whatToDo === undefined) return;
  if (configuration.refuse_swap)
    throw new RequestError('refused_by_policy', {
      expected: 'a host that writes no memory of a run to a disk (refuse_swap is set)',
      got: `swap: ${what}`,
      hint: `${whatToDo}; or unset refuse_swap`,
    });
  observe({ type: 'notice', runId, text: `swap of this host: ${what}` });
}
