import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConcurrentUpdateError } from '@pulumi/pulumi/automation/index.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { boxes, ENGINES, Fixture, gate, NEVER, until } from './fixture.ts';

/** A lock as another machine would have left it. */
function foreignLock(fixture: Fixture): void {
  mkdirSync(fixture.lockFolder(), { recursive: true });
  const lock = { pid: 1, username: 'someone', hostname: 'elsewhere', timestamp: '2026-01-01T00:00:00Z' };
  writeFileSync(join(fixture.lockFolder(), 'b7e9a9f4-0000-4000-8000-000000000000.json'), JSON.stringify(lock));
}

/** A pending create, written by hand into the state as a killed run leaves it. */
async function leavePending(fixture: Fixture): Promise<void> {
  const stack = await fixture.stack(NEVER);
  const { deployment } = (await stack.exportStack()) as {
    deployment: { resources: { urn: string; type: string; id?: string }[] };
  };
  const provider = deployment.resources.find(({ type }) => type === 'pulumi:providers:bag');
  const text = JSON.parse(
    JSON.stringify({ version: 3, checkpoint: { stack: 'organization/bb/dev', latest: deployment } }),
  ) as { checkpoint: { latest: Record<string, unknown> } };
  text.checkpoint.latest['pending_operations'] = [
    {
      type: 'creating',
      resource: {
        urn: 'urn:pulumi:dev::bb::bag:index:Box::lost',
        custom: true,
        type: 'bag:index:Box',
        inputs: { size: 1 },
        provider: `${String(provider?.urn)}::${String(provider?.id)}`,
      },
    },
  ];
  writeFileSync(fixture.stateFile(), JSON.stringify(text));
}

describe.each(ENGINES)('interruption on the %s engine', (engine) => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open(engine);
  });
  afterEach(() => {
    fixture.close();
  });

  it('3: warns of an interrupted create, goes on, and keeps it on record', async () => {
    await fixture.up(boxes(['a']));
    await leavePending(fixture);
    fixture.next();
    await fixture.up(boxes(['a'], ['b']));
    const warning = fixture.events.find(({ diagnosticEvent }) =>
      diagnosticEvent?.message.startsWith('Attempting to deploy'),
    )?.diagnosticEvent?.message;
    expect(warning).toContain('with 1 pending operations from previous deployment');
    expect(warning).toContain('urn:pulumi:dev::bb::bag:index:Box::lost, interrupted while creating');
    expect(fixture.provider.log('create')).toEqual(['create b']);
    expect(fixture.pending()).toEqual(['lost creating']);
  });

  it('4: a destroy deletes all it knows and keeps the interrupted create on record', async () => {
    await fixture.up(boxes(['a']));
    await leavePending(fixture);
    await fixture.destroy();
    expect(fixture.provider.existing).toEqual([]);
    expect(fixture.state().resources).toBeUndefined();
    expect(fixture.pending()).toEqual(['lost creating']);
  });

  it('14: an abort tells the provider, records what runs, and starts nothing new', async () => {
    const [started, cancelled] = [gate(), gate()];
    fixture.provider.on('create', 'a', async () => {
      started.open();
      await cancelled.opened;
    });
    fixture.provider.on('cancel', undefined, cancelled.open);
    const controller = new AbortController();
    const up = fixture.up(boxes(['a'], ['b', ({ a }) => ({ of: a?.id })]), { signal: controller.signal });
    const outcome = expect(up).rejects.toThrow(/update canceled/);
    await started.opened;
    controller.abort();
    await outcome;
    expect(fixture.names()).toEqual(['stack', 'p', 'a']);
    expect(fixture.pending()).toEqual([]);
    expect(fixture.provider.log()).toEqual(['create a']);
    expect(readdirSync(fixture.lockFolder())).toEqual([]);
    expect(fixture.summary()).toHaveProperty('result', 'failed');
  });

  it('16: a foreign lock stops what changes the stack, and only that', async () => {
    await fixture.up(boxes(['a']));
    foreignLock(fixture);
    fixture.next();
    const stack = await fixture.stack(boxes(['a']));
    await expect(stack.up()).rejects.toThrow(ConcurrentUpdateError);
    await expect(stack.destroy()).rejects.toThrow(ConcurrentUpdateError);
    await expect(stack.refresh()).rejects.toThrow(ConcurrentUpdateError);
    await expect(stack.workspace.removeStack('dev')).rejects.toThrow(ConcurrentUpdateError);
    expect(fixture.provider.calls).toEqual([]);
    await stack.preview();
    await stack.outputs();
    await stack.history();
    await stack.exportStack();
  });

  it('17: cancel breaks the lock', async () => {
    await fixture.up(boxes(['a']));
    foreignLock(fixture);
    const stack = await fixture.stack(NEVER);
    await stack.cancel();
    await stack.destroy();
    expect(fixture.provider.existing).toEqual([]);
  });

  it('two operations of one process on one stack exclude each other', async () => {
    const [started, go] = [gate(), gate()];
    fixture.provider.on('create', 'a', async () => {
      started.open();
      await go.opened;
    });
    const first = fixture.up(boxes(['a']));
    await started.opened;
    await expect(fixture.destroy()).rejects.toThrow(ConcurrentUpdateError);
    go.open();
    await first;
  });
});

