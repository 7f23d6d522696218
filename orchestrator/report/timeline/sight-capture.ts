import { CaptureReader, describeFrame } from '../../evidence/index.ts';
import type { Sighting } from './entry.ts';

/** Beginnings and ends of connections, and every frame that is no part of one: what carries data has no story of its own. */
export function sightCapture(content: Buffer): Sighting[] {
  const sightings: Sighting[] = [];
  const reader = new CaptureReader(({ from, atMs, bytes }) => {
    const { protocol, source, destination, sourcePort, destinationPort, flags } = describeFrame(bytes);
    const names = flags === undefined ? [] : (['syn', 'ack', 'fin', 'rst'] as const).filter((name) => flags[name]);
    if (flags !== undefined && !flags.syn && !flags.fin && !flags.rst) return;
    const place = (address?: string, port?: number): string =>
      `${address ?? ''}${port === undefined ? '' : `:${port}`}`;
    const ways = source === undefined ? [] : [`${place(source, sourcePort)} → ${place(destination, destinationPort)}`];
    const detail = [...ways, ...names].join(' ');
    sightings.push({
      ...{ at_ms: atMs, clock: 'relay', stream: 'capture', record: reader.frames },
      ...{ what: `${protocol} from ${from}`, ...(detail !== '' && { detail }) },
    });
  });
  reader.push(content);
  reader.end();
  return sightings;
}
