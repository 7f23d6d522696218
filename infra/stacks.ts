import { join } from 'node:path';
import type { InspectedStack } from './engine/inspect.ts';
import { inspectStacks } from './engine/inspect.ts';
import type { Deployment, StoredResource } from './engine/state/schema.ts';
import { parseUrn } from './engine/values/urn.ts';
import type { Properties } from './engine/values/value.ts';
import { mask } from './engine/values/value.ts';
import { runOfStack, stateDirectory } from './host/run-folder.ts';

/** A stack whose state lies in a data directory, for people: what it holds, and what of it is locked or pending. */
export interface StackView {
  readonly name: string;
  readonly project: string;
  /** The run it belongs to; null for a stack that is none of ours. */
  readonly runId: string | null;
  readonly file: string;
  readonly updatedAt: string | null;
  /** Which engine wrote the state last, in its own words. */
  readonly writtenBy: string | null;
  readonly resources: readonly ResourceView[];
  /** What was begun and whose end is not on record. */
  readonly pending: readonly { readonly type: string; readonly urn: string }[];
  readonly locks: InspectedStack['locks'];
  /** What is wrong with the state file. */
  readonly problem: string | null;
  /** What `pulumi stack import` takes; secrets stay encrypted in it. */
  readonly document: { readonly version: 3; readonly deployment: Deployment } | null;
}

export interface ResourceView {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly id: string | null;
  readonly parent: string | null;
  readonly provider: string | null;
  /** `protect`, `external`, `delete`, …: what is special about it. */
  readonly marks: readonly string[];
  readonly initErrors: readonly string[];
  /** Secrets are `[secret]`. */
  readonly inputs: Properties;
  readonly outputs: Properties;
}

/** Every stack whose state lies in this data directory. Reads files and nothing else: another process may be at work on them. */
export async function viewStacks(home: string): Promise<readonly StackView[]> {
  const root = join(stateDirectory({ home, installationId: '' }), '.pulumi');
  return (await inspectStacks(root)).map(viewOf);
}

function viewOf({ project, stack, file, locks, deployment, problem }: InspectedStack): StackView {
  const { resources = [], pending_operations = [], manifest } = deployment ?? {};
  return {
    name: stack,
    project,
    runId: runOfStack(stack) ?? null,
    file,
    updatedAt: manifest?.time ?? null,
    writtenBy: manifest?.version ?? null,
    resources: resources.map(viewResource),
    pending: pending_operations.map(({ type, resource }) => ({ type, urn: resource.urn })),
    locks,
    problem: problem ?? null,
    document: deployment === undefined ? null : { version: 3, deployment },
  };
}

function viewResource(resource: StoredResource): ResourceView {
  return {
    urn: resource.urn,
    type: resource.type,
    name: parseUrn(resource.urn).name,
    id: resource.id ?? null,
    parent: resource.parent ?? null,
    provider: resource.provider ?? null,
    marks: MARKS.filter((mark) => resource[mark] === true),
    initErrors: resource.initErrors ?? [],
    inputs: mask(resource.inputs ?? {}) as Properties,
    outputs: mask(resource.outputs ?? {}) as Properties,
  };
}

const MARKS = ['protect', 'retainOnDelete', 'external', 'delete', 'pendingReplacement'] as const;
