import { arrivalsOf } from '../arrivals.ts';
import {
  addAudit,
  after,
  type Case,
  drop,
  edit,
  health,
  insert,
  rechain,
  rechainArrivals,
  shiftGuest,
} from './judge.ts';

/* Everything that can happen to audit records, to what arrived, to clocks. */

export const audit: Case[] = [
  [
    'an audit record is missing',
    'audit_gap',
    'audit',
    (s) => {
      drop(s, /:4\):/);
    },
  ],
  [
    'many audit records are missing',
    'audit_gap',
    'audit',
    (s) => {
      addAudit(s, 'type=EOE msg=audit(1790000001.000:900000): ');
    },
  ],
  [
    'the beginning of the audit log is missing',
    'audit_gap',
    'audit',
    (s) => {
      drop(s, /DAEMON_START/);
    },
  ],
  [
    'auditd was killed and started again',
    'audit_stopped',
    'audit',
    (s) => {
      addAudit(s, 'type=DAEMON_START msg=audit(1790000001.000:2578): op=start ver=4.0.2 res=success');
    },
  ],
  [
    'auditd was stopped',
    'audit_stopped',
    'audit',
    (s) => {
      addAudit(s, 'type=DAEMON_END msg=audit(1790000001.000:2578): op=terminate res=success');
    },
  ],
  [
    'auditd was killed after the script',
    'audit_ended_early',
    'audit',
    (s) => {
      drop(s, /:5\):/);
    },
  ],
  [
    'auditd was killed before the script',
    'process_not_audited',
    'audit',
    (s) => {
      drop(s, /:[345]\):/);
    },
  ],
  [
    'an audit record is none',
    'record_unreadable',
    'audit',
    (s) => {
      addAudit(s, 'type=EXECVE argc=1');
    },
  ],
  ['a session left no trace with sshd', 'stream_empty', 'sshd', (s) => void (s.sshd = [])],
  ['a session left no audit record', 'stream_empty', 'audit', (s) => void (s.audit = [])],
  ['the guest’s own log was rotated away', 'file_differs', 'audit_file', (s) => void (s.audit_file = [])],
  ['the guest’s own log lost its beginning', 'file_differs', 'audit_file', (s) => void s.audit_file.splice(0, 3)],
  ['the guest’s own log lost a record', 'file_differs', 'audit_file', (s) => void s.audit_file.splice(2, 1)],
  ['the guest’s own log has a record too many', 'file_differs', 'audit_file', (s) => void s.audit_file.push('x')],
  ['the guest’s own log is another', 'file_differs', 'audit_file', (s) => void (s.audit_file = ['x'])],
  [
    'a record of the guest’s own log was changed',
    'file_differs',
    'audit_file',
    (s) => {
      edit(s.audit_file, 2, 'uid=2002', 'uid=0');
    },
  ],
];

export const arrivals: Case[] = [
  [
    'a file is longer than what arrived',
    'arrival_differs',
    'sshd',
    (s) => {
      after(s, () => s.sshd.push('more'));
    },
  ],
  [
    'a file is shorter than what arrived',
    'arrival_differs',
    'sshd',
    (s) => {
      after(s, () => s.sshd.pop());
    },
  ],
  [
    'a record was changed after it arrived',
    'arrival_differs',
    'audit',
    (s) => {
      after(s, () => {
        edit(s.audit, 3, '2002', '0');
      });
    },
  ],
  [
    'a record was changed after it arrived, and the end made to fit',
    'arrival_differs',
    'console',
    (s) => {
      after(s, () => (s.console = ['BURNBAG READY of another']));
    },
  ],
  [
    'the source was rewritten after its records had arrived',
    'source_differs',
    'executor',
    (s) => {
      rechainArrivals(s, (all) =>
        all.map((one) =>
          one['event'] === 'ended' && one['stream'] === 'executor'
            ? { ...one, source: { bytes: one['bytes'], sha256: '0'.repeat(64) } }
            : one,
        ),
      );
      return undefined;
    },
  ],
  [
    'the source could not be read again',
    'source_differs',
    'sshd',
    (s) => {
      rechainArrivals(s, (all) =>
        all.map((one) => (one['stream'] === 'sshd' && one['event'] === 'ended' ? { ...one, source: null } : one)),
      );
      return undefined;
    },
  ],
  [
    'the source shrank',
    'stream_shrank',
    'audit',
    (s) => {
      insert(s, { event: 'shrank', stream: 'audit', from: 9, to: 0 });
    },
  ],
  [
    'more came than is kept',
    'stream_flooded',
    'audit',
    (s) => {
      insert(s, { event: 'flooded', stream: 'audit', kept: 9 });
    },
  ],
  [
    'a stream’s end was not recorded',
    'arrival_differs',
    'audit',
    (s) => {
      rechainArrivals(s, (all) => all.filter((one) => one['event'] !== 'ended' || one['stream'] !== 'audit'));
      return undefined;
    },
  ],
  [
    'whoever followed the streams crashed',
    'arrivals_not_closed',
    'arrivals',
    (s) => void (s.arrivals = arrivalsOf(s).slice(0, -1)),
  ],
  ['an arrival was dropped', 'chain_broken', 'arrivals', (s) => void (s.arrivals = arrivalsOf(s).toSpliced(2, 1))],
  [
    'an arrival was dropped and the chain made anew',
    'chain_broken',
    'arrivals',
    (s) => {
      rechainArrivals(s, (all) => all.toSpliced(1, 1));
      return undefined;
    },
  ],
  [
    'an arrival is none',
    'record_unreadable',
    'arrivals',
    (s) => {
      insert(s, { event: 'arrived', stream: 'relay' });
    },
  ],
];

export const clocks: Case[] = [
  [
    'the guest’s clock is not where its monotonic clock says',
    'clock_stepped',
    'executor',
    (s) => {
      health(s, '"offset_ms":0', '"offset_ms":-9000');
    },
  ],
  [
    'the guest’s clock stood still between two requests',
    'clock_stepped',
    'executor',
    (s) => {
      shiftGuest(s, 4, -5_000);
    },
  ],
  [
    'the guest’s clock was set ahead',
    'clock_stepped',
    'executor',
    (s) => {
      shiftGuest(s, 2, 3_600_000);
    },
  ],
  [
    'the guest’s clock stood still during a request',
    'clock_stepped',
    'executor',
    (s) =>
      void (s.executor = rechain(s.executor, (all) =>
        all.map((one) =>
          one['event'] === 'action_ended' && one['request_id'] === 2 ? { ...one, duration_ms: 9_000 } : one,
        ),
      )),
  ],
];

export const ends: Case[] = [
  [
    'nobody asked for the guest’s health',
    'audit_uncounted',
    'audit',
    (s) => {
      health(s, '"lost":0', '"lost":null');
    },
  ],
  ['the last audit record has no end', 'record_incomplete', 'audit', () => ({ tail: { audit: 'type=EXEC' } })],
  ['a stream broke', 'stream_lost', 'audit', () => ({ endings: { audit: 'lost' } })],
  ['a stream never opened', 'stream_never_opened', 'executor', () => ({ endings: { executor: 'never_opened' } })],
  ['nothing is said about a stream', 'stream_not_listed', 'console', () => ({ unlisted: ['console'] })],
];
