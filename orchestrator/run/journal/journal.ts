import type { ConcreteId } from '../../../infra/driver.ts';
import type { RunState } from '../lifecycle.ts';
import type { Run } from '../run.ts';
import { inBatches } from './batch.ts';
import { checkChain, type ChainVerdict, type Transition } from './chain.ts';
import type { Database } from './database.ts';
import { isElsewhere, refuseElsewhere } from './holder.ts';
import { migrate } from './migrate.ts';
import { translateError, translateErrors } from './translate.ts';
import { createRuns, idTaken, type NewRun } from './verbs/create-run.ts';
import { getRun } from './verbs/get-run.ts';
import { listActions, type RecordedAction } from './verbs/list-actions.ts';
import { listCertificates } from './verbs/list-certificates.ts';
import { listIds, type RecordedId } from './verbs/list-ids.ts';
import { listRuns, type RunFilter } from './verbs/list-runs.ts';
import { listTransitions } from './verbs/list-transitions.ts';
import { type Absence, markGone } from './verbs/mark-gone.ts';
import { type LinkedMove, type Move, moveRun, moveRuns } from './verbs/move-run.ts';
import { type ActionStep, recordAction } from './verbs/record-action.ts';
import { recordCertificate, type RecordedCertificate } from './verbs/record-certificate.ts';
import { recordId } from './verbs/record-id.ts';
import { unfinishedRuns } from './verbs/unfinished-runs.ts';

/**
 * Opens the journal: the Postgres at `databaseUrl`, or the embedded one in $HOME/journal, for which the caller must hold the lock of the
 * data directory. Makes or mends the tables. Rejects with JournalError, as does everything in it.
 */
export async function openJournal(place: JournalPlace): Promise<Journal> {
  try {
    return journalOf(fenced(translateErrors(await openDatabase(place)), place.fence), place.holder ?? null);
  } catch (error) {
    throw translateError(error);
  }
}

export interface JournalPlace {
  readonly home: string;
  readonly databaseUrl?: string;
  /** Whose runs these are, where several data directories share a server; see ../holder.ts. */
  readonly holder?: string;
  /** Asked before each statement; throws when the caller may not write any more. */
  readonly fence?: () => void;
}

/** What happened to every run. When a promise of it resolves, what it says is on disk. */
export interface Journal extends AsyncDisposable {
  readonly kind: Database['kind'];
  createRun(asked: NewRun): Promise<Run>;
  moveRun(run: Run, to: RunState, move?: Move): Promise<Run>;
  getRun(idOrPrefix: string): Promise<Run>;
  listRuns(filter?: RunFilter): Promise<readonly Run[]>;
  /** Those of this data directory: nobody else's are taken up. */
  unfinishedRuns(): Promise<readonly Run[]>;
  /** Whether it is another data directory's. */
  isElsewhere(run: Run): boolean;
  /** Throws `held_elsewhere` for a run that is another data directory's. */
  refuseElsewhere(run: Run): void;
  listTransitions(runId: string): Promise<readonly Transition[]>;
  checkChain(runId: string): Promise<ChainVerdict>;
  recordId(runId: string, id: ConcreteId): Promise<void>;
  markGone(runId: string, id: Pick<ConcreteId, 'kind' | 'id'>, seen: Absence): Promise<void>;
  listIds(runId: string): Promise<readonly RecordedId[]>;
  recordCertificate(runId: string, certificate: RecordedCertificate): Promise<void>;
  listCertificates(runId: string): Promise<readonly RecordedCertificate[]>;
  recordAction(runId: string, step: ActionStep): Promise<void>;
  listActions(runId: string): Promise<readonly RecordedAction[]>;
}

function fenced(database: Database, fence: () => void = () => undefined): Database {
  return {
    ...database,
    // Async, so that what the fence throws is a rejection like any other.
    query: async (sql, params) => {
      fence();
      return database.query(sql, params);
    },
    script: async (sql) => {
      fence();
      return database.script(sql);
    },
  };
}

async function openDatabase(place: JournalPlace): Promise<Database> {
  const database = await connect(place);
  try {
    await migrate(database);
    return database;
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

/** Each implementation is loaded only when it is used: they cost start-up time. */
async function connect({ home, databaseUrl, fence }: JournalPlace): Promise<Database> {
  if (databaseUrl !== undefined) return (await import('./server.ts')).openServer(databaseUrl);
  return (await import('./embedded.ts')).openEmbedded(home, fence);
}

function journalOf(database: Database, holder: string | null): Journal {
  const create = inBatches((asked: readonly NewRun[]) => createRuns(database, asked, holder));
  const move = inBatches((moves: readonly LinkedMove[]) => moveRuns(database, moves, holder));
  return {
    kind: database.kind,
    createRun: async (asked) => {
      const run = await create(asked);
      if (run === undefined) throw idTaken(asked.runId);
      return run;
    },
    moveRun: (run, to, how) => moveRun(database, move, holder, run, to, how),
    getRun: (idOrPrefix) => getRun(database, idOrPrefix),
    listRuns: (filter) => listRuns(database, filter, holder),
    unfinishedRuns: () => unfinishedRuns(database, holder),
    isElsewhere: (run) => isElsewhere(run, holder),
    refuseElsewhere: (run) => {
      refuseElsewhere(run, holder);
    },
    listTransitions: (runId) => listTransitions(database, runId),
    checkChain: async (runId) => {
      const run = await getRun(database, runId);
      return checkChain(run.runId, run.chainHead, await listTransitions(database, run.runId));
    },
    recordId: (runId, id) => recordId(database, runId, id, holder),
    markGone: (runId, id, seen) => markGone(database, runId, id, seen, holder),
    listIds: (runId) => listIds(database, runId),
    recordCertificate: (runId, certificate) => recordCertificate(database, runId, certificate, holder),
    listCertificates: (runId) => listCertificates(database, runId),
    recordAction: (runId, step) => recordAction(database, runId, step, holder),
    listActions: (runId) => listActions(database, runId),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}
