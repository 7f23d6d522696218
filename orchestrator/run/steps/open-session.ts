import { readFile } from 'node:fs/promises';
import type { Grant } from '../../../executor/protocol/index.ts';
import { createRunKey } from '../../ca/index.ts';
import { findProfile } from '../../policy/profile.ts';
import { openRelay } from '../../relay/index.ts';
import type { Step } from '../step.ts';
import { openLogStreams } from './log-streams.ts';

/** Mints the run's one certificate, records its serial, and logs in once with it. */
export const openSession: Step<'ready'> = async (run, live, deps) => {
  const { sandbox, request, granted } = live;
  if (sandbox === undefined || request === undefined || granted === undefined) return 'collecting';
  live.executedSince = performance.now();
  deps.observe({ type: 'phase_started', runId: run.runId, phase: 'executed' });
  const { tunnels } = findProfile(deps.policy, request.profile);
  const now = new Date();
  const grant: Grant = {
    version: 1,
    task_id: request.taskId,
    run_id: run.runId,
    requester: request.requester,
    machine_id: sandbox.machineId,
    actions: [...granted.actions],
    ...(tunnels !== undefined && { tunnels: [...tunnels] }),
    expires_at: Math.floor(now.getTime() / 1000) + granted.ttlSeconds,
    policy_sha256: deps.policy.sha256,
  };
  await openLogStreams(run, live, deps);
  const { sshd } = sandbox.streams;
  const key = createRunKey();
  const certificate = await deps.ca.mint({
    grant,
    ...{ runId: run.runId, taskId: request.taskId, machineId: sandbox.machineId },
    publicKey: key.publicKeyLine,
    sourceAddress: sandbox.relaySourceAddress,
    ttlSeconds: granted.ttlSeconds,
    now,
  });
  await deps.journal.recordCertificate(run.runId, certificate);
  live.certificate = certificate;
  live.tunnels = tunnels ?? [];
  live.expireAt(grant.expires_at * 1000);
  await deps.ca.spend(certificate.serial, `run ${run.runId} logs in`);
  live.session = await openRelay({
    address: sandbox.address,
    relayHost: deps.relayHost,
    hostKey: sandbox.hostKey,
    username: 'agent-runner',
    privateKey: key.privateKey,
    certificate: certificate.certificateLine,
    signal: live.signal,
    ...(sshd !== undefined && { sshdLog: () => readFile(sshd, 'utf8') }),
    onRecord: (record) => {
      // A request is on disk before it leaves; its answer is by the next one, or by the seal.
      live.logs.relay.append(record, record.event === 'answer');
    },
  });
  return 'executing';
};
