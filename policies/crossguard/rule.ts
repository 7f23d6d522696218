/** A resource as a rule sees it: its type token, its name in the program and its inputs. An input that is not known yet is no plain value. */
export interface Seen {
  readonly type: string;
  readonly name: string;
  readonly props: Properties;
}

export type Properties = Readonly<Record<string, unknown>>;

/** One rule. `check` is pure: what is wrong with a resource of one of these types, or undefined. */
export interface Rule {
  readonly name: string;
  /** One sentence: what goes wrong without it. */
  readonly why: string;
  readonly types: readonly string[];
  readonly check: (resource: Seen) => string | undefined;
}

/** A resource that breaks a rule. */
export interface Violation {
  readonly rule: string;
  readonly why: string;
  readonly type: string;
  readonly name: string;
  /** Expected and got. */
  readonly what: string;
}

/** `expected …, got …`, or undefined where `holds`. What is missing or not known yet never holds by accident: give the comparison that must be true. */
export function expect(holds: boolean, expected: string, got: unknown): string | undefined {
  return holds ? undefined : `expected ${expected}, got ${show(got)}`;
}

/** The first complaint. */
export function firstOf(...complaints: readonly (string | undefined)[]): string | undefined {
  return complaints.find((complaint) => complaint !== undefined);
}

/** A nested block of inputs; empty where there is none. */
export function block(value: unknown): Properties {
  return isPlain(value) ? value : {};
}

/** A list of nested blocks. What is no list is one block that fulfils nothing. */
export function blocks(value: unknown): readonly Properties[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value.map(block) : [{}];
}

/** The role tag: what the resource is for. */
export function roleOf({ props }: Seen): unknown {
  return block(props['tags'])['burnbag:role'];
}

function isPlain(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !('__pulumiOutput' in value);
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'object' && value !== null && '__pulumiOutput' in value) return 'a value not known yet';
  return JSON.stringify(value);
}
