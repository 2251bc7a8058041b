// Counts what a reader has to hold in the head: the functions and the files that a free `@Locked` call runs through, from
// the decorator to Redis and back; the files, floors and arrows of lib/core; and the lines of lib.
// `npm run build && node scripts/with-redis.mjs node scripts/count-path.mjs`; `--list` names the functions, `--json` is
// for programs, `--build DIR` counts in another build of lib than dist/esm.
import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const lib = fileURLToPath(new URL('../lib/', import.meta.url));
/** Not part of the lock: for tests, generated from the .lua files, and what stands on the core. */
const LEFT_OUT = /^(?:testing|features|observe)\/|^stores\/redis\/scripts\/lua\.ts$/;

async function functionsOfACall(build) {
  const { createLockService, Locked } = await import(`${build}index.js`);
  const service = await createLockService({ redis: process.env.REDIS_URL });
  class Orders {
    async pay() {}
  }
  const method = Object.getOwnPropertyDescriptor(Orders.prototype, 'pay');
  Locked('order:<0>')(Orders.prototype, 'pay', method);
  Object.defineProperty(Orders.prototype, 'pay', method);
  const orders = Object.assign(new Orders(), { [Symbol.for('nestjs-lock:injected:')]: service });
  for (let id = 0; id < 100; id += 1) await orders.pay(id);
  // What is done now and then, such as the proof of messages, is done by then.
  await sleep(500);

  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true });
  await session.post('Profiler.takePreciseCoverage');
  await orders.pay('once');
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  await service.close();
  return result
    .filter(({ url }) => url.startsWith(build))
    .flatMap(({ url, functions }) =>
      functions
        .filter(({ ranges }) => ranges[0].count > 0)
        .map(({ functionName }) => ({ file: url.slice(build.length), name: functionName })),
    );
}

/** Which file of lib/core imports which, types or not. */
function importsOfCore() {
  const files = readdirSync(`${lib}core`).filter((file) => file.endsWith('.ts'));
  return new Map(
    files.map((file) => {
      const text = readFileSync(`${lib}core/${file}`, 'utf8');
      const found = [...text.matchAll(/^(?:import|export) (type )?[^'";]*?from '\.\/([^']+)\.js';/gm)];
      return [file, found.map(([, type, name]) => ({ name: `${name}.ts`, isType: type !== undefined }))];
    }),
  );
}

/** The longest way down, by what is needed at run time. */
function floorsOf(graph) {
  const floor = (file) =>
    1 + Math.max(0, ...graph.get(file).flatMap(({ name, isType }) => (isType ? [] : [floor(name)])));
  return Math.max(...[...graph.keys()].map(floor));
}

/** All lines of lib that are written by hand for the lock itself, and how many of them are neither empty nor comment. */
function linesOfLib() {
  const files = readdirSync(lib, { recursive: true })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.(ts|lua)$/.test(file) && !LEFT_OUT.test(file));
  const texts = files.map((file) => ({ file, text: readFileSync(lib + file, 'utf8').trimEnd() }));
  const count = (lines) => lines.reduce((sum, each) => sum + each.length, 0);
  return {
    all: count(texts.map(({ text }) => text.split('\n'))),
    code: count(texts.map(({ file, text }) => withoutComments(file, text).match(/\S.*/g) ?? [])),
  };
}

function withoutComments(file, text) {
  return file.endsWith('.lua')
    ? text.replace(/^\s*--.*$/gm, '')
    : text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '');
}

const { values: options } = parseArgs({
  options: {
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    build: { type: 'string', default: fileURLToPath(new URL('../dist/esm', import.meta.url)) },
  },
});
const functions = await functionsOfACall(`${pathToFileURL(resolve(options.build)).href}/`);
const core = importsOfCore();
const counts = {
  way: { functions: functions.length, files: new Set(functions.map(({ file }) => file)).size },
  core: { files: core.size, floors: floorsOf(core), arrows: [...core.values()].flat().length },
  lines: linesOfLib(),
};

if (options.json) console.log(JSON.stringify(counts));
else {
  const { way, core, lines } = counts;
  if (options.list) for (const { file, name } of functions) console.log(`${file}  ${name || '(anonymous)'}`);
  console.log(`A free @Locked call: ${way.functions} functions in ${way.files} files.`);
  console.log(`lib/core: ${core.files} files on ${core.floors} floors, ${core.arrows} arrows.`);
  console.log(
    `lib without testing, embedded text, features and observers: ${lines.all} lines, ${lines.code} of them code.`,
  );
}
