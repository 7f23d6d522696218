import { CaptureReader, describeFrame } from '../../evidence/index.ts';

/** A capture for people: one line a frame. */
export function renderCapture(content: Buffer): string {
  const lines: string[] = [];
  const reader = new CaptureReader(({ from, atMs, bytes }) => {
    const {
      protocol,
      source = '',
      destination = '',
      sourcePort,
      destinationPort,
      flags,
      payload,
    } = describeFrame(bytes);
    const port = (value: number | undefined): string => (value === undefined ? '' : `:${value}`);
    const way = source === '' ? '' : `${source}${port(sourcePort)} → ${destination}${port(destinationPort)}`;
    const names =
      flags === undefined ? '' : (['syn', 'ack', 'fin', 'rst'] as const).filter((name) => flags[name]).join(' ');
    const size = payload === undefined ? `${bytes.length} bytes` : `${payload} bytes of payload`;
    const at = new Date(atMs).toISOString().slice(11, 23);
    lines.push([at, `from ${from}`.padEnd(10), protocol, way, names, size].filter((part) => part !== '').join('  '));
  });
  reader.push(content);
  reader.end();
  const { count, problem } = reader;
  const dropped =
    count === undefined ? [] : [`${count.received} frames crossed, ${count.dropped} of them are not kept`];
  return [...lines, ...dropped, ...(problem === undefined ? [] : [`not readable further: ${problem}`])].join('\n');
}
