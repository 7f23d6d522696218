import type { Sighting } from './entry.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What the relay sent and received. */
export function sightRelay(lines: Iterable<Buffer>): Iterable<Sighting> {
  return sightJson(lines, (fields, place) => {
    const { event, serial, reason } = fields;
    const common = { ...place, stream: 'relay' as const, clock: 'relay' as const };
    const said = RELAY_WORDS[String(event)];
    if (said === undefined) return undefined;
    const line = parse(typeof fields['line'] === 'string' ? fields['line'] : '');
    return {
      ...common,
      what: said,
      ...requestId(line?.['id']),
      ...(isSerial(serial) && { serial }),
      ...detailOf([line?.['action'], line?.['status'], reason, fields['log']]),
    };
  });
}

const RELAY_WORDS: Readonly<Record<string, string>> = {
  connected: 'logged in',
  request: 'request sent',
  answer: 'answer received',
  ended: 'session ended',
  log_connected: 'logged in to fetch a log',
  log_fetched: 'log fetched',
};

/** What the executor did. */
export function sightExecutor(lines: Iterable<Buffer>): Iterable<Sighting> {
  return sightJson(lines, (fields, place) => {
    const { event, serial, request_id, pid, action, status, code, reason } = fields;
    const what = EXECUTOR_WORDS[String(event)];
    if (what === undefined) return undefined;
    const agent = fields['agent'] as Fields | undefined;
    return {
      ...place,
      stream: 'executor',
      clock: 'guest',
      what,
      ...requestId(request_id),
      ...processId(pid ?? agent?.['pid']),
      ...(isSerial(serial) && { serial }),
      ...detailOf([action, status, code, reason]),
    };
  });
}

const EXECUTOR_WORDS: Readonly<Record<string, string>> = {
  session_open: 'session opened',
  session_refused: 'session refused',
  session_closed: 'session closed',
  action_started: 'action started',
  action_ended: 'action ended',
  refused: 'request refused',
};

/** What the engine did; it tells whole seconds. */
export function sightEngine(lines: Iterable<Buffer>): Iterable<Sighting> {
  return sightJson(lines, ({ timestamp, ...event }, { record }) => {
    const [name = 'event'] = Object.keys(event).filter((key) => key.endsWith('Event'));
    if (!Number.isSafeInteger(timestamp)) return undefined;
    const metadata = (event as Record<string, Fields | undefined>)[name]?.['metadata'] as Fields | undefined;
    const what = ENGINE_WORDS[name] ?? name;
    const at_ms = Number(timestamp) * 1_000;
    const detail = detailOf([metadata?.['op'], metadata?.['type']]);
    return { at_ms, within_ms: 1_000, record, stream: 'engine', clock: 'relay', what, ...detail };
  });
}

const ENGINE_WORDS: Readonly<Record<string, string>> = {
  preludeEvent: 'engine began',
  resourcePreEvent: 'resource begun',
  resOutputsEvent: 'resource done',
  resOpFailedEvent: 'resource failed',
  diagnosticEvent: 'engine said',
  summaryEvent: 'engine ended',
  cancelEvent: 'engine closed',
};

/** What was asked of the provider. */
export function sightProvider(lines: Iterable<Buffer>): Iterable<Sighting> {
  const names = new Map<unknown, unknown[]>();
  return sightJson(lines, ({ event, number, call, resource, id, ok, error }, place) => {
    if (event === 'called') names.set(number, [call, resource]);
    else if (event !== 'returned') return undefined;
    const outcome = event === 'called' ? [id] : [ok === true ? 'ok' : 'failed', id, error];
    const what = event === 'called' ? 'provider called' : 'provider returned';
    return {
      ...place,
      stream: 'provider',
      clock: 'relay',
      what,
      ...detailOf([...(names.get(number) ?? []), ...outcome]),
    };
  });
}

interface Place {
  readonly record: number;
  readonly at_ms: number;
}

/** Each line that is an object, as `sight` sees it. */
function* sightJson(
  lines: Iterable<Buffer>,
  sight: (fields: Fields, place: Place) => Sighting | undefined,
): Generator<Sighting> {
  let record = 0;
  for (const line of lines) {
    record += 1;
    const fields = parse(line.toString());
    const seen = fields && sight(fields, { record, at_ms: momentOf(fields['at_ms']) });
    if (seen !== undefined) yield seen;
  }
}

function parse(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** What no clock can say is said to be the beginning of time, and stands where everybody sees it. */
function momentOf(value: unknown): number {
  return Number.isSafeInteger(value) && Math.abs(value as number) < 8e15 ? (value as number) : 0;
}

function requestId(value: unknown): { readonly request_id?: number } {
  return Number.isSafeInteger(value) && (value as number) > 0 ? { request_id: value as number } : {};
}

function processId(value: unknown): { readonly pid?: number } {
  return Number.isSafeInteger(value) && (value as number) >= 0 ? { pid: value as number } : {};
}

function isSerial(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 20;
}

function detailOf(parts: readonly unknown[]): { readonly detail?: string } {
  const detail = parts.filter((part) => typeof part === 'string' && part !== '').join(' ');
  return detail === '' ? {} : { detail };
}
