import { escapeJson } from '../../terminal/index.ts';
import { openProgress } from './progress.ts';
import { openSetupProgress } from './setup-progress.ts';
import type { ObserveRun } from '../../run/progress.ts';
import type { SetupEvent } from '../../setup/item.ts';

/** The two ends of a command: progress goes to stderr, results to stdout. With `--json` stdout carries one document and stderr is quiet. */
export interface Console {
  readonly json: boolean;
  readonly observe: ObserveRun;
  readonly observeSetup: (event: SetupEvent) => void;
  /** Prints a command's result: as it is with `--json`, else as the lines that `render` makes of it. */
  print<R>(result: R, render: (result: R, width: number) => readonly string[]): void;
  readonly say: (line: string) => void;
  /** Takes down live lines. */
  close(): void;
}

/** Columns assumed where stdout is no terminal, or one that does not know its width. */
const DEFAULT_WIDTH = 100;

/** Opens the console of one command. */
export function openConsole(json: boolean): Console {
  const progress = openProgress(process.stderr);
  const setup = openSetupProgress(process.stderr);
  const close = () => {
    progress.close();
    setup.close();
  };
  return {
    json,
    observe: json ? () => undefined : progress.observe,
    observeSetup: json ? () => undefined : setup.observe,
    print(result, render) {
      close();
      const width = process.stdout.columns || DEFAULT_WIDTH;
      const text = json ? escapeJson(result) : render(result, width).join('\n');
      if (text !== '') process.stdout.write(`${text}\n`);
    },
    say(line) {
      close();
      process.stderr.write(`burnbag: ${line}\n`);
    },
    close,
  };
}
