import { CaptureReader } from '../capture/read-capture.ts';
import { describeFrame } from '../capture/describe-frame.ts';
import { Findings } from './findings.ts';

/** Reads capture.pcapng piece by piece: whether it is whole, and what the relay's connections took on the cable. */
export class CaptureWitness {
  readonly findings = new Findings();
  /** Connections that the relay's end began, and bytes that TCP carried, by who sent them. */
  connections = 0;
  readonly carried = { relay: 0, guest: 0 };
  #hasBytes = false;
  readonly #reader = new CaptureReader(({ from, bytes }) => {
    const { flags, payload = 0 } = describeFrame(bytes);
    if (flags === undefined) return;
    if (from === 'relay' && flags.syn && !flags.ack) this.#connect(bytes);
    this.carried[from] += payload;
  });
  /** Source ports: a hello that is sent again is the same connection. */
  readonly #ports = new Set<number>();

  get records(): number {
    return this.#reader.frames;
  }

  readonly onPiece = (piece: Buffer): void => {
    this.#hasBytes ||= piece.length > 0;
    this.#reader.push(piece);
  };

  /** After the last piece. */
  readonly onEnd = (): void => {
    this.#reader.end();
    const { problem, count, frames } = this.#reader;
    if (problem !== undefined) this.findings.add('record_unreadable', 'capture', problem);
    else if (this.#hasBytes && count === undefined)
      this.findings.add('capture_not_closed', 'capture', `after ${frames} frames`);
    if (count !== undefined && count.dropped > 0)
      this.findings.add('capture_truncated', 'capture', `${count.dropped} of ${count.received} frames are not kept`);
  };

  #connect(frame: Buffer): void {
    const { sourcePort } = describeFrame(frame);
    if (sourcePort === undefined || this.#ports.has(sourcePort)) return;
    this.#ports.add(sourcePort);
    this.connections += 1;
  }
}
