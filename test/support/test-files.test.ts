import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { testFiles, unitTests } from './test-files.js';

/** Folders for what is promised over all layers. All others are those of `lib`. */
const OVER_ALL_LAYERS = [
  'conformance',
  'everywhere',
  'faults',
  'field',
  'frameworks',
  'properties',
  'security',
  'simulation',
  'support',
  'traps',
];

describe('The test files', () => {
  it('have names of which each is there once', () => {
    const names = testFiles().map((file) => basename(file));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('lie in folders that mirror those of lib, or stand for what all layers promise together', () => {
    const folders = new Set(testFiles().map((file) => dirname(file).replace(/^test\/?/, '')));
    const lib = join(import.meta.dirname, '../../lib');
    const mirrored = (folder: string): boolean => folder !== '' && existsSync(join(lib, folder));
    expect([...folders].filter((folder) => !mirrored(folder) && !OVER_ALL_LAYERS.includes(folder))).toEqual([]);
  });

  it.each(['core', 'nest/decorators'])('of %s are all unit tests', (folder) => {
    const units = new Set(unitTests());
    const files = testFiles().filter((file) => file.startsWith(`test/${folder}/`));
    expect(files.filter((file) => !units.has(file))).toEqual([]);
    expect(files).not.toEqual([]);
  });
});

describe('A unit test', () => {
  it('is none that may start a server or a process, also by what it imports', () => {
    const units = unitTests();
    expect(units).toContain('test/support/test-files.test.ts');
    for (const name of ['support/child', 'stores/redis/outage', 'features/once', 'field/f46-compile-errors'])
      expect(units).not.toContain(`test/${name}.test.ts`);
  });

  it('starts no process, whatever it tries', () => {
    // Not imported: with an import this file would be no unit test.
    const { execFile, fork, spawn } = process.getBuiltinModule('child_process');
    for (const start of [
      () => spawn('redis-server'),
      () => execFile('redis-server', ['--version']),
      () => fork('worker.js'),
    ])
      expect(start).toThrow('A unit test starts no process');
  });
});
