import { escapeInline, truncate } from '../../../terminal/index.ts';
import type { ResultOf } from '../door.ts';

type Stack = ResultOf<'stack_show'>;
type Resource = Stack['resources'][number];
type Row = ResultOf<'stack_ls'>['stacks'][number];

/** One line a stack. */
export function renderStacks({ stacks }: ResultOf<'stack_ls'>, width: number): readonly string[] {
  if (stacks.length === 0) return ['no stacks: every run is burnt, or none was ever begun'];
  const longest = Math.max(5, ...stacks.map(({ name }) => name.length));
  const header = `${'STACK'.padEnd(longest + 2)}${'RESOURCES'.padEnd(11)}${'UPDATED'.padEnd(26)}STANDS`;
  const rows = stacks.map(
    (one) =>
      `${one.name.padEnd(longest + 2)}${String(one.resource_count).padEnd(11)}${(one.updated_at ?? 'never').padEnd(26)}${escapeInline(stands(one))}`,
  );
  return [header, ...rows].map((line) => truncate(line, width));
}

/** One stack: what is in its way, then its resources as the tree they form. All that providers said is escaped. */
export function renderStack(stack: Stack, width: number): readonly string[] {
  const roots = stack.resources.filter(({ parent }) => parent === null);
  return [
    `Stack ${stack.name} · project ${stack.project} · ${stack.resource_count} resources`,
    `  state ${stack.file}, written ${stack.updated_at ?? 'never'} by ${escapeInline(stack.written_by ?? 'nobody')}`,
    ...stack.locks.map((lock) => `  ${escapeInline(`${holder(lock)}, since ${lock.since}`)}`),
    ...stack.pending.map(({ type, urn }) => `  pending: ${type} ${escapeInline(urn)}; its end is not on record`),
    ...roots.flatMap((root) => renderTree(stack, root, '')),
  ].map((line) => truncate(line, width));
}

function stands(row: Row): string {
  if (row.problem !== null) return `unreadable: ${row.problem}`;
  const parts = [
    ...(row.pending.length === 0 ? [] : [`${row.pending.length} pending`]),
    ...row.locks.map((lock) => holder(lock)),
  ];
  return parts.length === 0 ? 'free' : parts.join(', ');
}

function holder({ user, host, pid, proven_dead }: Row['locks'][number]): string {
  return `locked by ${user}@${host} pid ${pid}${proven_dead ? ', who is dead' : ''}`;
}

function renderTree(stack: Stack, resource: Resource, indent: string): readonly string[] {
  const children = stack.resources.filter(({ parent, urn }) => parent === resource.urn && urn !== resource.urn);
  const marks = resource.marks.length === 0 ? '' : ` [${resource.marks.join(', ')}]`;
  const id = resource.id === null ? '' : ` · ${resource.id}`;
  return [
    `${indent}${escapeInline(`${resource.type} ${resource.name}${id}${marks}`)}`,
    ...resource.init_errors.map((text) => `${indent}  ! ${escapeInline(text)}`),
    ...Object.entries(resource.outputs).map(
      ([key, value]) => `${indent}  · ${escapeInline(`${key}: ${shown(value)}`)}`,
    ),
    ...children.flatMap((child) => renderTree(stack, child, `${indent}  `)),
  ];
}

function shown(value: Resource['outputs'][string]): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
