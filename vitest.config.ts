// How tests run: fast ones and end-to-end ones differ in nothing but the time they are given.
import { defineConfig } from 'vitest/config';

/** End-to-end tests start real processes; everything else is decided in memory. */
const END_TO_END = ['test/e2e/**/*.test.ts', 'test/**/*.e2e.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // A condition comes when the machine gets to it; only one that never comes may fail.
    expect: { poll: { timeout: 20_000, interval: 10 } },
    reporters: ['default', './test/reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: END_TO_END,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: { name: 'e2e', include: END_TO_END, testTimeout: 300_000, hookTimeout: 300_000 },
      },
    ],
  },
});
