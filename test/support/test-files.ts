import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const STARTS_PROCESSES = /'node:(?:child_process|cluster|worker_threads)'/;
const OF_TYPES = /\b(?:import|export)\s+type\b[^;]*;/g;
const LOCAL_IMPORT = /\b(?:from\s*|import\s*\(?\s*)'(\.[^']+)'/g;

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    return ['dist', 'node_modules'].includes(entry.name) ? [] : filesBelow(path);
  });
}

/** All test files, from the root of the repository. */
export function testFiles(): string[] {
  return filesBelow('test').filter((file) => file.endsWith('.test.ts'));
}

/** Frameworks have to be installed first, and properties are tried on thousands of inputs. */
const NOT_QUICK = /^test\/(?:frameworks|properties)\//;

/**
 * The unit tests: the quick test files of which no import leads to a module of Node that starts processes. Such a file
 * can start neither a server nor another process.
 */
export function unitTests(): string[] {
  const seen = new Map<string, boolean>();
  const startsProcesses = (file: string): boolean => {
    const known = seen.get(file);
    if (known !== undefined) return known;
    seen.set(file, false); // For a circle of imports.
    const code = readFileSync(join(ROOT, file), 'utf8').replace(OF_TYPES, '');
    const imports = [...code.matchAll(LOCAL_IMPORT)].map(([, path = '']) => resolve(file, path));
    const starts = STARTS_PROCESSES.test(code) || imports.some(startsProcesses);
    seen.set(file, starts);
    return starts;
  };
  return testFiles().filter((file) => !NOT_QUICK.test(file) && !startsProcesses(file));
}

function resolve(importer: string, path: string): string {
  return relative(ROOT, join(ROOT, dirname(importer), path.replace(/\.js$/, '.ts')));
}
