import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Answer, AuditRecord, type Grant } from '../protocol/index.ts';
import { authenticationLine, mintBlob } from './certificate.ts';
import type { TestSandbox } from './sandbox.ts';

/** A session with an executor process: lines in, answers out. */
export class SessionClient implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #exited: Promise<unknown[]>;
  #id = 0;

  constructor(sandbox: TestSandbox, authentication: string) {
    const file = join(sandbox.folder, 'run', 'auth');
    writeFileSync(file, authentication);
    const entry = join(import.meta.dirname, 'session-entry.ts');
    this.process = spawn(process.execPath, [entry, JSON.stringify(sandbox.guest)], {
      env: { SSH_USER_AUTH: file },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (this.process.stdout === null) throw new Error('expected a pipe');
    this.#lines = createInterface({ input: this.process.stdout, crlfDelay: Infinity })[Symbol.asyncIterator]();
    this.#exited = once(this.process, 'exit');
  }

  /** A session under a good certificate for this grant. */
  static open(sandbox: TestSandbox, grant: Grant): SessionClient {
    return new SessionClient(sandbox, authenticationLine(mintBlob(sandbox.ca, grant)));
  }

  /** Sends one request with the next id and waits for the next line. */
  async request(action: string, args: object, taskId = 'task-1'): Promise<Answer> {
    this.send(`${JSON.stringify({ id: ++this.#id, task_id: taskId, action, args })}\n`);
    return this.next();
  }

  send(text: string | Buffer): void {
    this.process.stdin?.write(text);
  }

  end(): void {
    this.process.stdin?.end();
  }

  /** The next line, as an answer of the protocol. Throws when there is none. */
  async next(): Promise<Answer> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('expected an answer, got the end of the output');
    return Answer.parse(JSON.parse(line.value));
  }

  /** The next line as it is. */
  async text(): Promise<string> {
    const line = await this.#lines.next();
    return line.done === true ? '' : line.value;
  }

  /** Waits for the end: how many more lines came, and the exit code. */
  async rest(): Promise<{ answers: Answer[]; exitCode: unknown }> {
    const answers: Answer[] = [];
    for (let line = await this.#lines.next(); line.done !== true; line = await this.#lines.next()) {
      answers.push(Answer.parse(JSON.parse(line.value)));
    }
    const [exitCode] = await this.#exited;
    return { answers, exitCode };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#exited;
  }
}

/** The audit records of a sandbox, parsed strictly. */
export function readRecords(sandbox: TestSandbox): AuditRecord[] {
  const lines = readFileSync(sandbox.guest.auditFile, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => AuditRecord.parse(JSON.parse(line)));
}
