import { captureOf, framesOfRun } from '../control-plane.ts';
import { type Case, edit, STATISTICS_BYTES, withoutFrame } from './judge.ts';

/* Everything that can happen to the control plane's own streams. */

export const provider: Case[] = [
  ['a call to make something has no end', 'call_not_ended', 'provider', (s) => void s.provider.pop()],
  ['a call is missing', 'chain_broken', 'provider', (s) => void s.provider.shift()],
  [
    'a call is none',
    'record_unreadable',
    'provider',
    (s) => {
      edit(s.provider, 1, '"ok":true', '"ok":"yes"');
    },
  ],
  [
    'a call is another than was recorded',
    'chain_broken',
    'provider',
    (s) => {
      edit(s.provider, 0, 'Machine', 'Disk');
    },
  ],
];

export const engine: Case[] = [
  ['an event of the engine is missing', 'chain_broken', 'engine', (s) => void s.engine.shift()],
  ['the engine’s events are in another order', 'chain_broken', 'engine', (s) => void s.engine.reverse()],
  [
    'an event of the engine is another than was recorded',
    'chain_broken',
    'engine',
    (s) => {
      edit(s.engine, 0, 'preludeEvent', 'cancelEvent');
    },
  ],
  ['an event of the engine was put in', 'record_unreadable', 'engine', (s) => void s.engine.push('{"sequence":2}')],
];

const frames = framesOfRun();
export const capture: Case[] = [
  ['frames were not kept', 'capture_truncated', 'capture', (s) => void (s.capture = captureOf(frames, 7))],
  [
    'the capture was not closed',
    'capture_not_closed',
    'capture',
    (s) => void (s.capture = captureOf(frames).subarray(0, -STATISTICS_BYTES)),
  ],
  [
    'the capture ends within a frame',
    'record_unreadable',
    'capture',
    (s) => void (s.capture = captureOf(frames).subarray(0, -STATISTICS_BYTES - 4)),
  ],
  ['a frame is missing', 'record_unreadable', 'capture', (s) => void (s.capture = withoutFrame(frames.length))],
  ['a connection is missing', 'capture_differs', 'capture', (s) => void (s.capture = captureOf(frames.slice(4)))],
  [
    'fewer bytes crossed the cable than the relay sent',
    'capture_differs',
    'capture',
    (s) => void (s.capture = captureOf(frames.filter(({ bytes }) => bytes.length < 100))),
  ],
  ['the capture is empty', 'capture_differs', 'capture', (s) => void (s.capture = Buffer.alloc(0))],
];
