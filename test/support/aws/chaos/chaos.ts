import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answered, type Asked, ec2Error, forward, readRequest, send, xml } from './message.ts';
import { pageOf, wholeOf } from './pages.ts';
import { Replay } from './replay.ts';
import { type ChaosRule, takeRule } from './rules.ts';
import { type Delays, Visibility } from './visibility.ts';

export type { ChaosRule } from './rules.ts';

/** A proxy in front of moto that fails, lags and hangs as told, and keeps client tokens as EC2 does. */
export interface Chaos extends AsyncDisposable {
  readonly url: string;
  /** The first that applies is used. */
  readonly rules: ChaosRule[];
  readonly delays: Delays;
  /** How much of a list one answer holds; 0 is all of it, as moto does it. */
  pageSize: number;
  /** What GetConsoleOutput says, by instance id; moto's own text for the others. */
  readonly consoles: Map<string, string>;
  /** Changes what an answer says, where something is set. */
  rewrite: ((action: string, text: string) => string) | undefined;
  /** The actions that were asked for, in order, those that failed too. */
  readonly log: string[];
  /** Forgets rules, delays, consoles, tokens and the log; moto is reset by itself. */
  reset(): void;
  stop(): Promise<void>;
}

/** Starts a proxy in front of the given endpoint. */
export async function startChaos(target: string): Promise<Chaos> {
  const state: State = {
    rewrite: undefined,
    pageSize: 0,
    target,
    rules: [],
    log: [],
    consoles: new Map(),
    replay: new Replay(),
    seen: new Visibility(),
  };
  const server = await listen(state);
  const stop = async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  const { rules, log, consoles } = state;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get rewrite() {
      return state.rewrite;
    },
    set rewrite(change) {
      state.rewrite = change;
    },
    get pageSize() {
      return state.pageSize;
    },
    set pageSize(size) {
      state.pageSize = size;
    },
    rules,
    log,
    consoles,
    delays: state.seen.delays,
    reset: () => {
      rules.length = log.length = 0;
      consoles.clear();
      state.replay.forget();
      state.seen.forget();
      state.rewrite = undefined;
      state.pageSize = 0;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function listen(state: State): Promise<Server> {
  const server = createServer((message, response) => {
    readRequest(message)
      .then((asked) => handle(state, asked, response))
      .catch((error: unknown) => {
        send(response, ec2Error(502, 'ServiceUnavailable', String(error)));
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

interface State {
  rewrite: Chaos['rewrite'];
  pageSize: number;
  readonly target: string;
  readonly rules: ChaosRule[];
  readonly log: string[];
  readonly consoles: Map<string, string>;
  readonly replay: Replay;
  readonly seen: Visibility;
}

async function handle(state: State, asked: Asked, response: ServerResponse): Promise<void> {
  state.log.push(asked.action);
  const rule = takeRule(state.rules, asked.action);
  if (rule?.how === 'error') {
    send(response, ec2Error(rule.status ?? 503, rule.code ?? 'RequestLimitExceeded', 'as told'));
    return;
  }
  if (rule?.how === 'drop') {
    cut(response);
    return;
  }
  if (rule?.how === 'delay') await sleep(rule.ms ?? 0);
  const answer = consoleOf(state, asked) ?? state.seen.refuse(asked) ?? (await ask(state, asked));
  if (rule?.how === 'ack-drop') cut(response);
  else if (rule?.how !== 'ack-hang') send(response, rewritten(state, asked, answer));
}

async function ask(state: State, asked: Asked): Promise<Answered> {
  const paged = wholeOf(asked, state.pageSize);
  return paged === undefined ? askWhole(state, asked) : pageOf(await askWhole(state, paged.asked), paged.page);
}

async function askWhole({ target, replay, seen }: State, asked: Asked): Promise<Answered> {
  const answer = await replay.answer(
    asked,
    (id) => seen.isTerminated(id),
    () => forward(target, asked),
  );
  return seen.show(asked, answer);
}

function consoleOf({ consoles }: State, { action, form }: Asked): Answered | undefined {
  const id = form.get('InstanceId') ?? '';
  const text = action === 'GetConsoleOutput' ? consoles.get(id) : undefined;
  if (text === undefined) return undefined;
  const fields = `<instanceId>${id}</instanceId><timestamp>${new Date().toISOString()}</timestamp>`;
  const output = `<output>${Buffer.from(text).toString('base64')}</output>`;
  return xml(
    200,
    `<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>chaos</requestId>${fields}${output}</GetConsoleOutputResponse>`,
  );
}

function rewritten({ rewrite }: State, { action }: Asked, answer: Answered): Answered {
  return rewrite === undefined ? answer : { ...answer, body: Buffer.from(rewrite(action, answer.body.toString())) };
}

function cut(response: ServerResponse): void {
  response.socket?.destroy();
}
