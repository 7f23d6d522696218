import { EngineError } from '../errors.ts';
import type { Secrets } from './secrets.ts';
import { createSecrets, openSecrets } from './secrets.ts';
import type { Operation, SecretsProviders, State, StoredResource } from './schema.ts';
import type { Json, Properties, Tagged } from '../values/value.ts';
import { contains, isObject, isSecret, isTagged, reveal, rewrite, SECRET, SIGNATURE, textOf } from '../values/value.ts';

/** The signature of a number that JSON cannot say: NaN and the infinities. */
const SPECIAL_NUMBER = '8ad145fe-0d11-4827-bfd7-1abcbf086f5c';

/**
 * Turns resources into their stored form and back. Secrets are opened on the way in and closed on the way out; the key
 * is derived only when there is a secret to open or close, because that costs a third of a second.
 */
export class Codec {
  readonly #passphrase: string | undefined;
  #providers: SecretsProviders | undefined;
  #secrets: Secrets | undefined;
  /** A secret keeps its ciphertext as long as it is the same object, so that unchanged secrets do not change the file. */
  readonly #closed = new WeakMap<object, string>();
  readonly #texts = new WeakMap<object, string>();
  /** Resources known to hold no secret. */
  readonly #plain = new WeakSet<State>();

  constructor(passphrase: string | undefined, providers: SecretsProviders | undefined) {
    if (providers !== undefined && providers.type !== 'passphrase') {
      throw new EngineError(
        'refused',
        `embedded engine: secrets provider ${providers.type} is not supported, only passphrase`,
      );
    }
    this.#passphrase = passphrase;
    this.#providers = providers;
  }

  /** What the state file says about its secrets; undefined while there are none. */
  get providers(): SecretsProviders | undefined {
    return this.#secrets?.providers ?? this.#providers;
  }

  /** Opens a stored resource. Derives the key first if it holds a secret. */
  async open(stored: StoredResource): Promise<State> {
    const hasSecret = contains(stored as Json, (value) => isTagged(value, SECRET));
    if (hasSecret) await this.derive();
    const open = (properties: Properties | undefined): Properties =>
      properties === undefined ? {} : (rewrite(properties, (value) => this.#openValue(value)) as Properties);
    return { ...stored, inputs: open(stored.inputs), outputs: open(stored.outputs) };
  }

  /** True if one of these resources holds a secret and its key is not derived yet; `derive`, then `close`. */
  lacksKey(states: Iterable<State>): boolean {
    if (this.#secrets !== undefined) return false;
    for (const state of states) {
      if (this.#plain.has(state)) continue;
      if (contains(state.inputs, isSecret) || contains(state.outputs, isSecret)) return true;
      this.#plain.add(state);
    }
    return false;
  }

  /** Derives the key, which takes a third of a second. */
  async derive(): Promise<void> {
    if (this.#secrets !== undefined) return;
    if (this.#passphrase === undefined) {
      throw new EngineError(
        'bad_passphrase',
        'error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE environment variables',
      );
    }
    const salt = this.#providers?.state?.salt;
    this.#secrets =
      salt === undefined ? await createSecrets(this.#passphrase) : await openSecrets(this.#passphrase, salt);
  }

  /** The stored form of a resource; empty fields are left out. It must not lack a key. */
  close(state: State): StoredResource {
    const stored: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(state)) if (!isEmpty(value)) stored[key] = value;
    stored['custom'] = state.custom;
    if (!isEmpty(state.inputs)) stored['inputs'] = this.#closeValue(state.inputs);
    if (!isEmpty(state.outputs)) stored['outputs'] = this.#closeValue(state.outputs);
    return stored as StoredResource;
  }

  /** The stored form as JSON text, kept until `forget`. */
  text(state: State): string {
    let text = this.#texts.get(state);
    if (text === undefined) {
      text = JSON.stringify(this.close(state));
      this.#texts.set(state, text);
    }
    return text;
  }

  /** The stored form with its secrets readable, for an export the user asked to see. */
  static show(state: State): StoredResource {
    const codec = new Codec(undefined, undefined);
    codec.#secrets = { encrypt: (text) => text, decrypt: (text) => text, providers: { type: 'passphrase' } };
    const show = (value: Json): Json =>
      isTagged(value, SECRET) ? { [SIGNATURE]: SECRET, plaintext: value['ciphertext'] ?? '' } : value;
    const stored = codec.close(state);
    if (stored.inputs !== undefined) stored.inputs = rewrite(stored.inputs, show) as Properties;
    if (stored.outputs !== undefined) stored.outputs = rewrite(stored.outputs, show) as Properties;
    return stored;
  }

  /** The state object has been changed: what is known of it is stale. */
  forget(state: State): void {
    this.#texts.delete(state);
    this.#plain.delete(state);
  }

  #openValue(value: Json): Json {
    if (isTagged(value, SECRET)) return { [SIGNATURE]: SECRET, value: this.#openSecret(value) };
    if (isTagged(value, SPECIAL_NUMBER)) return Buffer.from(textOf(value['value']), 'hex').readDoubleBE(0);
    return value;
  }

  #openSecret(value: Tagged): Json {
    const { ciphertext, plaintext } = value;
    if (typeof ciphertext === 'string') return JSON.parse(this.#secrets?.decrypt(ciphertext) ?? 'null') as Json;
    if (typeof plaintext === 'string') return JSON.parse(plaintext) as Json;
    throw new EngineError('bad_state', 'error: a secret in the state has neither ciphertext nor plaintext');
  }

  #closeValue(value: Json): Json {
    if (isTagged(value, SECRET)) return { [SIGNATURE]: SECRET, ciphertext: this.#closeSecret(value) };
    if (typeof value === 'number' && !Number.isFinite(value)) return specialNumber(value);
    if (Array.isArray(value)) return (value as readonly Json[]).map((item) => this.#closeValue(item));
    if (isObject(value))
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.#closeValue(item)]));
    return value;
  }

  #closeSecret(value: Tagged): string {
    let text = this.#closed.get(value);
    if (text === undefined) {
      if (this.#secrets === undefined) throw new Error('a secret reached the state file before its key was derived');
      text = this.#secrets.encrypt(JSON.stringify(reveal(value['value'] ?? null)));
      this.#closed.set(value, text);
    }
    return text;
  }
}

/** A pending operation with its resource opened. */
export type PendingOperation = Omit<Operation, 'resource'> & { readonly resource: State };

function specialNumber(value: number): Json {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return { [SIGNATURE]: SPECIAL_NUMBER, value: bytes.toString('hex') };
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === '') return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
