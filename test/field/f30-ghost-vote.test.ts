import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Claim } from '../../lib/core/lock-store.js';
import { openQuorum } from '../../lib/stores/redis/quorum/open-quorum.js';
import type { QuorumLockStore } from '../../lib/stores/redis/quorum/quorum-lock-store.js';
import { until } from '../support/event.js';
import { traces } from '../support/redis-observe.js';
import { RedisQuorum } from '../support/redis-quorum.js';
import type { RedisServer } from '../support/redis-server.js';
import { quiet } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

/** So long that nothing is over by itself while a test runs. */
const TTL_MS = 600_000;
const NAMESPACE = 'lock';

/*
 * A quorum of three, and the network to the third server breaks with something under way. The client sends that again
 * when it is connected again, after the two others have decided and all is over.
 */
describe('F30: no vote is left that nobody has', () => {
  let servers: RedisQuorum;
  let third: RedisServer;
  let network: TcpProxy;
  let store: QuorumLockStore;
  let owners = 0;
  const monitors: Redis[] = [];
  beforeEach(async () => {
    servers = await RedisQuorum.start(3);
    third = servers.servers[2]!;
    network = await TcpProxy.start(third);
    store = await openQuorum([...servers.urls.slice(0, 2), network.url], {
      namespace: NAMESPACE,
      commandTimeout: 60_000,
      longestTtl: 1,
      logger: quiet,
    });
    // Each server votes.
    const before = claim();
    await until(async () => (await store.acquire(before)).granted && third.client().get(`${NAMESPACE}:{job}`));
    await store.release({ ...before, retain: 0 });
    await nothingLeft();
  });
  afterEach(async () => {
    for (const monitor of monitors.splice(0)) monitor.disconnect();
    await store.close();
    network.stop();
    await servers.stop();
  });

  const claim = (more: Partial<Claim> = {}): Claim => {
    owners += 1;
    const terms = { permits: 0, ttl: TTL_MS, alive: 0, ticket: 0, attempt: 1, block: 1 };
    return { name: 'job', owner: `i#${owners}`, ...terms, ...more };
  };

  /** What is under way is neither answered nor lost, and nothing more comes through. */
  async function cut(): Promise<void> {
    await network.refuseConnections();
    network.resetAll();
    await until(() => network.connections === 0);
  }

  async function mend(): Promise<void> {
    network.release();
    await network.acceptConnections();
  }

  /** Resolves when the client has sent again what was under way, and the server has run it. */
  async function mendAndResend(operation: string): Promise<string[]> {
    const monitor = await third.monitor();
    monitors.push(monitor);
    const commands: string[] = [];
    monitor.on('monitor', (_time, args: string[]) => commands.push(args.join(' ')));
    await mend();
    await until(() => commands.some((command) => command.includes(operation)), { describe: operation });
    return commands;
  }

  async function nothingLeft(): Promise<void> {
    for (const server of servers.servers) {
      const client = server.client();
      await until(async () => (await traces(client, NAMESPACE)).length === 0, { describe: 'no trace of the owner' });
    }
    await until(() => store.stakes.every((size) => size === 0), { describe: 'nothing to take back' });
  }

  it('of a lock that was released', async () => {
    network.holdRequests();
    const asked = network.seen('acquire 0');
    const { owner, name, ttl } = claim();
    const granted = store.acquire(claim({ owner }));
    await asked;
    expect((await granted).granted).toBe(true);
    expect(await store.renew({ name, owner, ttl })).toBe(true);
    await cut();
    expect(await store.release({ name, owner, retain: 0 })).toBe(true);
    await mendAndResend('acquire 0');
    await nothingLeft();
  });

  it('of a lock that is kept from the others for a while: it is kept, and no longer', async () => {
    const { owner, name } = claim();
    await store.acquire(claim({ owner }));
    await until(() => third.client().get(`${NAMESPACE}:{job}`));
    await cut();
    const retain = 3_000;
    const released = performance.now();
    expect(await store.release({ name, owner, retain })).toBe(true);
    await mend();
    await until(async () => (await third.client().get(`${NAMESPACE}:{job}`))?.startsWith('~'));
    await nothingLeft();
    expect(performance.now() - released).toBeGreaterThan(retain - 100);
  });

  it('of a lock that was not won', async () => {
    const [one, two] = [claim({ owner: 'other#1' }), claim()];
    const other = await openQuorum(servers.urls, {
      namespace: NAMESPACE,
      commandTimeout: 60_000,
      longestTtl: 1,
      logger: quiet,
    });
    await until(async () => (await other.acquire(one)).granted && third.client().get(`${NAMESPACE}:{job}`));
    // The third server would grant it.
    await third.client().del(`${NAMESPACE}:{job}`);
    network.holdRequests();
    const asked = network.seen('acquire 0');
    const refused = store.acquire(two);
    await asked;
    await cut();
    expect(await refused).toMatchObject({ granted: false });
    await mendAndResend('acquire 0');
    await other.release({ ...one, retain: 0 });
    await nothingLeft();
    await other.close();
  });

  it('of a place in the queue that was left', async () => {
    const other = claim({ owner: 'other#2' });
    await store.acquire(other);
    await until(() => third.client().get(`${NAMESPACE}:{job}`));
    const waiting = claim({ alive: TTL_MS });
    network.holdRequests();
    const asked = network.seen('acquire 0');
    const refused = store.acquire(waiting);
    await asked;
    await cut();
    expect(await refused).toMatchObject({ granted: false, ticket: expect.any(Number) });
    await store.withdraw(waiting);
    await mendAndResend('acquire 0');
    await store.release({ ...other, retain: 0 });
    await nothingLeft();
  });

  it('that a renewal has asked for again', async () => {
    const { owner, name, ttl } = claim();
    await store.acquire(claim({ owner }));
    await until(() => third.client().get(`${NAMESPACE}:{job}`));
    await third.client().del(`${NAMESPACE}:{job}`);
    // The renewal finds that it is lost there, and asks for it again.
    const asked = network.seen('acquire 0');
    const renewed = network.seen('renew');
    const holding = renewed.then(() => network.holdRequests());
    expect(await store.renew({ name, owner, ttl })).toBe(true);
    await holding;
    await asked;
    await cut();
    expect(await store.release({ name, owner, retain: 0 })).toBe(true);
    await mendAndResend('acquire 0');
    await nothingLeft();
  });

  it('and no mark of work that was not done', async () => {
    const { owner, name } = claim();
    await store.acquire(claim({ owner }));
    await until(() => third.client().get(`${NAMESPACE}:{job}`));
    // Most servers have lost it meanwhile, and the third has not.
    for (const server of servers.servers.slice(0, 2)) await server.client().del(`${NAMESPACE}:{job}`);
    network.holdRequests();
    const asked = network.seen('complete');
    const completed = store.complete({ name, owner, remember: TTL_MS, retain: 0 });
    await asked;
    await cut();
    expect(await completed).toBe(false);
    await mendAndResend('complete');
    await nothingLeft();
  });

  it('also when a server has been away for longer than the lease', async () => {
    network.holdRequests();
    const asked = network.seen('acquire 0');
    const { owner, name } = claim();
    const granted = store.acquire(claim({ owner, ttl: 200 }));
    await asked;
    expect((await granted).granted).toBe(true);
    await cut();
    await store.release({ name, owner, retain: 0 });
    await until(async () => (await servers.servers[0]!.client().exists(`${NAMESPACE}:{job}`)) === 0);
    const commands = await mendAndResend('acquire 0');
    await until(() => commands.some((command) => command.includes('withdraw')), { describe: 'a withdrawal' });
    const last = (text: string): number => commands.map((command) => command.includes(text)).lastIndexOf(true);
    expect(last('withdraw')).toBeGreaterThan(last('acquire 0'));
    await nothingLeft();
  });

  it('and little is kept of a server that is gone for good', async () => {
    await cut();
    for (let round = 0; round < 100; round += 1) {
      const each = claim();
      expect((await store.acquire(each)).granted).toBe(true);
      expect(await store.release({ ...each, retain: 0 })).toBe(true);
    }
    await until(() => store.stakes.every((size) => size === 0), { describe: 'nothing to take back' });
  });
});
