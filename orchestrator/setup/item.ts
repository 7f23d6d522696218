import type { SetupErrorCode } from './errors.ts';

/** One thing Burnbag needs on this machine: how to tell that it is there, and how to get it. The list of them is `items/index.ts`. */
export interface SetupItem {
  readonly name: ItemName;
  /** What it is for, in a few words, shown to the user. */
  readonly why: string;
  /** Items that must be in place before this one can be fixed. */
  readonly needs: readonly ItemName[];
  /** About how long a fix takes on two cores, shown to the user. */
  readonly expectedSeconds: number;
  readonly deadlineSeconds: number;
  /** Looks, and changes nothing. */
  check(context: SetupContext): Promise<Check>;
  /** Gets it, or throws SetupError. Interrupted at any point it leaves nothing that a check would take for whole. */
  fix(context: SetupContext): Promise<void>;
}

export type ItemName = 'data-directory' | 'image-tools' | 'qemu' | 'archive-server' | 'agent' | 'image' | 'isolation';

/** What a look found. `whatToDo` is the exact command where there is one; with `ok` it is what would make it better, and a warning. */
export type Check =
  | { readonly state: 'ok'; readonly what: string; readonly details?: Details; readonly whatToDo?: string }
  | { readonly state: 'missing'; readonly what: string; readonly whatToDo: string };

/** Versions and digests, kept in setup.json. */
export type Details = Readonly<Record<string, string>>;

/** What every item is given. The environment comes from main.ts; nothing here reads it from the process. */
export interface SetupContext {
  /** The data directory, absolute. */
  readonly home: string;
  /** The checkout, absolute. */
  readonly root: string;
  readonly env: Environment;
  /** An S3 endpoint the user configured; then no archive server of ours is needed. */
  readonly archiveEndpoint?: string | undefined;
  readonly signal: AbortSignal;
  /** A short phrase for people: what is going on now. */
  readonly progress: (what: string) => void;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** What setup says while it works, in order; `--json` prints them as they are. */
export type SetupEvent =
  | { readonly type: 'item_started'; readonly item: string; readonly why: string; readonly expectedSeconds: number }
  | { readonly type: 'item_progress'; readonly item: string; readonly what: string }
  | { readonly type: 'item_ended'; readonly item: string; readonly result: ItemResult };

/** How one item or one check of the doctor ended. */
export interface ItemResult {
  readonly item: string;
  /** `fixed`: was missing, is there now. `warning`: works without. `skipped`: something it needs is not there. */
  readonly status: 'ok' | 'fixed' | 'warning' | 'missing' | 'failed' | 'skipped';
  readonly why: string;
  readonly what: string;
  readonly code?: SetupErrorCode;
  readonly whatToDo?: string;
  readonly durationMs: number;
  readonly details?: Details;
}

/** True where nothing that is needed is absent. */
export function isInPlace(result: ItemResult): boolean {
  return result.status === 'ok' || result.status === 'fixed' || result.status === 'warning';
}
