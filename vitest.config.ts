import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { unitTests } from './test/support/test-files.js';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const alias = [
  { find: /^nestjs-lock$/, replacement: source('lib/index.ts') },
  { find: /^nestjs-lock\/testing$/, replacement: source('lib/testing/index.ts') },
];

const units = unitTests();

const test = {
  pool: 'forks' as const,
  setupFiles: ['reflect-metadata'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          ...test,
          name: 'unit',
          include: units,
          // To load Nest and the package again for each file takes longer than the tests.
          isolate: false,
          restoreMocks: true,
          setupFiles: [...test.setupFiles, './test/support/start-no-process.ts'],
        },
      },
      {
        // With Redis servers and other processes, or much to try.
        resolve: { alias },
        test: { ...test, name: 'live', include: ['test/**/*.test.ts'], exclude: ['test/frameworks/**', ...units] },
      },
      {
        // Nest and ioredis are those of this folder, also for the files of lib.
        root: source('test/frameworks'),
        resolve: {
          alias,
          dedupe: ['@nestjs/common', '@nestjs/core', '@nestjs/testing', 'ioredis', 'reflect-metadata', 'rxjs'],
        },
        test: { ...test, name: 'frameworks', include: ['*.test.ts'], testTimeout: 60_000 },
      },
    ],
    // Much of what is tested is waiting: four files at a time even on one core.
    maxWorkers: 4,
    // .ci/run counts the tests.
    reporters: process.env.VITEST_JSON ? ['default', ['json', { outputFile: process.env.VITEST_JSON }]] : ['default'],
    coverage: { include: ['lib/**/*.ts'] },
  },
});
