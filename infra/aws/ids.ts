import type { ConcreteId } from '../driver.ts';
import { stateDirectory, type RunFolder } from '../host/run-folder.ts';
import type { AwsKind } from './inventory/kind.ts';
import type { AwsDriverOptions } from './options.ts';
import { stateUrlOf } from './state-url.ts';

/** What is about to be made and has no id yet: any machine that carries the run's tags. In the manifest before the launch. */
export function expectedInstanceId(options: AwsDriverOptions, runId: string, at: Date): ConcreteId {
  return {
    kind: 'instance',
    id: `${EXPECTED}${runId}`,
    detail: { ...placeOf(options, runId), named_at: at.toISOString() },
  };
}

/** Whether an id stands for any machine of its run. */
export function isExpected({ id }: ConcreteId): boolean {
  return id.startsWith(EXPECTED);
}

/** One thing in AWS, by the id it was given there. `seen`: the API has shown it, so "not found" can no longer mean "not yet". */
export function awsId(
  options: AwsDriverOptions,
  runId: string,
  found: { readonly kind: AwsKind; readonly id: string; readonly seen: boolean; readonly at: Date },
): ConcreteId {
  const { kind, id, seen, at } = found;
  const detail = { ...placeOf(options, runId), named_at: at.toISOString(), ...(seen && { seen_at: at.toISOString() }) };
  return { kind, id, detail };
}

/** The run's folder on this host. */
export function directoryId({ directory }: RunFolder): ConcreteId {
  return { kind: 'directory', id: directory, detail: {} };
}

/** The run's stack. */
export function stackId(options: AwsDriverOptions, { stack }: RunFolder): ConcreteId {
  return { kind: 'stack', id: stack, detail: { backend: backendOf(options) } };
}

const EXPECTED = 'any-of-run-';

/** Where the stacks' state is: a folder of this host, or a URL. */
export function backendOf(options: AwsDriverOptions): string {
  const { stateUrl, installationId } = options;
  return stateUrl === undefined ? stateDirectory(options) : stateUrlOf(stateUrl, installationId);
}

/** An id means something in one account and region only. */
function placeOf({ accountId, access }: AwsDriverOptions, runId: string) {
  return { account: accountId, region: access.region, run: runId };
}
