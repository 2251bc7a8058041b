import { describe, expect, it, vi } from 'vitest';
import { type LockStore, MemoryLockStore } from '../../../../lib/index.js';
import { QuorumLockStore } from '../../../../lib/stores/redis/quorum/quorum-lock-store.js';
import { CoreLocks, watch } from '../../../support/core-locks.js';
import { until } from '../../../support/event.js';
import { pass, settle, useFakeTime } from '../../../support/fake-time.js';

const SIZE = 3;

/** A server that a call takes so long to come to. */
function reached(server: MemoryLockStore, msOf: (call: string) => number): LockStore {
  const travel = (call: string) => new Promise((resolve) => setTimeout(resolve, msOf(call)));
  return {
    acquire: (claim) => travel('acquire').then(() => server.acquire(claim)),
    renew: (renewal) => travel('renew').then(() => server.renew(renewal)),
    release: (owned) => travel('release').then(() => server.release(owned)),
    withdraw: (owned) => travel('withdraw').then(() => server.withdraw(owned)),
    inspect: (name) => server.inspect(name),
    force: (name, expected) => server.force(name, expected),
    subscribe: (instance, listener) => server.subscribe(instance, listener),
  };
}

/** What one process sees of the servers: each is nearest to another process. */
function quorumOf(servers: readonly MemoryLockStore[], process: number): QuorumLockStore {
  return new QuorumLockStore(servers.map((server, index) => reached(server, () => 1 + ((index + process) % SIZE))));
}

function processes(): CoreLocks[] {
  const servers = Array.from({ length: SIZE }, () => new MemoryLockStore());
  return Array.from({ length: SIZE }, (_, index) => new CoreLocks(quorumOf(servers, index)));
}

describe('when each of three processes gets the vote of another server', () => {
  useFakeTime();

  // Often, since it depends on who backs off for how long.
  const ROUNDS = 60;

  it('one of those who do not wait gets the lock', async () => {
    const tries = processes().map((process) => watch(process.acquire('door', { wait: 0 })));
    await pass(1_000);
    expect(tries.filter(({ value }) => value?.held)).toHaveLength(1);
    expect(tries.filter(({ error }) => (error as { code?: string })?.code === 'LOCK_BUSY')).toHaveLength(2);
  });

  it('those who wait get it one after the other', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const waits = processes().map((process) => watch(process.acquire('door', { wait: '1m' })));
      for (let served = 1; served <= SIZE; served += 1) {
        await pass(1_000);
        const held = waits.filter(({ value }) => value?.held);
        expect(held).toHaveLength(1);
        void held[0]!.value!.release();
      }
    }
  });
});

describe('a vote that comes when all is over', () => {
  useFakeTime();
  const CLAIM = { name: 'door', owner: 'i#1', permits: 0, ttl: 30_000, alive: 0, ticket: 0, attempt: 1, block: 1 };

  it.each(['release', 'withdraw', 'renew'] as const)('after %s: is given back unless the lock is held', async (end) => {
    const servers = Array.from({ length: SIZE }, () => new MemoryLockStore());
    const late = servers[2]!;
    // It is asked only later, when it is connected, say.
    const slow = reached(late, (call) => (call === 'acquire' ? 300 : 0));
    const quorum = new QuorumLockStore([...servers.slice(0, 2), slow]);
    const acquired = watch(quorum.acquire(CLAIM));
    await pass(10);
    expect(acquired.value?.granted).toBe(true);
    void quorum[end]({ ...CLAIM, retain: 0 });
    await pass(1_000);
    const { holders } = await late.inspect('door');
    expect(holders).toHaveLength(end === 'renew' ? 1 : 0);
  });

  it('is asked for by no renewal whose lock was given back meanwhile', async () => {
    const servers = Array.from({ length: SIZE }, () => new MemoryLockStore());
    const quorum = new QuorumLockStore(servers);
    expect((await quorum.acquire(CLAIM)).granted).toBe(true);
    await settle();
    await servers[2]!.force('door', (await servers[2]!.inspect('door')).lastToken);
    const renewed = quorum.renew(CLAIM);
    await quorum.release({ ...CLAIM, retain: 0 });
    await renewed;
    await settle();
    expect((await servers[2]!.inspect('door')).holders).toEqual([]);
  });
});

