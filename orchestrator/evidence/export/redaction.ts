/** One thing that is taken for a secret. `name`: the value of a field or argument so called. `text`: whatever matches, wherever it stands. */
type Rule = { readonly id: string; readonly why: string } & ({ readonly name: RegExp } | { readonly text: RegExp });

/** Changes with the rules: an export says by which policy it was made. */
export const REDACTION_POLICY = 'burnbag.redaction/1';

/** What goes out to others without its value. The evidence itself keeps everything. */
export const REDACTION_RULES: readonly Rule[] = [
  {
    id: 'secret_name',
    why: 'a field, option or variable that is called so holds a secret',
    name: /(?:^|[-_.])(?:pass(?:word|wd|phrase)?|pwd|secrets?|tokens?|api[-_]?keys?|private[-_]?key|access[-_]?key|credentials?|authorization|cookie|session[-_]?id)$|(?:password|secret|token|apikey)$/i,
  },
  {
    id: 'private_key',
    why: 'a private key in PEM',
    text: /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  },
  {
    id: 'authorization',
    why: 'credentials of an HTTP request',
    text: /(?<=\b(?:Bearer|Basic|Token) )[A-Za-z0-9._~+/=-]{8,}/gi,
  },
  {
    id: 'url_password',
    why: 'a password inside a URL',
    text: /(?<=\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s/:@]{0,200}:)[^\s/@]+(?=@)/gi,
  },
  { id: 'aws_key_id', why: 'an AWS access key id', text: /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g },
  {
    id: 'known_token',
    why: 'a token whose issuer marks it',
    text: /\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|sk-[\w-]{20,}|hvs\.[\w-]{20,})/g,
  },
  { id: 'jwt', why: 'a signed token (JWT)', text: /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g },
  {
    id: 'secret_argument',
    why: 'name=value or name: value, where the name says that it is a secret',
    text: /(?<=\b(?:[a-z0-9_.-]{0,40}[_.-])?(?:password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key)["']?\s{0,3}[=:]\s{0,3}["']?)[^\s"'&;,]{1,4096}/gi,
  },
];

/** In place of what was taken out: by which rule, so that a reader knows something stood there. */
const shown = (rule: string): string => `[redacted: ${rule}]`;

/** Takes secrets out of records and counts what it took, by rule. */
export class Redactor {
  readonly #counts = new Map<string, number>();
  readonly #total: Redactor | undefined;

  /** `total` counts along: one per event, one for all. */
  constructor(total?: Redactor) {
    this.#total = total;
  }

  /** How often each rule took something. */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#counts].sort());
  }

  /** A value without its secrets; what it holds of JSON stays what it is. */
  redact(value: unknown): unknown {
    if (typeof value === 'string') return this.#text(value);
    if (Array.isArray(value)) return this.#list(value);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        this.#isSecret(name, member) ? this.#take('secret_name') : this.redact(member),
      ]),
    );
  }

  /** Argument vectors: what follows `--password`, `-p`-like names are too many to know and are left to the name rule. */
  #list(values: readonly unknown[]): unknown[] {
    return values.map((value, at) => {
      const before: unknown = values[at - 1];
      const isValue = typeof before === 'string' && before.startsWith('-') && !before.includes('=');
      return isValue && this.#isSecret(before.replace(/^-+/, ''), value)
        ? this.#take('secret_name')
        : this.redact(value);
    });
  }

  #isSecret(name: string, value: unknown): boolean {
    if (typeof value !== 'string' || value === '' || DIGEST.test(value)) return false;
    return REDACTION_RULES.some((rule) => 'name' in rule && rule.name.test(name));
  }

  /** A line that is JSON within JSON is read as such: escapes would hide what a pattern looks for. */
  #text(text: string): string {
    const inner = text.startsWith('{') || text.startsWith('[') ? parse(text) : undefined;
    if (inner !== undefined) return JSON.stringify(this.redact(inner));
    return REDACTION_RULES.reduce((rest, rule) => {
      return 'text' in rule ? rest.replace(rule.text, () => this.#take(rule.id)) : rest;
    }, text);
  }

  #take(rule: string): string {
    this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1);
    if (this.#total !== undefined) this.#total.#take(rule);
    return shown(rule);
  }
}

/** A digest names a thing and is none of its secrets. */
const DIGEST = /^(?:sha256:)?[0-9a-f]{64}$/;

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
