/** The executor's version; the same as the package's. */
export const AGENT_VERSION = '0.1.0';
