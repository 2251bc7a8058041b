import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const alias = [
  { find: /^nestjs-lock$/, replacement: source('lib/index.ts') },
  { find: /^nestjs-lock\/testing$/, replacement: source('lib/testing/index.ts') },
];

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
        test: { ...test, name: 'lib', include: ['test/**/*.test.ts'], exclude: ['test/frameworks/**'] },
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
