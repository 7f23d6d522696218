import * as z from 'zod';
import { type StackView, viewStacks } from '../../infra/index.ts';
import { RequestError } from '../errors.ts';
import { operation } from './operation.ts';

/** A stack's name, or the first digits of the run it belongs to. */
const StackName = z.string().regex(/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/, 'expected a stack, such as run-fc53d128d5ea');

const Properties = z.record(z.string(), z.json());
const Lock = z.strictObject({
  file: z.string(),
  user: z.string(),
  host: z.string(),
  pid: z.string(),
  since: z.string(),
  /** True where the process that took it is proven to be no more: the next operation takes it over. */
  proven_dead: z.boolean(),
});
const Pending = z.strictObject({ type: z.string(), urn: z.string() });
const Row = z.strictObject({
  name: z.string(),
  project: z.string(),
  run_id: z.string().nullable(),
  file: z.string(),
  updated_at: z.string().nullable(),
  /** The engine that wrote the state last, in its own words. */
  written_by: z.string().nullable(),
  resource_count: z.int(),
  pending: z.array(Pending),
  locks: z.array(Lock),
  /** What is wrong with the state file; null where it is sound. */
  problem: z.string().nullable(),
});
const Resource = z.strictObject({
  urn: z.string(),
  type: z.string(),
  name: z.string(),
  id: z.string().nullable(),
  parent: z.string().nullable(),
  provider: z.string().nullable(),
  marks: z.array(z.string()),
  init_errors: z.array(z.string()),
  inputs: Properties,
  outputs: Properties,
});

/** Lists the stacks whose state lies in the data directory. Only reads: it works while another process is at work on them. */
export const stackLs = operation({
  name: 'stack_ls',
  summary: 'list the Pulumi stacks of this data directory, and what of them is locked or pending',
  access: 'none',
  args: z.strictObject({}),
  result: z.strictObject({ schema: z.literal('burnbag.stacks/1'), stacks: z.array(Row) }),
  async run(_args, { environment }) {
    const found = await viewStacks(environment.home);
    return { schema: 'burnbag.stacks/1' as const, stacks: found.map(rowOf) };
  },
});

/** Shows one stack: its resources with inputs and outputs, secrets masked, its locks and what is pending. */
export const stackShow = operation({
  name: 'stack_show',
  summary: 'show one Pulumi stack: its resources (secrets masked), locks and pending operations',
  access: 'none',
  args: z.strictObject({ stack: StackName }),
  result: Row.extend({ schema: z.literal('burnbag.stack/1'), resources: z.array(Resource) }),
  async run({ stack }, { environment }) {
    const found = await findStack(environment.home, stack);
    const resources = found.resources.map(({ initErrors, ...rest }) =>
      Resource.parse({ ...rest, init_errors: initErrors }),
    );
    return { schema: 'burnbag.stack/1' as const, ...rowOf(found), resources };
  },
});

/** Gives one stack's state as `pulumi stack import` takes it; secrets stay encrypted under the stack's own passphrase. */
export const stackExport = operation({
  name: 'stack_export',
  summary: 'print the state of one stack as `pulumi stack import` takes it; secrets stay encrypted',
  access: 'none',
  args: z.strictObject({ stack: StackName }),
  result: z.strictObject({ schema: z.literal('burnbag.stack-export/1'), stack: z.string(), document: z.json() }),
  async run({ stack }, { environment }) {
    const { name, document } = await findStack(environment.home, stack);
    if (document === null) throw nothingIn(name);
    return {
      schema: 'burnbag.stack-export/1' as const,
      stack: name,
      document: z.json().parse(document),
    };
  },
});

function rowOf(view: StackView): z.output<typeof Row> {
  return {
    name: view.name,
    project: view.project,
    run_id: view.runId,
    file: view.file,
    updated_at: view.updatedAt,
    written_by: view.writtenBy,
    resource_count: view.resources.length,
    pending: view.pending.map((one) => ({ ...one })),
    locks: view.locks.map(({ provenDead, ...lock }) => ({ ...lock, proven_dead: provenDead })),
    problem: view.problem,
  };
}

/** The stack of that name, or the only one whose run begins so; one whose file cannot be read is refused, because half a state misleads. */
async function findStack(home: string, wanted: string): Promise<StackView> {
  const all = await viewStacks(home);
  const exact = all.filter(({ name }) => name === wanted);
  const found = exact.length > 0 ? exact : all.filter(({ runId }) => runId?.startsWith(wanted) === true);
  const [one] = found;
  if (one === undefined || found.length > 1) throw notOne(wanted, found);
  if (one.problem === null) return one;
  throw new RequestError('stack_unreadable', {
    expected: `a sound state file of stack ${one.name}`,
    got: one.problem,
    hint: `the file is ${one.file}; burnbag reap burns what belongs to it by its ids, without the state`,
  });
}

function notOne(wanted: string, found: readonly StackView[]): RequestError {
  return new RequestError('no_such_stack', {
    expected: `one stack named ${wanted}, or of a run that begins so`,
    got: found.length === 0 ? 'none' : found.map(({ name }) => name).join(', '),
    hint: 'burnbag stack ls lists them; a burnt run has none any more',
  });
}

function nothingIn(name: string): RequestError {
  return new RequestError('no_such_stack', {
    expected: `stack ${name} to have been deployed`,
    got: 'an empty stack',
    hint: 'there is nothing to export yet',
  });
}
