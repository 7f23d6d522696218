import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { RequestError } from '../errors.ts';
import { recordCustody, STREAMS, type StreamName } from '../evidence/index.ts';
import { renderCapture, renderTimeline, Timeline, TIMELINE_FILE } from '../report/index.ts';
import { operation } from './operation.ts';
import { RunPrefix } from './show.ts';

/** What can be shown: each stream, and all of them in one order. */
const SHOWN = [...(Object.keys(STREAMS) as [StreamName, ...StreamName[]]), 'timeline'] as const;
type Shown = (typeof SHOWN)[number];
/** More than a terminal scrolls; the whole file lies in the evidence folder. */
const SHOWN_MAX_BYTES = 8 * 1024 * 1024;

/** Shows one stream of a run's evidence, as it was collected; the capture and the timeline, which are for programs, as lines. */
export const logs = operation({
  name: 'logs',
  summary: 'show one stream of a run, or the timeline of all',
  access: 'shared',
  args: z.strictObject({ run: RunPrefix, stream: z.enum(SHOWN) }),
  result: z.strictObject({
    schema: z.literal('burnbag.logs/1'),
    run_id: z.string(),
    stream: z.string(),
    file: z.string(),
    bytes: z.int(),
    truncated: z.boolean(),
    text: z.string(),
  }),
  async run({ run, stream }, context) {
    const { deps } = await context.open();
    const { runId } = await deps.journal.getRun(run);
    const name = stream === 'timeline' ? TIMELINE_FILE : STREAMS[stream].file;
    const file = join(deps.home, 'runs', runId, name);
    await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW).catch((cause: unknown) => {
      const said = {
        expected: `stream ${stream} of run ${runId} to be collected`,
        got: 'no such file in its evidence',
        hint: 'a run that did not get as far has no such stream: see burnbag show',
      };
      throw new RequestError('no_evidence', said, { cause });
    });
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(Math.min(size, SHOWN_MAX_BYTES)), 0);
    const shown = buffer.subarray(0, bytesRead);
    const sha256 = createHash('sha256').update(shown).digest('hex');
    const entry = { who: context.environment.requester, act: 'read', run_id: runId, evidence_root: null } as const;
    await recordCustody(deps.home, { ...entry, sha256, detail: `${stream}, ${bytesRead} bytes` });
    const text = render(stream, shown);
    return {
      schema: 'burnbag.logs/1' as const,
      run_id: runId,
      stream,
      file,
      bytes: size,
      truncated: size > bytesRead,
      text,
    };
  },
});

/** A timeline that is too long to be shown whole cannot be read, and is shown as it is. */
function render(stream: Shown, content: Buffer): string {
  if (stream === 'capture') return renderCapture(content);
  const text = content.toString('utf8');
  if (stream !== 'timeline') return text;
  const timeline = parseTimeline(text);
  return timeline === undefined ? text : renderTimeline(timeline);
}

function parseTimeline(text: string): Timeline | undefined {
  try {
    return Timeline.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
