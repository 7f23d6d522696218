import { defineConfig } from 'vitest/config';

/**
 * One process per file, at most two at a time: the machines have two cores and an emulated VM takes one of them.
 * Timeouts are generous because guests boot in software emulation; a test that needs less says so itself.
 */
export default defineConfig({
  test: {
    include: ['{executor,orchestrator,infra,images,policies,tools,test}/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    allowOnly: false,
    passWithNoTests: false,
    reporters: ['default'],
  },
});
