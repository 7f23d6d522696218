/**
 * What the proxy does to a request, instead of or after passing it on. `error` and `drop` never reach moto; `ack-hang` and `ack-drop` do:
 * the service has acted and its caller never hears of it.
 */
export interface ChaosRule {
  /** `RunInstances`, or `PUT /bucket/key` for S3. */
  readonly action: string | RegExp;
  readonly how: 'error' | 'drop' | 'delay' | 'ack-hang' | 'ack-drop';
  /** With `error`: the HTTP status and the service's code; 503 RequestLimitExceeded by default. */
  readonly status?: number;
  readonly code?: string;
  /** With `delay`. */
  readonly ms?: number;
  /** How often it applies; for ever without. */
  times?: number;
}

/** The first rule that applies to an action, used up by one. */
export function takeRule(rules: readonly ChaosRule[], action: string): ChaosRule | undefined {
  const rule = rules.find(
    (candidate) =>
      candidate.times !== 0 &&
      (candidate.action instanceof RegExp ? candidate.action.test(action) : candidate.action === action),
  );
  if (rule?.times !== undefined) rule.times--;
  return rule;
}
