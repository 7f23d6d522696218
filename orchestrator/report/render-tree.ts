import { posix } from 'node:path';
import { escapeInline } from '../terminal/index.ts';
import type { StyledLine } from './line.ts';
import { type Entry, describeConnection, describeFailure } from './render-entry.ts';
import type { Connection, FailedProgram, Program, Report, ReportedProcess } from './report.ts';

/** Shows the processes as a tree; below each what it could not start and the connections it tried. Deep trees stop moving to the right. */
export function renderTree(report: Report, labels: Readonly<Record<string, string>>): StyledLine[] {
  const tree = new Tree(report, labels);
  const lines: StyledLine[] = [];
  // A stack, not recursion: how deep the tree is, the script decides.
  const stack = tree.rootsInReverse();
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (lines.length >= LINES_SHOWN) {
      lines.push([{ text: '… and more: report.json has all', style: 'dim' }]);
      break;
    }
    lines.push(next.line);
    stack.push(...next.below().reverse());
  }
  return lines;
}

/** A screen or two; report.json has all. */
const LINES_SHOWN = 120;

/** Levels that are drawn to the right of each other. */
const DEPTH_SHOWN = 12;

/** One line of the tree, and what comes below it. */
interface Node {
  readonly line: StyledLine;
  readonly below: () => Node[];
}

class Tree {
  readonly #labels: Readonly<Record<string, string>>;
  readonly #children: ReadonlyMap<number | null, readonly ReportedProcess[]>;
  readonly #connections: ReadonlyMap<number, readonly Connection[]>;
  readonly #failed: ReadonlyMap<number, readonly FailedProgram[]>;

  constructor(report: Report, labels: Readonly<Record<string, string>>) {
    this.#labels = labels;
    this.#children = Map.groupBy(report.processes, ({ parent }) => parent);
    this.#connections = Map.groupBy(report.connections, ({ process }) => process);
    this.#failed = Map.groupBy(report.failed_programs, ({ process }) => process);
  }

  rootsInReverse(): Node[] {
    return (this.#children.get(null) ?? []).map((root) => this.#nodeOf(this.#entryOf(root), '', '', 0)).reverse();
  }

  #nodeOf({ parts, times, process }: Entry, lead: string, leadBelow: string, depth: number): Node {
    const count: StyledLine = times > 1 ? [{ text: ` ×${times}`, style: 'dim' }] : [];
    return {
      line: [{ text: lead, style: 'dim' }, ...parts, ...count],
      below: () => (process === undefined ? [] : this.#nodesBelow(process, leadBelow, depth + 1)),
    };
  }

  #nodesBelow(process: ReportedProcess, lead: string, depth: number): Node[] {
    const entries = merge([
      ...(this.#failed.get(process.id) ?? []).map(describeFailure),
      ...(this.#connections.get(process.id) ?? []).map(describeConnection),
      ...(this.#children.get(process.id) ?? [])
        .filter((child) => this.#hasSomething(child))
        .map((child) => this.#entryOf(child)),
    ]);
    return entries.map((entry, index) => {
      const last = index === entries.length - 1;
      const below = depth < DEPTH_SHOWN ? lead + (last ? '   ' : '│  ') : lead;
      return this.#nodeOf(entry, lead + (last ? '└─ ' : '├─ '), below, depth);
    });
  }

  /** A process that only forked and ended has nothing to show. */
  #hasSomething(process: ReportedProcess): boolean {
    return process.programs.length > 0 || this.#hasBelow(process);
  }

  #hasBelow({ id }: ReportedProcess): boolean {
    return this.#children.has(id) || this.#connections.has(id) || this.#failed.has(id);
  }

  #entryOf(process: ReportedProcess): Entry {
    const programs = process.programs.map((program) => this.#describe(program)).join(' ⇒ ');
    const raised: StyledLine = process.uid === 0 ? [{ text: ' (runs as root)', style: 'red' }] : [];
    const parts: StyledLine = [{ text: programs === '' ? '(forked)' : programs, style: 'plain' }, ...raised];
    return { parts, times: 1, ...(this.#hasBelow(process) && { process }) };
  }

  /** A command line as one would type it; with the program that really ran where its first word hides that. */
  #describe({ argv, exe, disguised }: Program): string {
    const [name = exe, ...args] = argv.map((argument) => this.#labelOf(argument));
    const shown = [disguised ? name : posix.basename(name), ...args].map(quote).join(' ');
    return disguised ? `${shown} [${escapeInline(exe)}]` : shown;
  }

  #labelOf(argument: string): string {
    const digest = SCRIPT_PATH.exec(argument)?.[1] ?? '';
    return Object.hasOwn(this.#labels, digest) ? (this.#labels[digest] ?? argument) : argument;
  }
}

/** Where the executor keeps a script, named by its digest. */
const SCRIPT_PATH = /^\/work\/in\/([0-9a-f]{64})$/;

/** Entries without anything below that look the same and stand together become one. */
function merge(entries: readonly Entry[]): Entry[] {
  const merged: Entry[] = [];
  for (const entry of entries) {
    const before = merged.at(-1);
    if (
      before !== undefined &&
      before.process === undefined &&
      entry.process === undefined &&
      textOf(before) === textOf(entry)
    ) {
      merged[merged.length - 1] = { ...before, times: before.times + entry.times };
    } else {
      merged.push(entry);
    }
  }
  return merged;
}

function textOf({ parts }: Entry): string {
  return parts.map(({ text }) => text).join('');
}

/** Quoted for the eye where a blank or nothing at all would mislead it; never to be typed back. */
function quote(argument: string): string {
  const escaped = escapeInline(argument);
  return escaped === '' || /[\s'"]/.test(escaped) ? `'${escaped}'` : escaped;
}
