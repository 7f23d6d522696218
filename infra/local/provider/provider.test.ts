import { access, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import grpc from '@grpc/grpc-js';
import providerGrpc from '@pulumi/pulumi/proto/provider_grpc_pb.js';
import proto from '@pulumi/pulumi/proto/provider_pb.js';
import statusProto from '@pulumi/pulumi/proto/status_pb.js';
import structProto, { type JavaScriptValue } from 'google-protobuf/google/protobuf/struct_pb.js';
import emptyProto from 'google-protobuf/google/protobuf/empty_pb.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConcreteId } from '../../driver.ts';
import type { RunContext } from '../context.ts';
import { layoutOf } from '../layout.ts';
import { diskResource } from './disk.ts';
import { machineResource } from './machine.ts';
import { InitFailed, type Resource } from './resource.ts';
import { serveProvider, type ServedProvider } from './serve.ts';

const RUN = '0123456789ab';
const URN = `urn:pulumi:run-${RUN}::burnbag::burnbag:local:Sandbox$burnbag:local:`;
const INPUTS = { runId: RUN, sizeMiB: 16 };

let context: RunContext;
let provider: ServedProvider;
let client: InstanceType<typeof providerGrpc.ResourceProviderClient>;
let recorded: ConcreteId[];

/** Exists, but is not fit for use: what a machine is whose guest never says READY. */
const broken: Resource = {
  check: (inputs) => ({ inputs }),
  create: () => Promise.reject(new InitFailed('half-1', { runId: RUN }, new Error('no READY'))),
  read: () => Promise.resolve(undefined),
  delete: () => Promise.reject(new Error('still there')),
};

beforeEach(async () => {
  const owner = { home: await mkdtemp(join(tmpdir(), 'burnbag-provider-')), installationId: `t${process.pid}` };
  const layout = layoutOf(owner, RUN);
  await mkdir(layout.directory, { recursive: true });
  recorded = [];
  const observer = {
    record: async (id: ConcreteId): Promise<void> => {
      await expect(access(id.id)).rejects.toThrow();
      recorded.push(id);
    },
    event: () => undefined,
    progress: () => undefined,
  };
  const image = { digest: 'none', directory: '/nonexistent' };
  const { signal } = new AbortController();
  context = {
    owner,
    layout,
    observer,
    signal,
    image,
    acceleration: 'tcg',
    now: () => new Date(),
    scratchKey: undefined,
    machine: undefined,
    unfit: new AbortController(),
  };
  const resources = {
    'burnbag:local:Disk': diskResource(context),
    'burnbag:local:Machine': machineResource(context),
    'burnbag:local:Broken': broken,
  };
  provider = await serveProvider(resources);
  client = new providerGrpc.ResourceProviderClient(provider.address, grpc.credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  provider.close();
  await rm(context.owner.home, { recursive: true });
});

type Method = 'check' | 'diff' | 'create' | 'read' | 'delete' | 'cancel' | 'configure' | 'handshake' | 'invoke';
function call<Response>(method: Method, request: unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    const ask = client[method].bind(client) as unknown as (
      sent: unknown,
      done: (error: Error | null, response: Response) => void,
    ) => void;
    ask(request, (error, response) => {
      if (error === null) resolve(response);
      else reject(error);
    });
  });
}

const struct = (values: object): InstanceType<typeof structProto.Struct> =>
  structProto.Struct.fromJavaScript(values as Record<string, JavaScriptValue>);
const create = (type: string, inputs: object): InstanceType<typeof proto.CreateRequest> =>
  new proto.CreateRequest().setUrn(`${URN}${type}::x`).setProperties(struct(inputs));
type CreateResponse = InstanceType<typeof proto.CreateResponse>;
type DiffResponse = InstanceType<typeof proto.DiffResponse>;

test('a disk is named in the manifest before it exists, made once, read, and deleted twice without complaint', async () => {
  const made = await call<CreateResponse>('create', create('Disk', INPUTS));
  expect(made.getId()).toBe(context.layout.disk);
  expect(recorded.map(({ kind, id }) => [kind, id])).toEqual([['disk', context.layout.disk]]);
  const { ino } = await stat(context.layout.disk);
  const again = await call<CreateResponse>('create', create('Disk', INPUTS));
  expect([again.getId(), (await stat(context.layout.disk)).ino]).toEqual([made.getId(), ino]);
  const state = made.getProperties();
  const read = new proto.ReadRequest().setUrn(`${URN}Disk::x`).setId(made.getId()).setProperties(state);
  expect((await call<InstanceType<typeof proto.ReadResponse>>('read', read)).getId()).toBe(made.getId());
  const gone = new proto.DeleteRequest().setUrn(`${URN}Disk::x`).setId(made.getId()).setProperties(state);
  await call('delete', gone);
  await call('delete', gone);
  expect((await call<InstanceType<typeof proto.ReadResponse>>('read', read)).getId()).toBe('');
});

