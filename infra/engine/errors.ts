/** Why an engine command failed, as the Automation API (and so our caller) distinguishes it. */
export type EngineErrorCode =
  | 'stack_not_found'
  | 'stack_exists'
  | 'stack_locked'
  | 'refused'
  | 'bad_state'
  | 'bad_passphrase'
  | 'bad_workspace'
  | 'resources_left'
  | 'operation_failed'
  | 'state_not_written'
  | 'cancelled'
  | 'terminated';

/** The engine's one error; the message is what a `pulumi` process would have written to stderr. */
export class EngineError extends Error {
  readonly code: EngineErrorCode;
  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
    this.code = code;
  }
}

/** Refuses a feature by its name: it is never ignored silently. */
export function refuse(feature: string): never {
  throw new EngineError(
    'refused',
    `embedded engine: ${feature} is not supported; the cli engine (the pulumi binary) has it`,
  );
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
