// Writes lib/stores/redis/scripts/lua.ts from the .lua files beside it; with --check it only tells whether that file is stale.
// TypeScript has no one way to find a file beside the module that works in both the ESM and the CommonJS build.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../lib/stores/redis/scripts/', import.meta.url));
const target = `${folder}lua.ts`;

const HEADER = `// Generated from the .lua files in the folders beside it: edit those, then run \`npm run embed:lua\`.
`;

/** A folder is one script, its files one after the other; a folder inside is the body of a function of its name. */
function textOf(path) {
  if (path.endsWith('.lua')) return readFileSync(path, 'utf8');
  return readdirSync(path)
    .sort()
    .map((entry) => {
      const text = textOf(`${path}/${entry}`);
      return entry.endsWith('.lua') ? text : `local function ${entry.replace(/^\d+-/, '')}(...)\n${text}end\n`;
    })
    .join('\n');
}

function constant(name) {
  return `\nexport const ${name.toUpperCase()}_SCRIPT = \`${textOf(folder + name).replace(/[\\`]|\$\{/g, '\\$&')}\`;\n`;
}

const scripts = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
if (scripts.length === 0) throw new Error(`No script in ${folder}`);
const wanted = HEADER + scripts.map(({ name }) => constant(name)).join('');
const current = existsSync(target) ? readFileSync(target, 'utf8') : undefined;

if (!process.argv.includes('--check')) {
  if (current !== wanted) writeFileSync(target, wanted);
} else if (current !== wanted) {
  console.error(
    'lib/stores/redis/scripts/lua.ts does not match the .lua files: run `npm run embed:lua` and commit the result.',
  );
  process.exit(1);
}
