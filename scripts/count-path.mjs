// Counts the functions and the files of the build that a free `@Locked` call runs through, from the decorator to Redis
// and back, and the files, floors and arrows of lib/core. `--list` names the functions.
// `npm run build && node scripts/with-redis.mjs node scripts/count-path.mjs`
import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = new URL('../dist/esm/', import.meta.url).href;

async function functionsOfACall() {
  const { createLockService, Locked } = await import(`${dist}index.js`);
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
    .filter(({ url }) => url.startsWith(dist))
    .flatMap(({ url, functions }) =>
      functions
        .filter(({ ranges }) => ranges[0].count > 0)
        .map(({ functionName, ranges }) => ({
          file: url.slice(dist.length),
          name: functionName,
          at: ranges[0].startOffset,
        })),
    );
}

/** Which file of lib/core imports which, types or not. */
function importsOfCore() {
  const files = readdirSync(`${root}lib/core`).filter((file) => file.endsWith('.ts'));
  return new Map(
    files.map((file) => {
      const text = readFileSync(`${root}lib/core/${file}`, 'utf8');
      const found = [...text.matchAll(/^(?:import|export) (type )?[\s\S]*?from '\.\/([^']+)\.js';/gm)];
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

const functions = await functionsOfACall();
const core = importsOfCore();
if (process.argv.includes('--list'))
  for (const { file, name } of functions) console.log(`${file}  ${name || '(anonymous)'}`);
console.log(
  `A free @Locked call: ${functions.length} functions in ${new Set(functions.map(({ file }) => file)).size} files.`,
);
const arrows = [...core.values()].flat().length;
console.log(`lib/core: ${core.size} files on ${floorsOf(core)} floors, ${arrows} arrows.`);
