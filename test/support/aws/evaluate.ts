/** One request as IAM judges it: what, on which resource, and what is known about it. */
export interface AskedOf {
  readonly action: string;
  readonly resource: string;
  /** Condition keys and their values; a key that is not here is absent, which operators treat each in its own way. */
  readonly context?: Readonly<Record<string, string>>;
}

interface Statement {
  readonly Sid: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: readonly string[];
  readonly Resource?: readonly string[];
  readonly NotResource?: readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/**
 * Whether a policy document allows a request, by IAM's rules for the operators our documents use: a denial wins, and what nothing allows is
 * refused. The emulator takes no notice of conditions, and the real service is not here: so this is what the documents are tested with.
 */
export function evaluate(
  document: string,
  asked: AskedOf,
): { readonly verdict: 'allowed' | 'denied' | 'refused'; readonly by?: string } {
  const { Statement: statements } = JSON.parse(document) as { readonly Statement: readonly Statement[] };
  const fitting = statements.filter((statement) => fits(statement, asked));
  const denied = fitting.find(({ Effect }) => Effect === 'Deny');
  if (denied !== undefined) return { verdict: 'denied', by: denied.Sid };
  const allowed = fitting.find(({ Effect }) => Effect === 'Allow');
  return allowed === undefined ? { verdict: 'refused' } : { verdict: 'allowed', by: allowed.Sid };
}

function fits(
  { Action, Resource, NotResource, Condition = {} }: Statement,
  { action, resource, context = {} }: AskedOf,
): boolean {
  const matches = (patterns: readonly string[], value: string) => patterns.some((pattern) => like(pattern, value));
  if (!Action.some((pattern) => like(pattern.toLowerCase(), action.toLowerCase()))) return false;
  if (Resource !== undefined && !matches(Resource, resource)) return false;
  if (NotResource !== undefined && matches(NotResource, resource)) return false;
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => holds(operator, context[key], [wanted].flat())),
  );
}

/** An absent key fails every operator but the negated ones, `IfExists` and Null. */
function holds(operator: string, got: string | undefined, wanted: readonly string[]): boolean {
  if (operator === 'Null') return wanted.includes(String(got === undefined));
  if (operator.endsWith('IfExists'))
    return got === undefined || holds(operator.slice(0, -'IfExists'.length), got, wanted);
  const compare = OPERATORS[operator];
  if (compare === undefined) throw new Error(`expected an operator that is known here, got ${operator}`);
  return compare(got, wanted);
}

type Compare = (got: string | undefined, wanted: readonly string[]) => boolean;

const OPERATORS: Readonly<Record<string, Compare>> = {
  StringEquals: (got, wanted) => got !== undefined && wanted.includes(got),
  StringNotEquals: (got, wanted) => got === undefined || !wanted.includes(got),
  StringLike: (got, wanted) => got !== undefined && wanted.some((pattern) => like(pattern, got)),
  Bool: (got, wanted) => got !== undefined && wanted.includes(got),
  NumericLessThan: (got, wanted) => got !== undefined && wanted.some((limit) => Number(got) < Number(limit)),
  ArnNotLike: (got, wanted) => got === undefined || !wanted.some((pattern) => like(pattern, got)),
};

function like(pattern: string, value: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's').test(value);
}
