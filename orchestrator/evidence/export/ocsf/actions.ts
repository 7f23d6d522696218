import { readFields, type Fields } from '../../witness/json.ts';
import { ALLOWED, DENIED, type EventMaker, type OcsfEvent, SEVERITY, STATUS } from './event.ts';

/** API Activity's words for our actions; what runs something is Other. */
const ACTIVITY: Readonly<Record<string, number>> = {
  put_file: 1,
  list_files: 2,
  get_file: 2,
  read_file: 2,
  tail_log: 2,
  check_health: 2,
  inspect_file: 2,
  list_processes: 2,
  list_sockets: 2,
  run_migration: 3,
  restart_service: 3,
};
const OTHER = 99;
const OPEN = 1;
const CLOSE = 2;

/** The relay's transcript: each login is SSH Activity, each answered request API Activity, denied ones too. */
export function actionEvents(make: EventMaker, lines: readonly string[]): readonly OcsfEvent[] {
  const requests = new Map<unknown, Fields>();
  return lines.flatMap((line) => {
    const record = readFields(line);
    const event = record?.['event'];
    if (record === undefined || typeof event !== 'string') return [];
    if (event === 'connected' || event === 'log_connected') return [login(make, record)];
    if (event === 'ended' || event === 'log_fetched') return [logout(make, record)];
    const said = readFields(String(record['line']));
    if (event === 'request' && said !== undefined) requests.set(said['id'], said);
    return event === 'answer' && said !== undefined ? [answered(make, record, said, requests.get(said['id']))] : [];
  });
}

function login(make: EventMaker, record: Fields): OcsfEvent {
  const unmapped = { certificate_serial: record['serial'], key_id: record['key_id'], host_key: record['host_key'] };
  return ssh(make, OPEN, record, unmapped);
}

function logout(make: EventMaker, record: Fields): OcsfEvent {
  const { reason, bytes_sent: sent, bytes_received: received } = record;
  return ssh(make, CLOSE, record, { reason, bytes_sent: sent, bytes_received: received });
}

function ssh(make: EventMaker, activity: number, record: Fields, unmapped: OcsfEvent): OcsfEvent {
  const fields = { src_endpoint: make.relay(), dst_endpoint: endpoint(make), status_id: STATUS.success, ...ALLOWED };
  return make.make('ssh_activity', { activity, time: Number(record['at_ms']), fields, unmapped });
}

function answered(make: EventMaker, record: Fields, answer: Fields, request: Fields | undefined): OcsfEvent {
  const operation = textOf(request?.['action'] ?? answer['action'], 'unknown');
  const error = answer['error'] as Fields | undefined;
  const isRefused = answer['status'] === 'refused';
  const response =
    error === undefined ? {} : { response: { error: String(error['code']), error_message: said(error) } };
  return make.make('api_activity', {
    activity: ACTIVITY[operation] ?? OTHER,
    time: Number(record['at_ms']),
    severity: isRefused ? SEVERITY.medium : SEVERITY.informational,
    fields: {
      actor: make.actor(),
      api: { operation, request: { uid: textOf(answer['id'], 'none') }, ...response },
      src_endpoint: make.relay(),
      dst_endpoint: endpoint(make),
      status_id: answer['status'] === 'ok' ? STATUS.success : STATUS.failure,
      ...(isRefused ? DENIED : ALLOWED),
    },
    unmapped: { arguments: withoutContent(request?.['args']), answer_sha256: record['sha256'] },
  });
}

function endpoint(make: EventMaker): OcsfEvent {
  const { uid, name } = make.sandbox();
  return { uid, name };
}

function said(error: Fields): string {
  return `expected ${String(error['expected'])}, got ${String(error['got'])}`;
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : otherwise;
}

/** The content of an uploaded file is evidence, not an argument anybody reads in an event. */
function withoutContent(args: unknown): unknown {
  if (typeof args !== 'object' || args === null) return null;
  const { content_base64: content, ...rest } = args as Record<string, unknown>;
  return typeof content === 'string' ? { ...rest, content_characters: content.length } : rest;
}
