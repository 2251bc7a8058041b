import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createLockService,
  type LockModuleOptions,
  type LockService,
  type RedisSource,
} from '../../../../lib/index.js';
import { until } from '../../../support/event.js';
import { unique } from '../../../support/redis.js';
import { traces } from '../../../support/redis-observe.js';
import { RedisQuorum } from '../../../support/redis-quorum.js';
import { documentedExtra, documentedRule, setUser } from '../../../support/redis-rule.js';
import { exerciseLocks } from '../../../support/redis-scenario.js';
import type { RedisServer } from '../../../support/redis-server.js';
import { quiet } from '../../../support/stores.js';

const TTL_MS = 1_900;
/** After so many seconds a server has a vote: longer than the ttl and the drift. */
const UP = 2;

describe('with a quorum of three servers', () => {
  let quorum: RedisQuorum;
  let servers: readonly RedisServer[];
  let namespace: string;
  const open: LockService[] = [];
  beforeAll(async () => {
    quorum = await RedisQuorum.start(3);
    servers = quorum.servers;
    await quorum.up(UP);
  });
  afterAll(async () => {
    await Promise.all(open.map((service) => service.close()));
    await quorum?.stop();
  });
  beforeEach(() => {
    namespace = unique('ns');
  });

  async function service(options: Partial<LockModuleOptions> & { quorum?: RedisSource[] } = {}): Promise<LockService> {
    const defaults = { ttl: TTL_MS, wait: '1m' };
    const all = { quorum: quorum.urls, namespace, logger: quiet, defaults, ...options };
    const made = await createLockService(all as LockModuleOptions);
    open.push(made);
    return made;
  }
  const services = (count: number) => Promise.all(Array.from({ length: count }, () => service()));

  const holder = (server: RedisServer) => server.client().get(`${namespace}:{n}`);
  const votes = async () => (await Promise.all(servers.map(holder))).filter((value) => value !== null).length;
  const isWaiting = () =>
    until(async () => servers[0]!.client().hlen(`${namespace}:{n}:waiter`), { describe: 'a waiter' });

  const sources: [string, () => RedisSource[]][] = [
    ['URLs', () => quorum.urls],
    ['options', () => servers.map(({ port }) => ({ port }))],
    ['clients', () => servers.map((server) => server.client())],
    ['clients with lazyConnect', () => servers.map((server) => server.client({ lazyConnect: true }))],
  ];
  it.each(sources)('two services with %s do all that services do', async (_, sourcesOf) => {
    const [one, two] = [await service({ quorum: sourcesOf() }), await service({ quorum: sourcesOf() })];
    await exerciseLocks(one, two, TTL_MS);
    for (const server of servers) {
      await until(async () => (await traces(server.client(), namespace)).length === 0, { describe: 'no trace' });
    }
  });

  it('the documented rights are enough, and without INFO no server has a vote', async () => {
    const rule = [...documentedRule(namespace), ...documentedExtra('`maxWaiting`')];
    const as = async (user: string, rights: string[]) => {
      for (const server of servers) await setUser(server.client(), user, rights);
      return service({ quorum: servers.map((server) => server.urlAs(user, 'secret')) });
    };
    await exerciseLocks(await as('app', rule), await as('app', rule), TTL_MS);
    const blind = await as(
      'blind',
      rule.filter((word) => word !== '+info'),
    );
    await expect(blind.acquire('n', { wait: 0 })).rejects.toMatchObject({
      code: 'LOCK_UNAVAILABLE',
      problem: expect.stringContaining('INFO'),
    });
  });

  it('most servers know the token of a hold before it is handed out, whichever gave it', async () => {
    const ahead = Date.now() * 1_000 + 3_600_000_000;
    await servers[0]!.client().set(`${namespace}:fence`, ahead, 'EX', 60);
    const [one] = await services(1);
    let last = 0;
    for (const absent of [undefined, 0, 1, 2, 0]) {
      // Without this one the others have to know.
      if (absent !== undefined) await servers[absent]!.pause();
      const lock = await one!.acquire('n');
      expect(lock.fencingToken).toBeGreaterThan(last);
      last = lock.fencingToken;
      await lock.release();
      if (absent !== undefined) servers[absent]!.resume();
      await until(async () => (await votes()) === 0, { describe: 'a free lock everywhere' });
    }
    expect(last).toBeGreaterThan(ahead);
  });

  it('of many who try at the same moment one gets it, however the votes are split', async () => {
    const all = await services(8);
    for (let round = 0; round < 15; round += 1) {
      const locks = await Promise.all(all.map((each) => each.tryAcquire('n')));
      const won = locks.filter((lock) => lock !== null);
      expect(won).toHaveLength(1);
      await won[0]!.release();
      await until(async () => (await votes()) === 0, { describe: 'a free lock everywhere' });
    }
  });

  it('waiters are served one after the other, each with a higher token', async () => {
    const all = await services(6);
    const lock = await all[0]!.acquire('n');
    const tokens = [lock.fencingToken];
    let inside = 0;
    const bodies = all.slice(1).map((each) =>
      each.run('n', async ({ fencingToken }) => {
        inside += 1;
        expect(inside).toBe(1);
        tokens.push(fencingToken);
        await each.inspect('n');
        inside -= 1;
      }),
    );
    await isWaiting();
    await lock.release();
    await Promise.all(bodies);
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
    expect(new Set(tokens).size).toBe(6);
  });

  it('readers share, and a writer excludes them', async () => {
    const [one, two] = await services(2);
    const shared = { mode: 'shared' } as const;
    const reading = [await one!.acquire('n', shared), await two!.acquire('n', shared)];
    expect(await one!.tryAcquire('n')).toBeNull();
    for (const lock of reading) expect(await lock.release()).toBe(true);
    const writing = await one!.acquire('n');
    expect(writing.fencingToken).toBeGreaterThan(reading[1]!.fencingToken);
    expect(await two!.tryAcquire('n', shared)).toBeNull();
  });

  it('permits are kept, and need more servers than a majority', async () => {
    const [one, two, three] = await services(3);
    const options = { mode: 'shared', permits: 2 } as const;
    const held = [await one!.acquire('n', options), await two!.acquire('n', options)];
    expect(await three!.tryAcquire('n', options)).toBeNull();
    await held[0]!.release();
    await servers[2]!.pause();
    await expect(three!.acquire('n', { ...options, wait: 0 })).rejects.toMatchObject({ code: 'LOCK_UNAVAILABLE' });
    servers[2]!.resume();
  });
});
