import type { AuditEvent, AuditPath } from './audit-events.ts';
import { BoundedList } from './bounded-list.ts';
import { FilePaths } from './file-path.ts';
import type { ChangedFile, FileChange, RefusedFile, ReportedProcess } from './report.ts';
import { nameOfError } from './system-call.ts';

/** More files than a person looks at; the audit log has the rest. */
const FILES_MAX = 5_000;
const REFUSED_MAX = 1_000;

/** Every program touches these: the null device, the terminal, its own entry of /proc. */
const NOISE = /^\/(?:dev|proc)(?:\/|$)/;

/** The answers that mean "you may not"; all others mean that something was not as the script expected. */
const REFUSALS: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT']);

/** The files that were changed, and those that the kernel refused to, learnt from the events one by one. */
export class ChangedFiles {
  readonly #paths = new FilePaths();
  readonly #changed = new BoundedList<ChangedFile>(FILES_MAX);
  readonly #refused = new BoundedList<RefusedFile>(REFUSED_MAX);
  noise = 0;
  otherFailures = 0;

  /** Takes in a call on files, done or failed. */
  touch(event: AuditEvent, process: ReportedProcess): void {
    this.#paths.learn(event);
    if (event.success) this.#change(event, process);
    else this.#refuse(event, process);
  }

  get changed(): ChangedFile[] {
    return this.#changed.entries;
  }

  get refused(): RefusedFile[] {
    return this.#refused.entries;
  }

  get leftOut(): { files: number; refused: number } {
    return { files: this.#changed.leftOut, refused: this.#refused.leftOut };
  }

  #change(event: AuditEvent, process: ReportedProcess): void {
    const target = targetOf(event);
    if (target === undefined) return;
    const { path, resolved } = this.#paths.resolve(event, target);
    if (this.#isNoise(path)) return;
    const file = this.#changed.add([path, resolved ? 1 : 0], () => ({
      path,
      resolved,
      changes: [],
      process: process.id,
      times: 0,
    }));
    if (file === undefined) return;
    const change = changeOf(event, target);
    if (!file.changes.includes(change)) file.changes.push(change);
    const source = change === 'renamed' ? event.paths.find(({ type }) => type === 'DELETE') : undefined;
    if (source !== undefined) file.from = this.#paths.resolve(event, source).path;
  }

  #refuse(event: AuditEvent, process: ReportedProcess): void {
    const target = event.paths.findLast(({ type }) => type !== 'PARENT') ?? event.paths.at(-1);
    if (target === undefined) return;
    const { path } = this.#paths.resolve(event, target);
    if (this.#isNoise(path)) return;
    const error = nameOfError(event.exit);
    if (!REFUSALS.has(error)) this.otherFailures++;
    else
      this.#refused.add([path, event.call, error], () => ({
        path,
        call: event.call,
        error,
        process: process.id,
        times: 0,
      }));
  }

  #isNoise(path: string): boolean {
    const noise = NOISE.test(path);
    if (noise) this.noise++;
    return noise;
  }
}

/** What a call made, else what it removed, else what it changed. A link's source and a new file's folder are none of these. */
function targetOf(event: AuditEvent): AuditPath | undefined {
  const made = event.paths.find(({ type }) => type === 'CREATE') ?? event.paths.find(({ type }) => type === 'DELETE');
  return made ?? event.paths.find(({ type }) => type === 'NORMAL');
}

/** First match wins. */
const CHANGES: readonly { readonly calls: RegExp; readonly change: FileChange }[] = [
  { calls: /^rename/, change: 'renamed' },
  { calls: /^(?:unlink|rmdir)/, change: 'removed' },
  { calls: /^(?:link|symlink)/, change: 'linked' },
  { calls: /^(?:mkdir|mknod|bind)/, change: 'created' },
  { calls: /^f?chmod/, change: 'mode_changed' },
  { calls: /^[fl]?chown/, change: 'owner_changed' },
  { calls: /^(?:open|creat|truncate)/, change: 'written' },
];

function changeOf(event: AuditEvent, target: AuditPath): FileChange {
  const { change } = CHANGES.find(({ calls }) => calls.test(event.call)) ?? { change: 'changed' };
  return change === 'written' && target.type === 'CREATE' ? 'created' : change;
}