describe('a server that has refused its vote, since it had not heard of the release before', () => {
  const CLAIM = { name: 'door', owner: 'i#1', permits: 0, ttl: 30_000, alive: 0, ticket: 0, attempt: 1, block: 1 };

  it('is asked again as soon as the lock is won, so that it bears the loss of another one', async () => {
    const servers = Array.from({ length: SIZE }, () => new MemoryLockStore());
    const late = servers[2]!;
    await late.acquire({ ...CLAIM, owner: 'before#1' });
    const hearsOfTheRelease: LockStore = {
      ...reached(late, () => 0),
      acquire: (claim) => late.acquire(claim),
      renew: async (renewal) => {
        await late.release({ ...CLAIM, owner: 'before#1', retain: 0 });
        return late.renew(renewal);
      },
    };
    const quorum = new QuorumLockStore([...servers.slice(0, 2), hearsOfTheRelease]);
    const { token } = (await quorum.acquire(CLAIM)) as { token: number };
    await until(async () => (await late.inspect('door')).holders[0]?.token === token);
    expect((await late.inspect('door')).holders).toMatchObject([{ owner: 'i#1' }]);
    await servers[0]!.withdraw(CLAIM);
    expect(await quorum.renew(CLAIM)).toBe(true);
  });
});

describe('a server that has another hold still, which is about to end', () => {
  useFakeTime();
  const CLAIM = { name: 'door', owner: 'i#1', permits: 0, ttl: 30_000, alive: 0, ticket: 0, attempt: 1, block: 1 };

  it.each([
    [9_000, true],
    [11_000, false],
  ])('is asked again before the next renewal, and not after it (%d ms left)', async (left, isAsked) => {
    const clock = { now: () => performance.now() };
    const servers = Array.from({ length: SIZE }, () => new MemoryLockStore({ clock }));
    const late = servers[2]!;
    await late.acquire({ ...CLAIM, owner: 'before#1', ttl: left });
    const quorum = new QuorumLockStore(servers);
    expect((await quorum.acquire(CLAIM)).granted).toBe(true);
    await pass(left + 100);
    expect((await late.inspect('door')).holders.map(({ owner }) => owner)).toEqual(isAsked ? ['i#1'] : []);
  });

  it('is not asked any more when the lock was given back meanwhile', async () => {
    const clock = { now: () => performance.now() };
    const servers = Array.from({ length: SIZE }, () => new MemoryLockStore({ clock }));
    await servers[2]!.acquire({ ...CLAIM, owner: 'before#1', ttl: 5_000 });
    const quorum = new QuorumLockStore(servers);
    expect((await quorum.acquire(CLAIM)).granted).toBe(true);
    await settle();
    expect(await quorum.release({ ...CLAIM, retain: 0 })).toBe(true);
    await pass(6_000);
    expect((await servers[2]!.inspect('door')).holders).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('votes that are ended before they are complete, by `forceRelease` say', () => {
  const CLAIM = { name: 'door', owner: 'i#1', permits: 0, ttl: 30_000, alive: 0, ticket: 0, attempt: 1, block: 1 };

  /** Its first vote is over when it is told the token of the grant. */
  function endsItsFirstVote(server: MemoryLockStore): LockStore {
    let isFirst = true;
    return {
      ...reached(server, () => 0),
      renew: async (renewal) => {
        if (isFirst) await server.withdraw(renewal);
        isFirst = false;
        return server.renew(renewal);
      },
    };
  }

  it('are asked for again', async () => {
    const servers = Array.from({ length: SIZE }, () => new MemoryLockStore());
    const quorum = new QuorumLockStore(servers.map(endsItsFirstVote));
    expect(await quorum.acquire(CLAIM)).toMatchObject({ granted: true });
    for (const server of servers) expect((await server.inspect('door')).holders).toHaveLength(1);
  });

  it('are not taken back for what is said of an earlier lock of the owner', async () => {
    const servers = Array.from({ length: SIZE }, () => new MemoryLockStore());
    const quorum = new QuorumLockStore(servers.map((server) => reached(server, () => 1)));
    quorum.subscribe('i', { granted() {}, revoked() {}, nudged() {}, reconnected() {} });
    await quorum.acquire(CLAIM);
    const again = quorum.acquire({ ...CLAIM, attempt: 2 });
    for (const server of servers) await server.force('door', (await server.inspect('door')).lastToken);
    expect(await again).toMatchObject({ granted: true });
    await quorum.close();
    for (const server of servers) expect((await server.inspect('door')).holders).toHaveLength(1);
  });
});
