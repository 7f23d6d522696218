import { FETCHED } from '../arrivals.ts';
import { agreeingStreams } from '../bundle.ts';
import { type Case, edit, editRelay, health, onEvent, otherSession, rechain, renumber } from './judge.ts';

/* Everything that can happen to the records of executor, relay and sshd. */

export const executor: Case[] = [
  ['a record was dropped', 'chain_broken', 'executor', (s) => void s.executor.splice(3, 1)],
  [
    'a record was changed',
    'chain_broken',
    'executor',
    (s) => {
      edit(s.executor, 2, '"duration_ms":1', '"duration_ms":2');
    },
  ],
  [
    'records changed places',
    'chain_broken',
    'executor',
    (s) => void s.executor.splice(1, 2, ...s.executor.slice(1, 3).reverse()),
  ],
  [
    'a record was added after the end',
    'chain_broken',
    'executor',
    (s) => void s.executor.push(s.executor.at(-1) ?? ''),
  ],
  [
    'its log is not of this run',
    'other_run',
    'executor',
    (s) => void (s.executor = agreeingStreams('000000000000').executor),
  ],
  ['a record is no record', 'record_unreadable', 'executor', (s) => void s.executor.push('{"event":"unheard_of"}')],
  ['it has no session', 'session_not_recorded', 'executor', (s) => void (s.executor = [])],
  ['it did not end its session', 'session_not_closed', 'executor', (s) => void s.executor.pop()],
  [
    'it had a session of somebody else',
    'session_not_ours',
    'executor',
    (s) => void s.executor.push(...otherSession(s)),
  ],
  [
    'a request was not recorded',
    'request_not_recorded',
    'executor',
    (s) => void (s.executor = rechain(s.executor, (all) => all.filter((one) => one['request_id'] !== 4))),
  ],
  [
    'a request was recorded that was not sent',
    'request_not_sent',
    'executor',
    (s) => void (s.relay = renumber(s.relay.filter((line) => !line.includes('\\"id\\":4')))),
  ],
  [
    'an action has no end',
    'action_not_ended',
    'executor',
    (s) =>
      void (s.executor = rechain(s.executor, (all) =>
        all.filter((one) => one['event'] !== 'action_ended' || one['request_id'] !== 4),
      )),
  ],
  [
    'an answer is not the one that was sent',
    'answer_differs',
    'executor',
    (s) => void (s.executor = rechain(s.executor, (all) => all.map(onEvent('action_ended', 'answer_sha256')))),
  ],
  [
    'a refusal is of another request',
    'answer_differs',
    'executor',
    (s) => void (s.executor = rechain(s.executor, (all) => all.map(onEvent('refused', 'line_sha256')))),
  ],
];

export const relay: Case[] = [
  ['the transcript has a hole', 'chain_broken', 'relay', (s) => void s.relay.splice(2, 1)],
  ['all of a login is gone from the transcript', 'chain_broken', 'relay', (s) => void s.relay.splice(0, 10)],
  [
    'a record of the transcript was changed, and its own digest is right',
    'chain_broken',
    'relay',
    (s) => {
      edit(s.relay, 0, '"handshake_ms":700', '"handshake_ms":701');
    },
  ],
  [
    'the guest’s own file is not what the relay fetched',
    'file_differs',
    'audit_file',
    (s) => {
      edit(s.relay, 11, FETCHED, '0'.repeat(64));
    },
  ],
  ['the transcript has no end', 'transcript_not_ended', 'relay', (s) => void s.relay.splice(9, 1)],
  [
    'a line of the transcript was changed',
    'record_unreadable',
    'relay',
    (s) => {
      editRelay(s, 2, '/work/in/x', '/work/in/y');
    },
  ],
  [
    'the channel was dropped',
    'session_broken',
    'relay',
    (s) => {
      editRelay(s, 9, '"reason":"closed"', '"reason":"connection_lost"');
    },
  ],
  [
    'fewer bytes came than were sent',
    'bytes_differ',
    'relay',
    (s) => {
      editRelay(s, 9, ':', ':', /"bytes_sent":\d+/);
    },
  ],
  [
    'the kernel says that it dropped records',
    'audit_lost',
    'audit',
    (s) => {
      health(s, '"lost":0', '"lost":7');
    },
  ],
  [
    'health says that auditd is gone',
    'audit_stopped',
    'audit',
    (s) => {
      health(s, '"auditd":"running"', '"auditd":"stopped"');
    },
  ],
  [
    'health says that audit is off',
    'audit_stopped',
    'audit',
    (s) => {
      health(s, '"enabled":true', '"enabled":false');
    },
  ],
];

export const logins: Case[] = [
  ['sshd has no record of a login', 'login_not_recorded', 'sshd', (s) => void s.sshd.pop()],
  [
    'sshd accepted a login of somebody else',
    'login_not_ours',
    'sshd',
    (s) => void s.sshd.push(s.sshd[0]?.replace(/serial \d+/, 'serial 99') ?? ''),
  ],
  ['sshd accepted the same certificate twice', 'login_not_ours', 'sshd', (s) => void s.sshd.push(s.sshd[0] ?? '')],
  [
    'auditd says that it drops records',
    'audit_lost',
    'sshd',
    (s) => void s.sshd.push('Nov 23 09:05:49 sandbox daemon.err auditd[172]: queue is full - dropping event'),
  ],
  [
    'the console says that audit records are lost',
    'audit_lost',
    'console',
    (s) => void s.console.push('[   12.345678] audit: backlog limit exceeded'),
  ],
];
