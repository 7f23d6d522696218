import type { ClientWritableStream } from '@grpc/grpc-js';
import { CHANNEL_OPTIONS, events, eventsRpc } from '../protocol/messages.ts';
import { PLAINTEXT } from '../protocol/rpc.ts';
import { withTimeout } from '../protocol/deadline.ts';
import { refuse } from '../errors.ts';
import type { Json } from '../values/value.ts';

/** One engine event before it is numbered: a single key with its body. */
export type EngineEvent = Readonly<Record<string, Json>>;

/** Where the events of an operation go. */
export interface EventLog {
  emit(event: EngineEvent): void;
  /** Ends the stream and waits, bounded, until the listener has taken everything. */
  close(): Promise<void>;
}

/** How long the listener may take to acknowledge the end of the stream: it is in our own process and answers at once. */
const CLOSE_MS = 5_000;

/** Opens the event log the SDK asked for with `--event-log tcp://HOST:PORT`; without one, events only reach `observe`. */
export function openEventLog(target: string | undefined, observe: (event: EngineEvent) => void): EventLog {
  const number = numbering();
  if (target === undefined) return { emit: observe, close: () => Promise.resolve() };
  if (!target.startsWith('tcp://')) refuse('--event-log FILE (a tcp:// address is)');
  const listener = connect(target.slice('tcp://'.length));
  return {
    emit: (event) => {
      observe(event);
      listener.send(JSON.stringify({ ...number(), ...event }));
    },
    close: () => listener.end(),
  };
}

function numbering(): () => EngineEvent {
  let sequence = 0;
  return () => ({ sequence: sequence++, timestamp: Math.floor(Date.now() / 1000) });
}

/** Sends texts to the listener. A listener that is gone loses events but never fails the operation. */
function connect(address: string): { send: (text: string) => void; end: () => Promise<void> } {
  const client = new eventsRpc.EventsClient(address, PLAINTEXT, CHANNEL_OPTIONS);
  let stream: ClientWritableStream<events.EventRequest> | undefined;
  const taken = new Promise<void>((resolve) => {
    stream = client.streamEvents(() => {
      resolve();
    });
    stream.on('error', () => {
      resolve();
    });
  });
  let open = true;
  return {
    send: (text) => {
      if (!open || stream === undefined) return;
      const request = new events.EventRequest();
      request.setEvent(text);
      stream.write(request);
    },
    end: async () => {
      open = false;
      stream?.end();
      await withTimeout(taken, CLOSE_MS);
      client.close();
    },
  };
}
