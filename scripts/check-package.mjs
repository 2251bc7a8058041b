// Packs the package and installs the tarball in fresh Nest 10, 11 and 12 applications that take locks, CommonJS and ESM.
import { execFile, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findRedisServer } from './ensure-redis.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = fileURLToPath(new URL('package-app', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'nestjs-lock-pack-'));
const exec = promisify(execFile);

// Nest 10 and 11 with the compiler options of their own starters, since those are what users have.
const STARTER = { experimentalDecorators: true, emitDecoratorMetadata: true, skipLibCheck: true, types: ['node'] };
const NODENEXT = { ...STARTER, module: 'nodenext', moduleResolution: 'nodenext', target: 'es2023' };
const NEST = {
  10: { ioredis: '^5', typescript: '^5', cjs: { ...STARTER, module: 'commonjs', target: 'es2021' }, esm: NODENEXT },
  11: { ioredis: '^5', typescript: '^5', cjs: { ...NODENEXT, strictNullChecks: true }, esm: NODENEXT, jest: '^30' },
  12: { ioredis: '^6', typescript: '^7', cjs: { ...NODENEXT, strict: true }, esm: { ...NODENEXT, strict: true } },
};

async function pack() {
  const { stdout } = await exec('npm', ['pack', '--json', '--silent', '--pack-destination', work], { cwd: root });
  return join(work, /"filename": "([^"]+)"/.exec(stdout)[1]);
}

async function install(major, tarball) {
  const { ioredis, typescript, jest } = NEST[major];
  const dependencies = {
    '@nestjs/common': `^${major}`,
    '@nestjs/core': `^${major}`,
    '@nestjs/terminus': `^${major}`,
    '@opentelemetry/api': '^1.9',
    '@types/node': '^20',
    ioredis,
    'nestjs-lock': `file:${tarball}`,
    'prom-client': '^15',
    'reflect-metadata': '^0.2',
    rxjs: '^7',
    typescript,
    ...(jest && { jest }),
  };
  const folder = join(work, `nest-${major}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  await exec('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: folder });
  return folder;
}

async function compile(folder, format, compilerOptions) {
  const app = join(folder, format);
  cpSync(source, app, { recursive: true });
  writeFileSync(join(app, 'package.json'), JSON.stringify({ type: format === 'esm' ? 'module' : 'commonjs' }));
  const tsconfig = { compilerOptions: { ...compilerOptions, rootDir: '.' }, include: ['*.ts'] };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify(tsconfig));
  await exec(join(folder, 'node_modules/.bin/tsc'), ['-p', app, '--pretty', 'false'], { cwd: app });
}

/** A server on a free port, to be killed by the caller. */
async function startRedis() {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  const server = spawn(findRedisServer(), ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', work]);
  await new Promise((resolve, reject) => {
    server.stdout.on('data', (text) => `${text}`.includes('Ready to accept connections') && resolve());
    server.once('error', reject);
    server.once('exit', () => reject(new Error('redis-server ended before it was ready')));
  });
  return { server, url: `redis://127.0.0.1:${port}` };
}

let passed = 0;
let failed = 0;

async function check(title, body) {
  try {
    await body();
    passed++;
    console.log(`ok      ${title}`);
  } catch (error) {
    failed++;
    console.log(
      `FAILED  ${title}\n${error.killed ? 'did not end by itself\n' : ''}${error.stdout ?? ''}${error.stderr || error.stack}`,
    );
  }
}

async function checkMajor(major, tarball, url) {
  const folder = await install(major, tarball);
  const run = (file, env) =>
    exec(process.execPath, [file], { timeout: 60_000, env: { ...process.env, ...env, NODE_NO_WARNINGS: '1' } });
  for (const format of ['cjs', 'esm']) {
    await check(`Nest ${major}, ${format}: locks in memory, on a Redis URL, on a client`, async () => {
      await compile(folder, format, NEST[major][format]);
      await run(join(folder, format, 'main.js'), { REDIS_URL: url });
    });
  }
  await check(`Nest ${major}: require and import give one LockService`, () => run(join(folder, 'esm/same-class.mjs')));
  if (NEST[major].jest) {
    await check(`Nest ${major}, cjs: under jest`, () =>
      exec(process.execPath, [join(folder, 'node_modules/jest/bin/jest.js'), '--rootDir', join(folder, 'cjs')], {
        cwd: join(folder, 'cjs'),
      }),
    );
  }
  await check(`Nest ${major}: the command line`, async () => {
    const { stdout } = await exec(join(folder, 'node_modules/.bin/nestjs-lock'), ['doctor', '--redis', url]);
    if (!/^ok +(Redis|Valkey)/.test(stdout)) throw new Error(stdout);
  });
  await check(`Nest ${major}, esm: in memory without ioredis`, async () => {
    rmSync(join(folder, 'node_modules/ioredis'), { recursive: true });
    await run(join(folder, 'esm/main.js'), { REDIS_URL: undefined });
  });
  await check(`Nest ${major}: the main entry without any optional peer`, async () => {
    for (const peer of ['@nestjs/terminus', '@opentelemetry/api', 'prom-client']) {
      rmSync(join(folder, 'node_modules', peer), { recursive: true });
    }
    await run(join(folder, 'esm/same-class.mjs'));
  });
}

const { server, url } = await startRedis();
try {
  const tarball = await pack();
  for (const major of Object.keys(NEST)) await checkMajor(major, tarball, url);
} finally {
  server.kill();
  rmSync(work, { recursive: true, force: true });
}
console.log(`Tarball: ${passed} checks passed, ${failed} failed.`);
if (failed > 0) process.exitCode = 1;
