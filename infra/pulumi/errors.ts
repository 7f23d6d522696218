import {
  CommandError,
  ConcurrentUpdateError,
  StackAlreadyExistsError,
  StackNotFoundError,
} from '@pulumi/pulumi/automation/index.js';

/** Why a stack could not do what it was asked, the same for both engines. */
export type PulumiErrorCode =
  | 'stack_locked'
  | 'stack_not_found'
  | 'stack_exists'
  | 'resources_left'
  | 'bad_passphrase'
  | 'bad_state'
  | 'refused'
  | 'cancelled'
  | 'update_failed'
  | 'engine_unavailable';

/** One error diagnostic of an operation; `urn` is empty when it is about no resource. */
export interface Diagnostic {
  readonly urn: string;
  readonly message: string;
}

/** The one error of infra/pulumi. `diagnostics` say what failed, resource by resource, in the providers' own words. */
export class PulumiError extends Error {
  readonly code: PulumiErrorCode;
  readonly diagnostics: readonly Diagnostic[];
  constructor(
    code: PulumiErrorCode,
    message: string,
    details: { readonly diagnostics?: readonly Diagnostic[]; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.name = 'PulumiError';
    this.code = code;
    this.diagnostics = details.diagnostics ?? [];
  }
}

/** Translates what the Automation API threw; the only place that knows its errors. What is no Pulumi error comes back as it is. */
export function translateError(error: unknown, stack: string, diagnostics: readonly Diagnostic[]): unknown {
  if (error instanceof PulumiError || !(error instanceof Error)) return error;
  const code = codeOf(error);
  if (code === undefined) return error;
  const failures = diagnostics.filter(({ urn }) => urn !== '').map(({ urn, message }) => `${urn}: ${message}`);
  const got = failures.length > 0 ? failures.join('; ') : error.message.trim();
  return new PulumiError(code, `expected ${EXPECTED[code]} (stack ${stack}), got: ${got}; ${HINTS[code]}`, {
    diagnostics,
    cause: error,
  });
}

function codeOf(error: Error): PulumiErrorCode | undefined {
  if (error instanceof ConcurrentUpdateError) return 'stack_locked';
  if (error instanceof StackNotFoundError) return 'stack_not_found';
  if (error instanceof StackAlreadyExistsError) return 'stack_exists';
  if (!(error instanceof CommandError)) return undefined;
  return TEXTS.find(([text]) => text.test(error.message))?.[1] ?? 'update_failed';
}

/** What the engines write when the SDK makes no class of it. */
const TEXTS: readonly (readonly [RegExp, PulumiErrorCode])[] = [
  [/incorrect passphrase|passphrase must be set/, 'bad_passphrase'],
  [/snapshot integrity failure/, 'bad_state'],
  [/still has resources/, 'resources_left'],
  [/(?:update|preview) (?:canceled|terminated)/, 'cancelled'],
  [/embedded engine: .* not supported/, 'refused'],
];

const EXPECTED: Readonly<Record<PulumiErrorCode, string>> = {
  stack_locked: 'an unlocked stack',
  stack_not_found: 'an existing stack',
  stack_exists: 'a new stack',
  resources_left: 'a stack without resources',
  bad_passphrase: "the passphrase of the stack's secrets",
  bad_state: 'a sound state file',
  refused: 'a feature the engine has',
  cancelled: 'the operation to end',
  update_failed: 'every resource to come about',
  engine_unavailable: 'an engine',
};

const HINTS: Readonly<Record<PulumiErrorCode, string>> = {
  stack_locked: 'another operation is under way, or one was killed: then remove the lock with cancel',
  stack_not_found: 'it may have been removed already',
  stack_exists: 'choose another name or select it',
  resources_left: 'destroy them first',
  bad_passphrase: 'give the one it was made with',
  bad_state: 'restore a backup, or delete the resources by their ids',
  refused: 'use the cli engine',
  cancelled: 'what was done is in the state; destroy removes it',
  update_failed: 'what was done is in the state; run it again or destroy it',
  engine_unavailable: 'install pulumi and put it on PATH, or use the embedded engine',
};