describe('interruption, where the embedded engine is stricter than pulumi', () => {
  let fixture: Fixture;
  beforeEach(async () => {
    fixture = await Fixture.open('embedded', { findsByUrn: true });
  });
  afterEach(() => {
    fixture.close();
  });

  it('15: a termination returns at once, keeps the create on record, and never writes its late result', async () => {
    const [started, go] = [gate(), gate()];
    fixture.provider.on('create', 'a', async () => {
      started.open();
      await go.opened;
    });
    const up = fixture.up(boxes(['a']));
    const outcome = expect(up).rejects.toThrow(/update terminated/);
    await started.opened;
    const before = Date.now();
    fixture.embedded?.terminate();
    await outcome;
    expect(Date.now() - before).toBeLessThan(3_000);
    expect(readdirSync(fixture.lockFolder())).toEqual([]);
    go.open();
    await until(() => fixture.provider.existing.length === 1);
    expect(fixture.pending()).toEqual(['a creating']);
    expect(fixture.names()).toEqual(['stack', 'p']);
  });

  it('finds the object of an interrupted create by its URN and destroys it', async () => {
    const started = gate();
    fixture.provider.on('create', 'a', async () => {
      started.open();
      await new Promise((resolve) => setTimeout(resolve, 100));
    });
    const up = fixture.up(boxes(['a']));
    const outcome = expect(up).rejects.toThrow(/update terminated/);
    await started.opened;
    fixture.embedded?.terminate();
    await outcome;
    await until(() => fixture.provider.existing.length === 1);
    fixture.next();
    await fixture.destroy();
    expect(fixture.provider.existing).toEqual([]);
    expect(fixture.pending()).toEqual([]);
    expect(fixture.state().resources).toBeUndefined();
  });

  it('takes over the lock of a process that was killed, says so, and destroys what it left', async () => {
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'killed-run.ts'), fixture.folder, fixture.provider.address, fixture.passphrase],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const started = gate();
    fixture.provider.on('create', 'b', () => {
      started.open();
      return new Promise((resolve) => setTimeout(resolve, 100));
    });
    await started.opened;
    child.kill('SIGKILL');
    await ended;
    expect(readdirSync(fixture.lockFolder())).toHaveLength(1);
    expect(fixture.pending()).toEqual(['b creating']);
    await until(() => fixture.provider.existing.length === 2);
    fixture.next();
    await fixture.destroy();
    expect(
      fixture.events.some(({ diagnosticEvent }) =>
        diagnosticEvent?.message.startsWith('took over a lock whose owner is dead'),
      ),
    ).toBe(true);
    expect(fixture.provider.existing).toEqual([]);
    expect(fixture.state().resources).toBeUndefined();
    expect(fixture.pending()).toEqual([]);
  });

  it('a provider that hangs fails the step within its bound and keeps the create on record', async () => {
    const go = gate();
    fixture.provider.on('create', 'a', () => go.opened.then(() => undefined));
    const stack = await fixture.stack(boxes(['a']), { callMs: 300 });
    await expect(stack.up()).rejects.toThrow(/did not answer in time/);
    expect(fixture.pending()).toEqual(['a creating']);
    go.open();
    await until(() => fixture.provider.existing.length === 1);
    await fixture.destroy();
    expect(fixture.provider.existing).toEqual([]);
  });

  it('a provider that dies in a create keeps it on record', async () => {
    fixture.provider.on('create', 'a', () => {
      fixture.provider.stop();
      return new Promise(() => undefined);
    });
    await expect(fixture.up(boxes(['a']))).rejects.toThrow(/went away/);
    expect(fixture.pending()).toEqual(['a creating']);
    await fixture.provider.revive();
    fixture.next();
    await fixture.destroy();
    expect(fixture.names()).toEqual([]);
    expect(fixture.pending()).toEqual(['a creating']);
  });

  it('a lock file that is only half written counts as a lock', async () => {
    await fixture.up(boxes(['a']));
    mkdirSync(fixture.lockFolder(), { recursive: true });
    writeFileSync(join(fixture.lockFolder(), 'half.json'), '{"pid": 1');
    await expect(fixture.destroy()).rejects.toThrow(ConcurrentUpdateError);
    rmSync(join(fixture.lockFolder(), 'half.json'));
  });
});