test('the key of the disk is in no answer', async () => {
  const made = await call<CreateResponse>('create', create('Disk', INPUTS));
  expect(context.scratchKey).toMatch(/^[\w-]{43}$/);
  expect(Buffer.from(made.serializeBinary()).includes(context.scratchKey ?? '')).toBe(false);
});

test.each([
  ['an unknown field', { ...INPUTS, colour: 'red' }, 'Unrecognized key'],
  ['a wrong type', { ...INPUTS, sizeMiB: '16' }, 'expected number'],
  ['a size out of range', { ...INPUTS, sizeMiB: 1 }, 'Too small'],
])('a disk with %s is refused by check', async (_, inputs, reason) => {
  const request = new proto.CheckRequest().setUrn(`${URN}Disk::x`).setNews(struct(inputs));
  const failures = (await call<InstanceType<typeof proto.CheckResponse>>('check', request)).getFailuresList();
  expect(failures.map((failure) => failure.getReason()).join()).toContain(reason);
});

test('any change of inputs is a replacement, the old one first; none is none', async () => {
  const request = new proto.DiffRequest()
    .setUrn(`${URN}Disk::x`)
    .setId('x')
    .setOldInputs(struct(INPUTS))
    .setNews(struct({ ...INPUTS, sizeMiB: 32 }));
  const changed = await call<DiffResponse>('diff', request);
  expect([changed.getChanges(), changed.getReplacesList(), changed.getDeletebeforereplace()]).toEqual([
    2,
    ['sizeMiB'],
    true,
  ]);
  expect((await call<DiffResponse>('diff', request.setNews(struct(INPUTS)))).getChanges()).toBe(1);
});

test('a preview makes nothing', async () => {
  await call('create', create('Disk', INPUTS).setPreview(true));
  expect(recorded).toEqual([]);
});

test('what exists but failed is told with its id, so that the engine destroys it', async () => {
  const error = await call('create', create('Broken', {})).catch((caught: unknown) => caught as grpc.ServiceError);
  const [packed] = (error as grpc.ServiceError).metadata.get('grpc-status-details-bin');
  const [detail] = statusProto.Status.deserializeBinary(packed as Buffer).getDetailsList();
  expect(detail?.getTypeUrl()).toBe('type.googleapis.com/pulumirpc.ErrorResourceInitFailed');
  const failed = proto.ErrorResourceInitFailed.deserializeBinary(detail?.getValue_asU8() ?? new Uint8Array());
  expect([failed.getId(), failed.getReasonsList(), failed.getProperties()?.toJavaScript()]).toEqual([
    'half-1',
    ['no READY'],
    { runId: RUN },
  ]);
});

test('a machine without a disk, and a failing delete, are errors with their text', async () => {
  const inputs = {
    runId: RUN,
    diskId: 'x',
    diskMiB: 16,
    imageDigest: 'none',
    memoryMiB: 128,
    cpus: 1,
    lifetimeSeconds: 60,
    tunnels: [],
    caPublicKey: '',
  };
  await expect(call('create', create('Machine', inputs))).rejects.toMatchObject({ code: grpc.status.UNKNOWN });
  const request = new proto.DeleteRequest().setUrn(`${URN}Broken::x`).setId('half-1');
  await expect(call('delete', request)).rejects.toMatchObject({ details: 'still there' });
});

test('a foreign type and a method we lack are refused by name; Cancel is survived', async () => {
  await expect(call('create', create('Volume', {}))).rejects.toMatchObject({
    details: expect.stringContaining('burnbag:local:Disk') as string,
  });
  await expect(call('invoke', new proto.InvokeRequest().setTok('x'))).rejects.toMatchObject({
    code: grpc.status.UNIMPLEMENTED,
  });
  await call('cancel', new emptyProto.Empty());
  expect((await call<CreateResponse>('create', create('Disk', INPUTS))).getId()).toBe(context.layout.disk);
});
