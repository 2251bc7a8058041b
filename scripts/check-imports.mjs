// The import rules of lib/: layers point downward, nothing leaves the package, no cycles, no file of more than one sitting.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const LIB = fileURLToPath(new URL('../lib/', import.meta.url));
const MAX_LINES = 380;
const GENERATED = 'stores/redis/scripts/lua.ts';

// First match counts. What a file may import: `folder/`, `file.ts`, a package, or `type x`: `import type` only.
// index, jobs, web-locks, … -> nest -> service -> observe -> features, stores -> core.
const LAYERS = [
  ['core/', ['core/']],
  ['stores/memory/', ['core/', 'stores/memory/']],
  ['stores/redis/', ['core/', 'stores/redis/', 'ioredis']],
  ['features/', ['core/', 'features/', 'type service/']],
  ['testing/', ['core/', 'testing/']],
  ['observe/opentelemetry.ts', ['observe/', '@opentelemetry/api']],
  ['observe/prometheus.ts', ['core/', 'observe/', 'prom-client']],
  ['observe/', ['core/', 'type features/', 'observe/']],
  ['service/', ['core/', 'features/', 'observe/', 'stores/', 'service/']],
  ['cli/', ['cli/', 'core/', 'type features/', 'type observe/', 'service/', 'type stores/', 'ioredis']],
  ['nest/terminus/', ['type features/', 'service/', '@nestjs/common', '@nestjs/terminus']],
  ['nest/', ['core/', 'features/', 'service/', 'nest/', '@nestjs/common', '@nestjs/core', 'reflect-metadata', 'rxjs']],
  ['', ['core/', 'features/', 'observe/', 'stores/', 'service/', 'nest/']],
];

const IMPORT =
  /\b(?:import|export)\s+(type\b)?[^'";]*?\bfrom\s*'([^']+)'|\bimport\s*\(?\s*'([^']+)'|\brequire\s*\(\s*'([^']+)'/g;

function importsOf(file, text) {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(IMPORT)].map(([, type, from, bare, required]) => {
    const specifier = from ?? bare ?? required;
    const local = specifier.startsWith('.');
    const target = local ? posix.join(posix.dirname(file), specifier.replace(/\.js$/, '.ts')) : specifier;
    return { specifier, local, target, typeOnly: type !== undefined };
  });
}

const matches = (rule, target) =>
  rule instanceof RegExp ? rule.test(target) : rule.endsWith('/') ? target.startsWith(rule) : target === rule;

function isAllowed(file, { target, typeOnly }) {
  if (target.startsWith('node:')) return true;
  const [, rules] = LAYERS.find(([from]) => file.startsWith(from));
  return rules.some((rule) => {
    const forTypes = typeof rule === 'string' && rule.startsWith('type ');
    return forTypes ? typeOnly && matches(rule.slice(5), target) : matches(rule, target);
  });
}

function problemOf(file, found) {
  if (found.local && !found.specifier.endsWith('.js')) return `'${found.specifier}' must end with .js`;
  if (found.target === 'index.ts') return `'${found.specifier}': nothing imports index.ts`;
  if (found.target.startsWith('..')) return `'${found.specifier}' leaves lib`;
  if (!isAllowed(file, found)) return `'${found.specifier}' is not allowed from this layer`;
  return undefined;
}

function findCycle(graph) {
  const done = new Set();
  const visit = (file, path) => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

const problems = [];
const graph = new Map();
const files = readdirSync(LIB, { recursive: true }).map((file) => file.replaceAll('\\', '/'));
for (const file of files.filter((name) => /\.(ts|lua)$/.test(name) && name !== GENERATED).sort()) {
  const text = readFileSync(LIB + file, 'utf8');
  const lines = text.trimEnd().split('\n').length;
  if (lines > MAX_LINES) problems.push(`lib/${file}: ${lines} lines, more than ${MAX_LINES}`);
  if (file.endsWith('.lua')) continue;
  const imports = importsOf(file, text);
  graph.set(
    file,
    imports.filter((found) => found.local && !found.typeOnly).map((found) => found.target),
  );
  for (const found of imports) {
    const problem = problemOf(file, found);
    if (problem) problems.push(`lib/${file}: ${problem}`);
  }
}
const cycle = findCycle(graph);
if (cycle) problems.push(`cycle: ${cycle.join(' -> ')}`);

if (graph.size === 0) problems.push('lib/ holds no TypeScript file');
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`Import rules: ${graph.size} files, all well.`);
