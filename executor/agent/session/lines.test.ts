import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineTooLong, readLines } from './lines.ts';

// eslint-disable-next-line @typescript-eslint/require-await
async function* streamOf(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

async function collect(chunks: readonly Buffer[], maxBytes?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const { bytes, complete } of readLines(streamOf(chunks), maxBytes)) {
    lines.push(complete ? bytes.toString('latin1') : `half:${bytes.toString('latin1')}`);
  }
  return lines;
}

describe('readLines', () => {
  it('gives the same lines however the bytes arrive', async () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(9), { maxLength: 30 }), async (whole, cuts) => {
        const bytes = Buffer.from(whole);
        const chunks: Buffer[] = [];
        let at = 0;
        for (const cut of cuts) chunks.push(bytes.subarray(at, (at += cut)));
        chunks.push(bytes.subarray(at));
        const parts = whole.split('\n');
        const last = parts.pop() ?? '';
        expect(await collect(chunks)).toEqual(last === '' ? parts : [...parts, `half:${last}`]);
      }),
    );
  });

  it('refuses a line over the limit, as soon as it is over', async () => {
    await expect(collect([Buffer.from('abcd\nabcde')], 4)).rejects.toBeInstanceOf(LineTooLong);
    await expect(collect([Buffer.from('abcd\n')], 4)).resolves.toEqual(['abcd']);
  });

  it('keeps memory bounded when a line comes byte by byte', async () => {
    const bytes = Array.from({ length: 50_000 }, () => Buffer.from('a'));
    const before = process.memoryUsage().arrayBuffers;
    expect((await collect([...bytes, Buffer.from('\n')])).map((line) => line.length)).toEqual([50_000]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });
});
