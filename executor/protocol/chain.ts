/** `prev` of the first record of a session's chain. */
export const CHAIN_START = '0'.repeat(64);
