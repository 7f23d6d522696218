import type { EngineEvent, EventLog } from './event-log.ts';
import type { State } from '../state/schema.ts';
import type { Op, Step } from './step.ts';
import { STEP_KINDS } from './step.ts';
import { isProviderType } from '../values/urn.ts';
import type { Json } from '../values/value.ts';
import { isTagged, SECRET, SIGNATURE } from '../values/value.ts';

export type Severity = 'debug' | 'info' | 'info#err' | 'warning' | 'error';
export type Result = 'succeeded' | 'failed' | 'canceled';

/** Tells what an operation does: as engine events, as counts for the summary, and as error texts for people. */
export class Reporter {
  readonly #log: EventLog;
  readonly #preview: boolean;
  readonly #started = Date.now();
  readonly #counts: Record<string, number> = {};
  readonly #errors: string[] = [];
  #maybeCorrupt = false;
  #isOver = false;

  constructor(log: EventLog, preview: boolean) {
    this.#log = log;
    this.#preview = preview;
  }

  /** How many logical steps of each kind succeeded. */
  get changes(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  /** Error diagnostics so far, each with its resource's URN in front. */
  get errors(): readonly string[] {
    return this.#errors;
  }

  prelude(config: Readonly<Record<string, string>>): void {
    this.#emit({ preludeEvent: { config } });
  }

  /** A step is about to begin. */
  begun(step: Step): void {
    this.#emit({ resourcePreEvent: { metadata: metadata(step), planning: this.#preview } });
  }

  /** A step succeeded. Components tell their outputs when the program registers them, so `outputs` is separate. */
  succeeded(step: Step, now: State | undefined, counted: Op | 'nothing' = step.op): void {
    if (counted !== 'nothing' && STEP_KINDS[step.op].logical && !isDefaultProvider(step)) {
      this.#counts[counted] = (this.#counts[counted] ?? 0) + 1;
    }
    const isComponent = now?.custom === false;
    if (!isComponent || this.#preview || step.op === 'refresh') this.outputs(step, now);
  }

  outputs(step: Step, now: State | undefined): void {
    this.#emit({ resOutputsEvent: { metadata: metadata(step, now), planning: this.#preview } });
  }

  /** A step failed; `status` 1 says that the object exists although it is not as it should be, 2 that its state is not known. */
  failed(step: Step, message: string, status: 0 | 1 | 2): void {
    this.#maybeCorrupt ||= status === 2;
    this.diagnostic('error', message, step.urn);
    if (!this.#preview) this.#emit({ resOpFailedEvent: { metadata: metadata(step), status, steps: 0 } });
  }

  diagnostic(severity: Severity, message: string, urn?: string): void {
    const text = message.endsWith('\n') ? message : `${message}\n`;
    if (severity === 'error') this.#errors.push(urn === undefined || urn === '' ? message : `${urn}: ${message}`);
    this.#emit({
      diagnosticEvent: { ...(urn === undefined || urn === '' ? {} : { urn }), message: text, color: 'never', severity },
    });
  }

  line(message: string): void {
    this.#emit({ stdoutEvent: { message: `${message}\n`, color: 'never' } });
  }

  /** The last two events of every operation. */
  summary(result: Result): void {
    this.#emit({
      summaryEvent: {
        maybeCorrupt: this.#maybeCorrupt,
        durationSeconds: Math.ceil((Date.now() - this.#started) / 1000),
        resourceChanges: { ...this.#counts },
        PolicyPacks: {},
        isPreview: this.#preview,
        result,
      },
    });
    this.#emit({ cancelEvent: {} });
    this.#isOver = true;
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  /** What ends late, after a termination, is not told: listeners stop at the last event. */
  #emit(event: EngineEvent): void {
    if (!this.#isOver) this.#log.emit(event);
  }
}

function isDefaultProvider(step: Step): boolean {
  return isProviderType(step.type) && /::default(_|$)/.test(step.urn);
}

function metadata(step: Step, now?: State): EngineEvent {
  const next = now ?? step.next;
  const provider = (next ?? step.old)?.provider ?? '';
  return {
    op: step.op,
    urn: step.urn,
    type: step.type,
    old: step.old === undefined ? null : describe(step.old),
    new: next === undefined ? null : describe(next),
    ...(step.diff === undefined ? {} : { keys: step.diff.replaces, diffs: step.diff.diffs }),
    detailedDiff: step.diff === undefined || Object.keys(step.diff.detailed).length === 0 ? null : step.diff.detailed,
    logical: STEP_KINDS[step.op].logical,
    provider,
  };
}

/** A state as events show it: no secret in clear, ever. */
function describe(state: State): EngineEvent {
  const optional = {
    custom: state.custom,
    delete: state.delete,
    protect: state.protect,
    external: state.external,
    retainOnDelete: state.retainOnDelete,
  };
  const set = Object.fromEntries(Object.entries(optional).filter(([, value]) => value === true)) as Record<
    string,
    Json
  >;
  return {
    type: state.type,
    urn: state.urn,
    ...set,
    id: state.id ?? '',
    parent: state.parent ?? '',
    inputs: hide(state.inputs),
    outputs: hide(state.outputs),
    provider: state.provider ?? '',
    ...(state.initErrors === undefined || state.initErrors.length === 0 ? {} : { initErrors: state.initErrors }),
  };
}

function hide(value: Json): Json {
  if (isTagged(value, SECRET)) return { [SIGNATURE]: SECRET, ciphertext: '[secret]' };
  if (Array.isArray(value)) return (value as readonly Json[]).map(hide);
  return typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hide(item)]))
    : value;
}
