import type { Timeline, TimelineEntry } from './entry.ts';

/** The timeline for people: one line an entry. Text of the guest's in it is to be escaped, line by line, by whoever shows it. */
export function renderTimeline({ run_id, clock, left_out, entries }: Timeline): string {
  const offset =
    clock === null
      ? 'the clocks were not compared: guest times stand as they are'
      : `the guest's clock is ${clock.min_ms} to ${clock.max_ms} ms off it: ${clock.applied_ms} ms are taken off guest times`;
  const more = Object.entries(left_out).map(([stream, count]) => `${count} more of ${stream} are in its own file`);
  const head = [`run ${run_id}, on the relay's clock (UTC); ${offset}`, ...more];
  return [...head, ...entries.map(renderEntry)].map(onOneLine).join('\n');
}

const SIDES: Readonly<Record<TimelineEntry['witness'], string>> = {
  relay: 'relay',
  guest: 'guest',
  control_plane: 'control',
};

function renderEntry({ at, within_ms, witness, stream, what, request_id, pid, serial, detail }: TimelineEntry): string {
  const time = within_ms === undefined ? at.slice(11, 23) : `${at.slice(11, 19)}.***`;
  const tags = [
    request_id === undefined ? '' : `#${request_id}`,
    pid === undefined ? '' : `pid ${pid}`,
    serial === undefined ? '' : `serial ${serial}`,
  ].filter((tag) => tag !== '');
  const who = `${SIDES[witness].padEnd(7)} ${stream.padEnd(8)}`;
  return [time, who, what, ...tags, detail ?? ''].join('  ').trimEnd();
}

/** A newline in a name must not make a line of its own. */
function onOneLine(line: string): string {
  return line.replaceAll('\n', '\\n');
}
