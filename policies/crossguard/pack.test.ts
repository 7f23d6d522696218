import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { credentials, type ServiceError } from '@grpc/grpc-js';
import analyzerRpc from '@pulumi/pulumi/proto/analyzer_grpc_pb.js';
import analyzer from '@pulumi/pulumi/proto/analyzer_pb.js';
import emptyProto from 'google-protobuf/google/protobuf/empty_pb.js';
import structProto, { type JavaScriptValue } from 'google-protobuf/google/protobuf/struct_pb.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CASES } from './cases.ts';
import { RULES } from './index.ts';

/** As the pulumi binary starts a pack: this very runner of its SDK, on the pack's folder. */
const RUNNER = createRequire(import.meta.url).resolve('@pulumi/pulumi/cmd/run-policy-pack/index.js');
const START_DEADLINE_MS = 60_000;

const child = spawn(process.execPath, [RUNNER, '127.0.0.1:1', join(import.meta.dirname, 'pack', 'index.cjs')], {
  env: { PATH: '/usr/bin:/bin' },
  stdio: ['ignore', 'pipe', 'pipe'],
});
let said = '';
child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));

let client: InstanceType<typeof analyzerRpc.AnalyzerClient>;
beforeAll(async () => {
  const [line] = (await once(child.stdout, 'data', { signal: AbortSignal.timeout(START_DEADLINE_MS) })) as [Buffer];
  client = new analyzerRpc.AnalyzerClient(`127.0.0.1:${line.toString().trim()}`, credentials.createInsecure());
});
afterAll(async () => {
  client.close();
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
});

test('tells the engine every rule, all of them mandatory', async () => {
  const info = await ask<InstanceType<typeof analyzer.AnalyzerInfo>>((done) => {
    client.getAnalyzerInfo(new emptyProto.Empty(), done);
  });
  const policies = info.getPoliciesList();
  expect(policies.map((policy) => policy.getName()).sort(), said).toEqual(RULES.map(({ name }) => name).sort());
  expect(new Set(policies.map((policy) => policy.getEnforcementlevel()))).toEqual(
    new Set([analyzer.EnforcementLevel.MANDATORY]),
  );
});

test.each(Object.entries(CASES))('says of the cases of %s what the rule says', async (rule, cases) => {
  for (const { name, type, props } of cases.filter((one) => !JSON.stringify(one).includes('__pulumiOutput'))) {
    const broken = await analyze(type, props);
    expect([name, broken.includes(rule)]).toEqual([name, name.startsWith('fail-')]);
  }
});

async function analyze(type: string, props: Readonly<Record<string, unknown>>): Promise<readonly string[]> {
  const plain = JSON.parse(JSON.stringify(props)) as Record<string, JavaScriptValue>;
  const request = new analyzer.AnalyzeRequest();
  request.setType(type);
  request.setUrn(`urn:pulumi:s::p::${type}::x`);
  request.setName('x');
  request.setOptions(new analyzer.AnalyzerResourceOptions());
  request.setProperties(structProto.Struct.fromJavaScript(plain));
  const answer = await ask<InstanceType<typeof analyzer.AnalyzeResponse>>((done) => {
    client.analyze(request, done);
  });
  return answer.getDiagnosticsList().map((diagnostic) => diagnostic.getPolicyname());
}

function ask<T>(send: (done: (error: ServiceError | null, answer: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    send((error, answer) => {
      if (error === null) resolve(answer);
      else reject(error);
    });
  });
}
