/** Plain values as they cross the provider protocol: JSON objects. */
export type Properties = Readonly<Record<string, unknown>>;

/** One kind of resource: what the engine asks of it, without the protocol. */
export interface Resource<Inputs extends Properties = Properties> {
  /** Turns a program's inputs into true types, or says what is wrong with them. */
  check(inputs: Properties): Checked<Inputs>;
  /**
   * Makes it. Called again for a resource that exists already (the caller may have died before it wrote that down), so it looks first.
   * Throws InitFailed as soon as anything exists; a plain error means that nothing does, and the engine forgets the attempt.
   */
  create(inputs: Inputs): Promise<Created>;
  /** The resource as it is now; undefined when it is gone. */
  read(id: string, state: Properties): Promise<Properties | undefined>;
  /** Ends it. Succeeds when nothing is left to end. */
  delete(id: string, state: Properties): Promise<void>;
}

/** Resources by type token. */
export type Resources = Readonly<Record<string, Resource>>;

export type Checked<Inputs extends Properties> =
  | { readonly inputs: Inputs }
  | { readonly failures: readonly { readonly property: string; readonly reason: string }[] };

export interface Created {
  readonly id: string;
  readonly outputs: Properties;
}

/** Something exists under `id` but is not fit for use: the engine keeps it in its state and destroys it with the rest. */
export class InitFailed extends Error {
  override readonly name = 'InitFailed';
  readonly id: string;
  readonly outputs: Properties;

  constructor(id: string, outputs: Properties, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.id = id;
    this.outputs = outputs;
  }
}
