import { escapeInline } from '../terminal/index.ts';
import { type Style, styled, type StyledLine } from './line.ts';
import type { ChangedFile, RefusedFile, Report } from './report.ts';
import { renderTree } from './render-tree.ts';

/** Shows a report as lines of text for a terminal or a plain log. All that the script chose in it is escaped, and no line is wider than asked. */
export function renderReport(report: Report, { width, color, labels = {} }: RenderOptions): string[] {
  const sections: readonly (readonly [string, readonly StyledLine[]])[] = [
    ['What it did', renderTree(report, labels)],
    ['Files it changed', limit(report.files.map(fileLine), FILES_SHOWN, report.left_out.files)],
    ['Refused', limit(report.refused.map(refusedLine), REFUSED_SHOWN, report.left_out.refused)],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .flatMap(([heading, lines]) => [heading, ...lines.map((line) => `  ${styled(line, width - 2, color)}`)]);
}

export interface RenderOptions {
  /** Columns. */
  readonly width: number;
  readonly color: boolean;
  /** What people call the scripts, by digest: shown in place of the path they had in the sandbox. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** One line about the whole: how many processes, files and connections. */
export function summarizeReport({ counts }: Pick<Report, 'counts'>): string {
  const {
    processes,
    files_written: files,
    connections_tried: tried,
    connections_possible: possible,
    connections_undecided: undecided,
  } = counts;
  const connections = `${plural(tried, 'connection')} tried, ${possible} possible${undecided > 0 ? `, ${undecided} undecided` : ''}`;
  return [plural(processes, 'process', 'processes'), `${plural(files, 'file')} written`, connections].join(' · ');
}

/** A screen or two; report.json has all. */
const FILES_SHOWN = 40;
const REFUSED_SHOWN = 20;

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

function limit(lines: readonly StyledLine[], shown: number, leftOut: number): StyledLine[] {
  const more = lines.length - shown + leftOut;
  return more > 0 ? [...lines.slice(0, shown), [{ text: `… ${more} more`, style: 'dim' }]] : [...lines];
}

function fileLine({ path, resolved, changes, from }: ChangedFile): StyledLine {
  const style: Style = changes.includes('removed') ? 'dim' : 'plain';
  const said = changes.map(
    (change) => change.replaceAll('_', ' ') + (change === 'renamed' ? ` from ${escapeInline(from ?? '?')}` : ''),
  );
  return [
    { text: `${symbolOf(changes)} `, style: 'dim' },
    { text: `${resolved ? '' : '…/'}${escapeInline(path)}`, style },
    { text: `  ${said.join(', ')}`, style: 'dim' },
  ];
}

function symbolOf(changes: ChangedFile['changes']): string {
  const [made, removed] = [
    changes.some((change) => change === 'created' || change === 'linked'),
    changes.includes('removed'),
  ];
  if (made && removed) return '±';
  if (removed) return '-';
  return made ? '+' : '~';
}

function refusedLine({ path, call, error, times }: RefusedFile): StyledLine {
  return [
    { text: '✗ ', style: 'red' },
    { text: escapeInline(path), style: 'plain' },
    { text: `  ${error} (${call})${times > 1 ? ` ×${times}` : ''}`, style: 'dim' },
  ];
}
