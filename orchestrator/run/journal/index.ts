/** The journal: what happened to every run, durable and hash-chained. */
export type { ChainVerdict, Transition } from './chain.ts';
export { JournalError, type JournalErrorCode } from './error.ts';
export { type Journal, type JournalPlace, openJournal } from './journal.ts';
export type { NewRun } from './verbs/create-run.ts';
export type { RecordedAction } from './verbs/list-actions.ts';
export type { RecordedId } from './verbs/list-ids.ts';
export type { RunFilter } from './verbs/list-runs.ts';
export type { Absence } from './verbs/mark-gone.ts';
export type { Move } from './verbs/move-run.ts';
export type { ActionState, ActionStep } from './verbs/record-action.ts';
export type { RecordedCertificate } from './verbs/record-certificate.ts';
