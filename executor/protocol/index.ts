/** The contract between relay and executor. */
export * from './action.ts';
export * from './answer.ts';
export * from './canonical.ts';
export * from './chain.ts';
export * from './contracts.ts';
export * from './error.ts';
export * from './grant.ts';
export * from './limits.ts';
export * from './measure.ts';
export * from './path.ts';
export * from './record.ts';
export * from './revocation.ts';
export * from './shapes.ts';
export * from './ssh-wire.ts';
export * from './text.ts';
export * from './tunnel.ts';
