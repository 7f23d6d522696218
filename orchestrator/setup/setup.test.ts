import { mkdir, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeTestHost } from '../../test/support/setup-host.ts';
import { runDoctor } from './doctor.ts';
import { lockSetup } from './lock.ts';
import { readRecord, writeRecord } from './record.ts';
import { renderItemResult, renderSetupEvent } from './render.ts';
import { requireSetup, runSetup, selectItems } from './setup.ts';
import { isPrepared, takeStamp } from './stamp.ts';

describe('the stamp', () => {
  test('holds until an input, a product or a setting changes', async () => {
    await using host = await makeTestHost();
    const input = join(host.folder, 'images/guest/init');
    await mkdir(join(host.folder, 'images/guest'), { recursive: true });
    await writeFile(input, 'one');
    expect(await isPrepared(host.context)).toBe(false);
    await takeStamp(host.context);
    expect(await isPrepared(host.context)).toBe(true);
    expect(await isPrepared({ ...host.context, archiveEndpoint: 'https://s3.example.org' })).toBe(false);
    await utimes(input, 1, 1);
    expect(await isPrepared(host.context)).toBe(false);
    await takeStamp(host.context);
    await mkdir(join(host.home, 'image'));
    await writeFile(join(host.home, 'image/root.img'), '');
    expect(await isPrepared(host.context)).toBe(false);
    await takeStamp(host.context);
    await rm(join(host.home, 'image/root.img'));
    expect(await isPrepared(host.context)).toBe(false);
  });

  test('costs little on this very checkout', async () => {
    await using host = await makeTestHost();
    const here = { ...host.context, root: join(import.meta.dirname, '../..') };
    await takeStamp(here);
    const started = performance.now();
    expect(await isPrepared(here)).toBe(true);
    expect(performance.now() - started).toBeLessThan(100);
  });
});

describe('a set-up', () => {
  test('waits for another one of the same data directory, and gets its turn', async () => {
    await using host = await makeTestHost();
    const order: string[] = [];
    const first = await lockSetup(host.home, host.context.signal, () => order.push('first waits'));
    const second = lockSetup(host.home, host.context.signal, () => order.push('second waits')).then((lock) => {
      order.push('second has it');
      lock[Symbol.dispose]();
    });
    await expect.poll(() => order).toEqual(['second waits']);
    first[Symbol.dispose]();
    await second;
    expect(order).toEqual(['second waits', 'second has it']);
  });

  test('prepares one item and records it', async () => {
    await using host = await makeTestHost();
    const events: string[] = [];
    const home = join(host.folder, 'new home');
    const result = await runSetup({
      ...host.context,
      home,
      only: ['data-directory'],
      onEvent: (event) => events.push(event.type),
    });
    expect(result).toMatchObject({ ok: true, items: [{ item: 'data-directory', status: 'ok' }] });
    expect((await readRecord(home)).items).toHaveProperty('data-directory.what', home);
    expect(events).toEqual(['item_ended']);
  });

  test('a data directory that cannot be written is refused', async () => {
    await using host = await makeTestHost();
    await writeFile(join(host.folder, 'file'), '');
    const options = { ...host.context, home: join(host.folder, 'file/home') };
    await expect(runSetup(options)).rejects.toMatchObject({ code: 'data_directory_unusable' });
  });

  test('takes along what the named items need', () => {
    expect(selectItems(['archive-server']).map((item) => item.name)).toEqual(['data-directory', 'archive-server']);
    const names = selectItems(undefined).map((item) => item.name);
    for (const item of selectItems(undefined)) {
      for (const need of item.needs) expect(names.indexOf(need)).toBeLessThan(names.indexOf(item.name));
    }
  });

  test('what is missing becomes an error for a caller who needs it', () => {
    const common = { why: 'w', what: 'nothing', durationMs: 1 };
    const failed = { ...common, item: 'qemu', status: 'failed', code: 'programs_missing', whatToDo: 'run: x' } as const;
    const skipped = { ...common, item: 'image', status: 'skipped', code: 'prerequisite_failed' } as const;
    expect(() => {
      requireSetup({ ok: false, items: [skipped, failed], durationMs: 1 });
    }).toThrow(expect.objectContaining({ code: 'programs_missing', hint: 'run: x' }));
    expect(() => {
      requireSetup({ ok: true, items: [], durationMs: 1 });
    }).not.toThrow();
  });
});

describe('the record', () => {
  test('keeps the row of what did not change, and survives a broken file', async () => {
    await using host = await makeTestHost();
    const result = { item: 'image', why: 'w', what: 'image', durationMs: 5, details: { digest: 'a' } };
    await writeRecord(host.home, [{ ...result, status: 'fixed' }]);
    await writeRecord(host.home, [{ ...result, status: 'ok', durationMs: 1 }]);
    expect((await readRecord(host.home)).items['image']).toMatchObject({ duration_ms: 5, details: { digest: 'a' } });
    await writeFile(join(host.home, 'setup.json'), '{"version":1,');
    expect(await readRecord(host.home)).toEqual({ version: 1, items: {} });
  });
});

describe('the doctor', () => {
  test('looks at host and items, says what to do, and changes nothing', async () => {
    await using host = await makeTestHost();
    const { ok, items } = await runDoctor(host.context);
    expect(ok).toBe(false);
    const archive = items.find((item) => item.item === 'archive-server');
    expect(archive).toMatchObject({ status: 'missing' });
    expect(archive?.whatToDo).toContain('go install github.com/versity/versitygw');
    for (const name of ['node', 'disk-space', 'namespaces', 'isolation'])
      expect(items.map((item) => item.item)).toContain(name);
    expect(await readdir(host.home)).toEqual([]);
  });

  test('sees a data directory that others may look into', async () => {
    await using host = await makeTestHost();
    await mkdir(join(host.folder, 'open'), { mode: 0o755 });
    const { items } = await runDoctor({ ...host.context, home: join(host.folder, 'open') });
    expect(items.find((item) => item.item === 'data-directory')).toMatchObject({ status: 'missing' });
  });
});

test('a line says how it ended and what to do', async () => {
  const result = { item: 'qemu', why: 'runs the sandbox', what: 'qemu-system-x86_64', durationMs: 12_345 } as const;
  expect(renderItemResult({ ...result, status: 'fixed' })).toEqual([
    '  ✔ qemu            fixed: 12.3 s · qemu-system-x86_64',
  ]);
  expect(
    renderItemResult({ ...result, status: 'missing', whatToDo: 'apt-get install x' })
      .at(1)
      ?.trim(),
  ).toBe('→ apt-get install x');
  expect(renderSetupEvent({ type: 'item_progress', item: 'qemu', what: 'x' })).toEqual([]);
  expect(await readFile(join(import.meta.dirname, '../../burnbag'), 'utf8')).toContain('NODE_MAJOR=26');
});
