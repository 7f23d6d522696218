import { Answer, type ActionRequest } from '../../executor/protocol/index.ts';
import { quote, RelayError, violation } from './errors.ts';

/**
 * Reads the answer to a request out of a line. Anything but a complete answer to this very request is a protocol violation;
 * a refusal that names no request is the executor refusing the session, and comes as RelayError `refused`.
 */
export function readAnswer(line: string, request: ActionRequest): Answer {
  const answer = parseAnswer(line);
  if (answer.status === 'refused' && answer.id === null) throw sessionRefused(answer.error.code, answer.error.got);
  if (answer.id !== request.id) throw violation(`an answer to request ${request.id}`, `one to ${answer.id}`);
  if (answer.status === 'ok' && answer.action !== request.action) {
    throw violation(`a result of ${request.action}`, `one of ${answer.action}`);
  }
  return answer;
}

/** What a line means that nobody asked for: the executor refusing the session, or a violation. */
export function readUnasked(line: string): RelayError {
  try {
    const answer = parseAnswer(line);
    if (answer.status === 'refused' && answer.id === null) return sessionRefused(answer.error.code, answer.error.got);
    return violation('silence while nothing is asked', `an answer to request ${answer.id}`);
  } catch (error) {
    return error instanceof RelayError ? error : violation('an answer', 'a line that cannot be read', error);
  }
}

function parseAnswer(line: string): Answer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw violation('one JSON answer a line', quote(line), cause);
  }
  const { success, data, error } = Answer.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw violation(
    'an answer of the protocol',
    `${quote(line)} (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''})`,
  );
}

/** The executor ends a session whose time is up as the relay does; anything else that it says of a session is a refusal. */
function sessionRefused(code: string, got: string): RelayError {
  if (code === 'GRANT_EXPIRED' || code === 'LOGIN_CERTIFICATE_EXPIRED') {
    const hint = 'a longer TTL must be asked for before the run starts';
    return new RelayError('certificate_expired', { expected: 'a session within its grant', got: code, hint });
  }
  const hint = 'the certificate or the grant in it does not fit this sandbox, or the executor could not read a line';
  return new RelayError('refused', {
    expected: 'the executor to accept the session',
    got: `${code}: ${quote(got)}`,
    hint,
  });
}
