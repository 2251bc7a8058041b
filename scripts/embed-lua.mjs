// Writes lib/stores/redis/scripts/lua.ts from the .lua files beside it; with --check it only tells whether that file is
// stale. TypeScript has no one way to find a file beside the module that works in both the ESM and the CommonJS build.
//
// `--- @include "<path>"` stands for a file of the same script, without `.lua`. Comments and indentation are not sent to
// Redis, so that a reworded comment is no new script. TypeScript knows the operations by the names of their files.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../lib/stores/redis/scripts/', import.meta.url));
const target = `${folder}lua.ts`;
const HEADER = '// Generated from the .lua files beside it: edit those, then run `npm run embed:lua`.\n';

const INCLUDE = /^--- @include "([\w/-]+)"$/;
/** A comment up to the end of its line, or a string, in which "--" begins none. */
const COMMENT = /--.*$|'(?:\\.|[^'\\])*'/g;

function linesOf(root, path, included) {
  included.add(path);
  return readFileSync(`${root}${path}.lua`, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, inner] = INCLUDE.exec(line.trim()) ?? [];
      if (inner) return linesOf(root, inner, included);
      const code = line.replace(COMMENT, (found) => (found.startsWith('--') ? '' : found)).trim();
      return code === '' ? [] : [code];
    });
}

function filesIn(root) {
  return readdirSync(root, { recursive: true })
    .filter((path) => path.endsWith('.lua'))
    .map((path) => path.replaceAll('\\', '/').slice(0, -'.lua'.length));
}

/** One script: a file, or a folder with a file of its name that includes the others. */
function constantsOf({ name, root }) {
  const included = new Set();
  const text = linesOf(root, name, included).join('\n');
  const files = root === folder ? [name] : filesIn(root);
  const unused = files.filter((path) => !included.has(path));
  if (unused.length > 0) throw new Error(`Never included: ${unused.join(', ')}`);
  const constant = `\nexport const ${name.toUpperCase()}_SCRIPT = \`${text.replace(/[\\`]|\$\{/g, '\\$&')}\n\`;\n`;
  const operations = files.filter((path) => path.startsWith('operations/')).map((path) => `'${basename(path)}'`);
  if (operations.length === 0) return constant;
  return `\nexport type ${name[0].toUpperCase()}${name.slice(1)}Operation =\n  | ${operations.sort().join('\n  | ')};\n${constant}`;
}

const scripts = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() || entry.name.endsWith('.lua'))
  .map((entry) => {
    const name = basename(entry.name, '.lua');
    return { name, root: entry.isDirectory() ? `${folder}${name}/` : folder };
  });
if (scripts.length === 0) throw new Error(`No script in ${folder}`);
const wanted = HEADER + scripts.map(constantsOf).join('');
const current = existsSync(target) ? readFileSync(target, 'utf8') : undefined;

if (!process.argv.includes('--check')) {
  if (current !== wanted) writeFileSync(target, wanted);
} else if (current !== wanted) {
  console.error(
    'lib/stores/redis/scripts/lua.ts does not match the .lua files: run `npm run embed:lua` and commit the result.',
  );
  process.exit(1);
}
