import { escapeInline } from '../../terminal/index.ts';
import type { SetupEvent } from '../../setup/item.ts';
import { renderSetupEvent } from '../../setup/render.ts';

/** How often the line about what is being prepared is drawn again. */
const REDRAW_MS = 200;

/** Set-up as it goes: a line per item that starts or ends, and in a terminal one live line with what is going on. */
export function openSetupProgress(out: NodeJS.WriteStream): {
  readonly observe: (event: SetupEvent) => void;
  close(): void;
} {
  const running = new Map<string, { readonly since: number; what: string }>();
  let timer: NodeJS.Timeout | undefined;
  const wipe = () => {
    if (timer !== undefined) out.write('\r\x1b[K');
  };
  const draw = () => {
    const parts = [...running].map(
      ([item, { since, what }]) => `${item} ${Math.round((performance.now() - since) / 1000)} s ${what}`,
    );
    out.write(`\r\x1b[K${escapeInline(`  ⠿ ${parts.join(' · ')}`).slice(0, Math.max(20, out.columns - 1))}`);
  };
  const close = () => {
    wipe();
    clearInterval(timer);
    timer = undefined;
  };
  return {
    observe(event) {
      wipe();
      // Items that were in place already are not news.
      if (event.type === 'item_started') running.set(event.item, { since: performance.now(), what: '' });
      if (event.type === 'item_progress') {
        const item = running.get(event.item);
        if (item !== undefined) item.what = event.what;
      }
      const isNews = event.type !== 'item_ended' || event.result.status !== 'ok';
      if (isNews) for (const line of renderSetupEvent(event)) out.write(`${escapeInline(line)}\n`);
      if (event.type === 'item_ended') running.delete(event.item);
      if (!out.isTTY || running.size === 0) close();
      else timer ??= setInterval(draw, REDRAW_MS);
    },
    close,
  };
}
