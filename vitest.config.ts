import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^nestjs-lock$/, replacement: source('lib/index.ts') },
      { find: /^nestjs-lock\/testing$/, replacement: source('lib/testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Much of what is tested is waiting: two files at a time even on one core.
    maxWorkers: 2,
    setupFiles: ['reflect-metadata'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // .ci/run counts the tests.
    reporters: process.env.VITEST_JSON ? ['default', ['json', { outputFile: process.env.VITEST_JSON }]] : ['default'],
    coverage: { include: ['lib/**/*.ts'] },
  },
});
