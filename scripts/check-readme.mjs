// Compiles every ```ts block of README.md and docs/*.md, each as a module of its own, strictly, against the build.
// What a reader need not see stands before a block in a comment: <!-- with: import type { Card } from './card.js'; -->
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const work = `${root}temp/readme/`;
const BLOCK = /(?:<!-- with:((?:(?!-->)[\s\S])*)-->\s*)?^( *)```(?:ts|typescript)\b.*\n([\s\S]*?)^\2```/gm;

/** The blocks of one document: { document, line (of the first line of code), prelude, code }. */
function blocksOf(document) {
  const text = readFileSync(root + document, 'utf8');
  return [...text.matchAll(BLOCK)].map(({ index, 0: whole, 1: prelude = '', 2: indent, 3: code }) => {
    const fence = whole.lastIndexOf('```ts', whole.length - code.length);
    const line = text.slice(0, index + fence).split('\n').length + 1;
    return { document, line, prelude: prelude.trim(), code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), '') };
  });
}

function write(block, number) {
  const head = `export {};\n${block.prelude}\n`;
  writeFileSync(`${work}block-${number}.ts`, head + block.code);
  return { ...block, offset: block.line - head.split('\n').length };
}

/** Links to files of this repository that are not there. */
function brokenLinks(document) {
  const links = [...readFileSync(root + document, 'utf8').matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, link]) => link);
  return links
    .filter((link) => !/^https?:/.test(link) && !existsSync(new URL(link, `file://${root}${document}`)))
    .map((link) => ({ document, link }));
}

function compile() {
  const compilerOptions = { rootDir: '../..', paths: {}, noEmit: true };
  writeFileSync(
    `${work}tsconfig.json`,
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'], exclude: [] }),
  );
  const tsc = [`${root}node_modules/typescript/bin/tsc`, '-p', work, '--pretty', 'false'];
  const { status, stdout, stderr } = spawnSync(process.execPath, tsc, { cwd: work, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

if (!existsSync(`${root}dist/esm/index.d.ts`)) throw new Error('dist is missing: run `npm run build` first.');
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });

const docs = existsSync(`${root}docs`) ? readdirSync(`${root}docs`).filter((file) => file.endsWith('.md')) : [];
const documents = ['README.md', ...docs.sort().map((file) => `docs/${file}`)];
const broken = documents.flatMap(brokenLinks);
const blocks = documents.flatMap(blocksOf).map(write);
const { status, output } = compile();

const readable = output.replaceAll(/^block-(\d+)\.ts\((\d+),/gm, (_, number, line) => {
  const { document, offset } = blocks[number];
  return `${document}:${Number(line) + offset} (column `;
});
if (readable.trim()) console.error(readable.trim());
if (blocks.length === 0) console.error('README.md and docs hold no ```ts block.');
for (const { document, link } of broken) console.error(`${document}: nothing is at ${link}`);
if (status !== 0 || blocks.length === 0 || broken.length > 0) process.exit(1);
console.log(`Documents: ${blocks.length} blocks of ${documents.join(', ')} compile.`);
