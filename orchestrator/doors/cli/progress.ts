import { escapeInline } from '../../terminal/index.ts';
import type { ObserveRun, Phase, RunEvent } from '../../run/progress.ts';

/** How often a line that is still being waited on is drawn again. */
const REDRAW_MS = 100;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
const NOW: Readonly<Record<Phase, string>> = {
  provisioned: 'provisioning',
  executed: 'executing',
  sealed: 'sealing',
  burned: 'burning',
};

export interface ProgressView {
  readonly observe: ObserveRun;
  /** Takes down the line that is being drawn; call before printing anything else. */
  close(): void;
}

/** Live phases: in a terminal the current one is redrawn in place, elsewhere each gets one plain line when it ends. */
export function openProgress(out: NodeJS.WriteStream): ProgressView {
  return out.isTTY ? liveProgress(out) : { observe: (event) => out.write(plainLine(event)), close: () => undefined };
}

function plainLine(event: RunEvent): string {
  const text = describe(event);
  return text === undefined ? '' : `${text}\n`;
}

function describe(event: RunEvent): string | undefined {
  switch (event.type) {
    case 'admitted':
      return `burnbag · run ${event.runId} · ${escapeInline(event.label)}${event.sha256 === undefined ? '' : ` (sha256 ${event.sha256.slice(0, 8)}…)`}`;
    case 'phase_ended':
      return `  ${event.ok ? '✔' : '✘'} ${event.phase.padEnd(12)} ${seconds(event.durationMs)}   ${escapeInline(event.summary)}`;
    case 'notice':
      return `  · ${escapeInline(event.text)}`;
    case 'phase_started':
    case 'phase_progress':
      return undefined;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(7);
}

function liveProgress(out: NodeJS.WriteStream): ProgressView {
  let current: { phase: Phase; what: string; since: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  let frame = 0;
  const wipe = () => out.write('\r\x1b[K');
  const draw = () => {
    if (current === undefined) return;
    frame += 1;
    const spinner = SPINNER[frame % SPINNER.length] ?? '·';
    const line = `  ${spinner} ${NOW[current.phase].padEnd(12)} ${seconds(performance.now() - current.since)}   ${escapeInline(current.what)}`;
    out.write(`\r\x1b[K${line.slice(0, Math.max(20, out.columns - 1))}`);
  };
  const close = () => {
    clearInterval(timer);
    timer = undefined;
    if (current !== undefined) wipe();
    current = undefined;
  };
  const observe: ObserveRun = (event) => {
    if (event.type === 'phase_started') {
      current = { phase: event.phase, what: '', since: performance.now() };
      timer ??= setInterval(draw, REDRAW_MS);
      draw();
      return;
    }
    if (event.type === 'phase_progress') {
      if (current?.phase === event.phase) current.what = event.what;
      return;
    }
    if (event.type === 'phase_ended') close();
    else if (current !== undefined) wipe();
    out.write(plainLine(event));
    draw();
  };
  return { observe, close };
}
