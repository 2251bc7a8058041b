import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { ownDirectory } from './processes.js';

// Inside node_modules, so that the bundle finds the packages it leaves out.
const CACHE = fileURLToPath(new URL('../../node_modules/.cache', import.meta.url));

const bundles = new Map<string, Promise<string>>();

/** A TypeScript file beside this one, with what it imports from `lib`, as one JavaScript file that Node can run. */
export function bundle(file: string): Promise<string> {
  const made = bundles.get(file) ?? makeBundle(file);
  bundles.set(file, made);
  return made;
}

async function makeBundle(file: string): Promise<string> {
  const outDir = await ownDirectory(CACHE);
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: fileURLToPath(new URL(file, import.meta.url)),
      outDir,
      target: 'node20',
      sourcemap: 'inline',
      rolldownOptions: { output: { entryFileNames: 'bundle.mjs' } },
    },
  });
  return join(outDir, 'bundle.mjs');
}
