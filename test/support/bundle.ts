import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { ownDirectory } from './processes.js';

// Inside node_modules, so that the bundle finds the packages it leaves out.
const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));

const bundles = new Map<string, Promise<string>>();

/** Every package, also one that the root does not have; but the helpers of the compiler are put in. */
const isPackage = (id: string): boolean => /^(?!@oxc-project\/)[@\w]/.test(id);

/**
 * A TypeScript file (its path from here), with what it imports from `lib`, as one JavaScript file that Node can run. It
 * has its packages from where `cache` stands.
 */
export function bundle(file: string, cache = CACHE): Promise<string> {
  const key = `${cache}:${file}`;
  const made = bundles.get(key) ?? makeBundle(file, cache);
  bundles.set(key, made);
  return made;
}

async function makeBundle(file: string, cache: string): Promise<string> {
  const outDir = await ownDirectory(cache);
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: fileURLToPath(new URL(file, import.meta.url)),
      outDir,
      target: 'node20',
      sourcemap: 'inline',
      rolldownOptions: { external: isPackage, output: { entryFileNames: 'bundle.mjs' } },
    },
  });
  return join(outDir, 'bundle.mjs');
}
