import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PENDING_MAX } from '../../protocol/index.ts';
import { Inbox } from './inbox.ts';
import type { Line } from './lines.ts';

const line = (text: string): Line => ({ bytes: Buffer.from(text), complete: true });

describe('Inbox', () => {
  it('stops reading at its bound, and goes on when there is room', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Line> {
      for (; read < 100; read++) {
        await sleep(0);
        yield line(String(read));
      }
    }
    const inbox = new Inbox(endless(), () => undefined);
    await sleep(50);
    expect(read).toBeLessThanOrEqual(PENDING_MAX);
    for (let expected = 0; expected < 100; expected++)
      expect((await inbox.take())?.bytes.toString()).toBe(String(expected));
    expect(await inbox.take()).toBeUndefined();
  });

  it('tells of the end at once, and still gives what came before', async () => {
    const ended = Promise.withResolvers<undefined>();
    async function* two(): AsyncGenerator<Line> {
      yield await Promise.resolve(line('a'));
      yield line('b');
    }
    const inbox = new Inbox(two(), () => {
      ended.resolve(undefined);
    });
    await ended.promise;
    expect((await inbox.take())?.bytes.toString()).toBe('a');
    expect((await inbox.take())?.bytes.toString()).toBe('b');
    expect(await inbox.take()).toBeUndefined();
  });

  it('throws what the input threw, after the lines before it', async () => {
    async function* broken(): AsyncGenerator<Line> {
      yield await Promise.resolve(line('a'));
      throw new Error('gone');
    }
    const inbox = new Inbox(broken(), () => undefined);
    expect((await inbox.take())?.bytes.toString()).toBe('a');
    await expect(inbox.take()).rejects.toThrow('gone');
  });
});
