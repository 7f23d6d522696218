import rows from '../../policies/catalogue.json' with { type: 'json' };
import type { ActionName } from '../protocol/action.ts';

/** A program that is started by argument vector. `{name}` in its path or in an argument stands for an argument of the action. */
export interface ProgramRow {
  readonly path: string;
  /** An argument that is nothing but `{name}` becomes as many as that list has. */
  readonly arguments: readonly string[];
}

/** What an action may be asked for at most, whatever was granted. Every allowance says why. */
export interface CatalogueRow {
  readonly why: string;
  /** What it starts; absent where the executor does it by itself. */
  readonly program?: ProgramRow & { readonly why: string };
  /** Services that may be named, each with what starts it. */
  readonly units?: readonly { readonly unit: string; readonly program: ProgramRow; readonly why: string }[];
  readonly paths: readonly { readonly path: string; readonly why: string }[];
  readonly limits: {
    readonly max_bytes?: number;
    readonly max_seconds?: number;
    readonly max_lines?: number;
    readonly why: string;
  };
}

/** What a script runs under, beside its user and its folder. */
export interface Confinement {
  /** Share of the machine's memory, in percent. */
  readonly memory_percent: { readonly value: number; readonly why: string };
  readonly pids: { readonly value: number; readonly why: string };
  /** As cgroup v2's cpu.weight; everything else on the machine has 100. */
  readonly cpu_weight: { readonly value: number; readonly why: string };
  readonly environment: readonly { readonly name: string; readonly value: string; readonly why: string }[];
}

export interface Catalogue {
  readonly actions: Readonly<Partial<Record<ActionName, CatalogueRow>>>;
  readonly scripts: Confinement;
}

/** The catalogue, built in. Its data are checked when it is built and tested, not at every start: they cannot change afterwards. */
export const CATALOGUE: Catalogue = rows;

/** The program of an action that has one. Throws Error where the catalogue has none: then nothing is started. */
export function programOf(action: ActionName): ProgramRow {
  const program = CATALOGUE.actions[action]?.program;
  if (program === undefined) throw new Error(`expected a program for ${action} in the catalogue, got none`);
  return program;
}
