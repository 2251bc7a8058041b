import { once } from 'node:events';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createLockService, type Lock, type LockService, type RedisSource } from '../../lib/index.js';
import { bundle } from '../support/bundle.js';
import { until } from '../support/event.js';
import { spawnOwned } from '../support/processes.js';
import { unique, useRedis } from '../support/redis.js';
import { RedisCluster } from '../support/redis-cluster.js';
import { RedisServer } from '../support/redis-server.js';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe('npx nestjs-lock', () => {
  const redis = useRedis();
  const services: LockService[] = [];
  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  });

  async function open(namespace: string, instance: string): Promise<LockService> {
    const service = await createLockService({ redis: redis.url, namespace, instance, shutdownGrace: 0 });
    services.push(service);
    return service;
  }

  async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    const path = await bundle('../../lib/cli/main.ts');
    const child = spawnOwned(process.execPath, [path, ...args], {
      env: { ...process.env, REDIS_URL: redis.url, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [out, err] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (err += text));
    await once(child, 'close');
    return { code: child.exitCode, out, err };
  }

  /** On a terminal of so many columns; `typed` is what the person answers. */
  async function runOnTerminal(args: readonly string[], columns: number, typed = ''): Promise<Ended> {
    const path = await bundle('../../lib/cli/main.ts');
    const command = [process.execPath, path, ...args].map((word) => `'${word}'`).join(' ');
    const child = spawnOwned('script', ['-qec', `stty cols ${columns} -echo; ${command}`, '/dev/null'], {
      env: { ...process.env, REDIS_URL: redis.url, TERM: 'xterm' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (typed !== '' && out.includes('[y/N]')) child.stdin?.write(typed);
    });
    await once(child, 'close');
    return { code: child.exitCode, out, err: '' };
  }

  const rows = (out: string): string[][] =>
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/));

  it('lists who holds what, and who waits', async () => {
    const namespace = unique('cli');
    const [here, there] = [await open(namespace, 'orders-1'), await open(namespace, 'orders-2')];
    await here.acquire('order:1');
    await there.acquire('order:2', { mode: 'shared' });
    there.acquire('order:1').catch(() => {});
    await until(async () => (await here.inspect('order:1')).waiting.length === 1);
    const { code, out } = await run(['list', 'order:', '--namespace', namespace]);
    expect(code).toBe(0);
    expect(rows(out)).toEqual([
      ['NAME', 'MODE', 'HOLDER', 'METHOD', 'SINCE', 'LEFT', 'WAITING (oldest)'],
      [
        'order:1',
        'exclusive',
        'orders-1',
        expect.stringMatching(/ ago$/),
        expect.any(String),
        expect.stringMatching(/^1 \(/),
      ],
      ['order:2', 'shared', 'orders-2', expect.stringMatching(/ ago$/), expect.any(String)],
    ]);
    const json = await run(['list', '--json', '--namespace', namespace]);
    expect(
      json.out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).name),
    ).toEqual(['order:1', 'order:2']);
    expect((await run(['list', 'else', '--namespace', namespace])).out).toBe('No lock is held or waited for.\n');
  });

  it('tells a process that does not answer from another program, which cannot be asked', async () => {
    const namespace = unique('cli');
    await redis.client.set(`${namespace}:{dead}`, `${'0'.repeat(32)}.gone#1 1795761994088430`, 'PX', 60_000);
    await redis.client.set(`${namespace}:{foreign}`, 'some other program', 'PX', 60_000);
    const { out } = await run(['list', '--namespace', namespace]);
    expect(rows(out).map(([name, , holder]) => [name, holder])).toEqual([
      ['NAME', 'HOLDER'],
      ['dead', 'gone (silent)'],
      ['foreign', 'some other program'],
    ]);
    expect((await run(['inspect', 'dead', '--namespace', namespace])).out).toMatch(/gone .*does not answer\n/);
  });

  it('shows one lock, its queue, and what those who wait hold', async () => {
    const namespace = unique('cli');
    const [here, there] = [await open(namespace, 'orders-1'), await open(namespace, 'orders-2')];
    await here.acquire('b');
    await here.acquire('b:longer');
    await here.acquire('nobody:else');
    there.run('a', () => there.acquire('b', { wait: '1m' })).catch(() => {});
    await until(async () => (await here.inspect('b')).waiting.length === 1);
    const { code, out } = await run(['inspect', 'b', '--namespace', namespace]);
    expect(code).toBe(0);
    expect(out).toMatch(/^b\nHOLDER .*\norders-1 .*\nWAITING .*HOLDS\n1 +orders-2 +exclusive .* 1 +a\n$/);
    expect(await run(['inspect', 'nobody', '--namespace', namespace])).toEqual({
      code: 1,
      out: '',
      err: 'Nobody holds nobody.\n',
    });
  });

  it('names circles of waits, and who could give way', async () => {
    const namespace = unique('cli');
    const [here, there] = [await open(namespace, 'orders-1'), await open(namespace, 'orders-2')];
    expect(await run(['deadlocks', '--namespace', namespace])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^No/),
    });
    let inside = 0;
    const both = async (): Promise<void> => {
      inside += 1;
      await until(() => inside === 2);
    };
    here.run('a', () => both().then(() => here.acquire('b', { wait: '1m' }))).catch(() => {});
    await until(() => inside === 1);
    there.run('b', () => both().then(() => there.acquire('a', { wait: '1m' }))).catch(() => {});
    await until(async () => (await here.inspect('a')).waiting.length + (await here.inspect('b')).waiting.length === 2);
    const { code, out } = await run(['deadlocks', '--namespace', namespace]);
    expect(code).toBe(1);
    expect(out).toMatch(/^(a → b → a|b → a → b)\n {2}orders-[12] has waited for [ab] for the shortest time/);
    const json = JSON.parse((await run(['deadlocks', '--json', '--namespace', namespace])).out);
    expect(json.names.sort()).toEqual(['a', 'b']);
  });

  it('shows the journal', async () => {
    const namespace = unique('cli');
    const here = await createLockService({ redis: redis.url, namespace, instance: 'orders-1', journal: {} });
    services.push(here);
    const lock = await here.acquire('door');
    await here.tryAcquire('door');
    await here.tryRun('other', () => undefined);
    await lock.release();
    await here.close();
    const { code, out } = await run(['journal', 'door', '--namespace', namespace]);
    expect(code).toBe(0);
    expect(out).toMatch(/^WHEN .*\n\d{4}-.* {2}busy {2}held by orders-1 {2}door {2}orders-1 .*\n$/);
    expect(JSON.parse((await run(['journal', '--json', '--namespace', namespace])).out)).toMatchObject({
      what: 'busy',
    });
    expect((await run(['journal', 'else', '--namespace', namespace])).out).toMatch(/^Nothing is noted/);
  });

  it('asks the holder to release', async () => {
    const namespace = unique('cli');
    const here = await open(namespace, 'orders-1');
    const lock = await here.acquire('door');
    const asked = vi.fn();
    lock.onReleaseRequested(asked);
    expect(await run(['request', 'door', '--namespace', namespace])).toMatchObject({ code: 0 });
    await until(() => asked.mock.calls.length === 1);
    expect(lock.held).toBe(true);
    expect(await run(['request', 'else', '--namespace', namespace])).toMatchObject({ code: 1 });
  });

  describe('release', () => {
    async function held(): Promise<{ namespace: string; lock: Lock }> {
      const namespace = unique('cli');
      return { namespace, lock: await (await open(namespace, 'orders-1')).acquire('door') };
    }

    it('asks nobody where nobody is there, and does nothing without --yes', async () => {
      const { namespace, lock } = await held();
      const { code, err } = await run(['release', 'door', '--namespace', namespace]);
      expect([code, lock.held]).toEqual([2, true]);
      expect(err).toMatch(/orders-1[\s\S]*give --yes/);
      expect(await run(['release', 'door', '--yes', '--namespace', namespace])).toMatchObject({
        code: 0,
        out: 'door is free.\n',
      });
      await until(() => !lock.held);
      expect(await run(['release', 'door', '--yes', '--namespace', namespace])).toMatchObject({ code: 1 });
    });

    it.each([
      ['y\n', 0, false],
      ['n\n', 1, true],
      ['\n', 1, true],
    ])('does what a person says (%j)', async (typed, code, stays) => {
      const { namespace, lock } = await held();
      const ended = await runOnTerminal(['release', 'door', '--namespace', namespace], 100, typed);
      expect(ended.out).toMatch(/orders-1[\s\S]*\[y\/N\]/);
      expect(ended.code).toBe(code);
      await until(() => lock.held === stays);
    });
  });

  it('fits a terminal of 80 columns, and colours nothing where that is not wanted', async () => {
    const namespace = unique('cli');
    const here = await open(namespace, 'a-process-with-a-rather-long-label-on-a-machine');
    await here.acquire(`order:${'x'.repeat(200)}`);
    const { out } = await runOnTerminal(['list', '--namespace', namespace], 80);
    const plain = out.replaceAll('\u001b[1m', '').replaceAll('\u001b[0m', '').replaceAll('\r', '');
    expect(out).toContain('\u001b[1m');
    expect(Math.max(...plain.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(plain).toContain('…');
    const piped = await run(['list', '--namespace', namespace]);
    expect(piped.out).toContain('x'.repeat(200));
    expect(piped.out).not.toContain('\u001b');
  });

  it('shows names that would move the cursor as codes', async () => {
    const namespace = unique('cli');
    await (await open(namespace, 'me')).acquire('a\u001b[2Jb\u202e\nc');
    const { out } = await run(['list', '--namespace', namespace]);
    expect(out).toContain('a\\u{1b}[2Jb\\u{202e}\\u{a}c');
    expect(out).not.toContain('\u001b');
  });

  it('tells each change while it watches, and ends by Ctrl-C', async () => {
    const namespace = unique('cli');
    const here = await open(namespace, 'orders-1');
    const lock = await here.acquire('door');
    const path = await bundle('../../lib/cli/main.ts');
    const child = spawnOwned(process.execPath, [path, 'watch', '--namespace', namespace], {
      env: { ...process.env, REDIS_URL: redis.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (out += text));
    await until(() => out.includes('door  held by orders-1\n'));
    await lock.release();
    await until(() => out.includes('door  free\n'));
    child.kill('SIGINT');
    await once(child, 'close');
    expect(child.exitCode).toBe(0);
  });

  describe('doctor', () => {
    const findings = async (url: string): Promise<{ code: number | null; bad: string[]; all: string[] }> => {
      const { code, out } = await run(['doctor', '--json', '--redis', url, '--namespace', unique('cli')]);
      const found = out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, string>);
      const bad = found.filter(({ state }) => state === 'bad');
      return {
        code,
        bad: bad.map(({ what, remedy = '' }) => `${what} ${remedy}`),
        all: found.map(({ what }) => what as string),
      };
    };

    it('finds nothing bad in a server as it comes', async () => {
      const { code, bad, all } = await findings(redis.url);
      expect([code, bad]).toEqual([0, []]);
      expect(all.length).toBe(10);
      const { out } = await run(['doctor', '--namespace', unique('cli')]);
      expect(out).toMatch(/^ok {4}(Redis|Valkey) \d/);
      expect(out).toMatch(/\nlook {2}Writes are not logged.*\n {6}appendonly yes/);
    });

    it('finds what evicts locks, and a replica', async () => {
      await using server = await RedisServer.start();
      await server.client().config('SET', 'maxmemory', '100mb');
      await server.client().config('SET', 'maxmemory-policy', 'allkeys-lru');
      const evicting = await findings(server.url);
      expect([evicting.code, evicting.bad]).toEqual([1, [expect.stringMatching(/allkeys-lru CONFIG SET/)]]);
      const { hostname, port } = new URL(redis.url);
      await server.client().replicaof(hostname, Number(port));
      await until(async () => (await server.client().info('replication')).includes('master_link_status:up'));
      const replica = await findings(server.url);
      expect(replica.code).toBe(1);
      expect(replica.bad[0]).toMatch(/replica.*address of the primary/);
    });

    it.each([
      ['no messages', ['-publish'], /Messages do not arrive/],
      ['no time', ['-time'], /Locks are taken.*redis-rights/],
    ])('finds a user that has %s', async (_, rights, problem) => {
      const user = unique('user');
      await redis.client.call('ACL', 'SETUSER', user, 'on', '>pass', '~*', '&*', '+@all', ...rights);
      const { code, bad } = await findings(redis.url.replace('redis://', `redis://${user}:pass@`));
      expect(code).toBe(1);
      expect(bad.some((each) => problem.test(each))).toBe(true);
    });
  });

  it('works on a Cluster, by the address of one of its nodes', async () => {
    const cluster = await RedisCluster.start();
    onTestFinished(() => cluster.stop());
    const namespace = unique('cli');
    const client = cluster.client() as unknown as RedisSource;
    const here = await createLockService({ redis: client, namespace, instance: 'orders-1' });
    services.push(here);
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await here.acquire(name);
    const [{ host, port } = { host: '', port: 0 }] = cluster.addresses;
    const url = `redis://${host}:${port}`;
    const { out } = await run(['list', '--namespace', namespace, '--redis', url]);
    expect(
      rows(out)
        .slice(1)
        .map(([name]) => name),
    ).toEqual(names);
    expect((await run(['release', 'b', '--yes', '--namespace', namespace, '--redis', url])).out).toBe('b is free.\n');
    expect((await run(['doctor', '--namespace', namespace, '--redis', url])).code).toBe(0);
  });

  it.each<[readonly string[], RegExp]>([
    [['lists'], /There is no command lists/],
    [['inspect'], /inspect needs the name of a lock/],
    [['list', 'a', 'b'], /too many arguments/],
    [['deadlocks', 'a'], /too many arguments/],
    [['list', '--nope'], /--nope/],
    [['list', '--namespace', 'a b'], /`namespace`/],
    [['constructor'], /There is no command/],
  ])('says what is wrong with %j', async (args, message) => {
    const { code, out, err } = await run(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(message);
  });

  it('helps', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const command of ['list', 'inspect', 'watch', 'deadlocks', 'journal', 'request', 'release', 'doctor'])
      expect(out).toContain(`  ${command} `);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(await run([])).toEqual({ code: 2, out, err: '' });
  });

  it('says when Redis cannot be reached, without its password', async () => {
    const { code, err } = await run(['list'], { REDIS_URL: 'redis://user:hidden@127.0.0.1:1' });
    expect(code).toBe(3);
    expect(err).toMatch(/unavailable.*ECONNREFUSED/);
    expect(err).not.toContain('hidden');
  });
});
