/** The relay as the rest of the orchestrator sees it. */
export { openRelayHost, type RelayHost, type RelayHostAddress } from './relay-host.ts';
export { openLogStream, type LogStream } from './log-stream.ts';
export { openRelay, type RelayOptions } from './open-relay.ts';
export { fetchLog, type Fetched, type FetchOptions } from './fetch-log.ts';
export { RELAY_ERRORS, RelayError, type RelayErrorCode } from './errors.ts';
export { DEADLINES, type Deadlines } from './limits.ts';
export type { Address } from './login.ts';
export type { EndReason, RequestOptions, Session, SessionEnd } from './session.ts';
export type { FetchReason, OnRecord, TranscriptRecord } from './transcript.ts';
export { revokeInSandbox, type RevokeOptions } from './revoke.ts';
