import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { EngineError } from '../errors.ts';
import { listFolder } from './files.ts';

/** Where one stack's files are in Pulumi's DIY backend. */
export interface StackFiles {
  readonly root: string;
  readonly project: string;
  readonly stack: string;
  readonly state: string;
  readonly previous: string;
  readonly attributes: readonly string[];
  readonly locks: string;
  readonly history: string;
  readonly backups: string;
}

/** The `.pulumi` folder of a `file://` backend; other kinds of backend are refused. */
export function backendRoot(url: string, cwd: string): string {
  if (!url.startsWith('file://')) {
    throw new EngineError(
      'refused',
      `embedded engine: expected a backend of the form file://PATH, got ${url}; other backends need the cli engine`,
    );
  }
  const path = decodeURIComponent(url.slice('file://'.length).split('?', 1)[0] ?? '');
  const absolute = path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : resolve(cwd, path);
  return join(absolute, '.pulumi');
}

/** The files of a stack; both names become parts of paths, so anything but plain names is refused. */
export function stackFiles(root: string, project: string, stack: string): StackFiles {
  plainName('project', project);
  plainName('stack', stack);
  const state = join(root, 'stacks', project, `${stack}.json`);
  return {
    root,
    project,
    stack,
    state,
    previous: `${state}.bak`,
    attributes: [`${state}.attrs`, `${state}.bak.attrs`, join(root, 'stacks', project, `${stack}.pulumi-tags`)],
    locks: join(root, 'locks', 'organization', project, stack),
    history: join(root, 'history', project, stack),
    backups: join(root, 'backups', project, stack),
  };
}

/** The projects of which the backend has a folder of stacks. */
export async function projectNames(root: string): Promise<readonly string[]> {
  return (await listFolder(join(root, 'stacks'))).filter(isPlainName).toSorted();
}

/** The stacks of a project that have a state file. */
export async function stackNames(root: string, project: string): Promise<readonly string[]> {
  const names = await listFolder(join(root, 'stacks', project));
  const stacks = names.filter((name) => name.endsWith('.json')).map((name) => basename(name, '.json'));
  return stacks.filter(isPlainName).toSorted();
}

/** Says that the folder uses project-scoped stacks; without it the real CLI would look for the legacy layout. */
export function metaFile(root: string): string {
  return join(root, 'meta.yaml');
}

/** True for a name that can be a part of a path and means nothing else there. */
function isPlainName(name: string): boolean {
  return /^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}$/.test(name);
}

function plainName(what: string, name: string): void {
  if (isPlainName(name)) return;
  throw new EngineError(
    'refused',
    `expected a ${what} name of letters, digits, '-', '_' and '.', got ${JSON.stringify(name)}`,
  );
}
