import { describe, expect, it } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { Askings, pushed } from '../support/askings.js';
import { CoreLocks } from '../support/core-locks.js';
import { until } from '../support/event.js';
import { pass, settle, useFakeTime } from '../support/fake-time.js';
import { unique, useRedis } from '../support/redis.js';
import { hears } from '../support/redis-observe.js';
import { busy, granted, ScriptedStore } from '../support/scripted-store.js';
import { inTests } from '../support/stores.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const TOKEN = 100;

describe('F31: messages about a hold that come late', () => {
  describe('to a holder', () => {
    useFakeTime();
    async function held() {
      const store = new ScriptedStore().letGo();
      store.automatic.acquire = () => granted({ token: TOKEN, block: 8 });
      const locks = new CoreLocks(store);
      const lock = await locks.acquire('job');
      return { store, lock, owner: store.all('acquire')[0]!.asked.owner };
    }

    it.each([
      ['an earlier one', TOKEN - 1, false],
      ['this one', TOKEN, true],
      // Of sharers the token that all have by now is named.
      ['one that shares with it, with a later token', TOKEN + 1, true],
      ['which is not told', undefined, true],
    ])('an end by force of %s', async (_, token, ends) => {
      const { store, lock, owner } = await held();
      const { signal } = lock;
      store.revoke(owner, token);
      expect([lock.held, signal.aborted]).toEqual([!ends, ends]);
    });

    it.each([
      ['an earlier one', TOKEN - 1, 0],
      ['this one', TOKEN, 1],
      ['which is not told', undefined, 1],
    ])('a request for the release of %s', async (_, token, times) => {
      const { store, lock, owner } = await held();
      let heard = 0;
      lock.onReleaseRequested(() => {
        heard += 1;
      });
      for (const listener of store.listeners.values()) listener.releaseRequested?.(owner, token);
      await settle();
      expect(heard).toBe(times);
    });
  });

  describe('to a waiter that is asking', () => {
    useFakeTime();
    it.each([
      ['of an earlier grant does not touch the answer', TOKEN - 1, true],
      ['of this grant makes the answer void', TOKEN, false],
      ['of any grant makes the answer void', undefined, false],
    ])('an end by force %s', async (_, token, counts) => {
      const askings = new Askings();
      const asking = askings.open();
      asking.revoked(token);
      askings.store.next('acquire').answer(granted({ token: TOKEN }));
      await settle();
      expect([askings.grants.length, askings.store.open('acquire')]).toEqual(counts ? [1, 0] : [0, 1]);
    });

    it('an end by force of an earlier grant does not touch one that was pushed', async () => {
      const askings = new Askings();
      const asking = askings.open();
      asking.pushed(pushed(1, { token: TOKEN }));
      asking.revoked(TOKEN - 1);
      askings.store.next('acquire').answer(busy());
      await settle();
      expect(askings.grants).toMatchObject([{ token: TOKEN }]);
      await pass(1);
    });
  });

  describe('on Redis', () => {
    const redis = useRedis();

    it.each(['forceRelease', 'requestRelease'] as const)('%s of an earlier grant of the same owner', async (call) => {
      const namespace = unique('ns');
      await using proxy = await TcpProxy.start(redis.server);
      const client = redis.server.client();
      client.duplicate = () => redis.server.client({ port: proxy.port });
      const options = { namespace, ...inTests };
      await using waiter = await createLockService({ ...options, redis: client });
      await using holder = await createLockService({ ...options, redis: redis.url });
      const held = await holder.acquire('job', { ttl: 3_000 });
      const waiting = waiter.acquire('job', { ttl: '1h', wait: '1h' });
      await until(() => hears(redis.client, `${namespace}:{job}`));
      proxy.holdReplies();
      await held.release();
      // The waiter has it, and does not know.
      expect((await holder.inspect('job')).holders).toHaveLength(1);
      if (call === 'requestRelease') expect(await holder.requestRelease('job')).toBe(true);
      expect(await holder.forceRelease('job')).toBe(true);
      const lock = await waiting;
      const { signal } = lock;
      let asked = 0;
      lock.onReleaseRequested(() => {
        asked += 1;
      });
      const next = holder.acquire('job', { wait: '1h' });
      proxy.release();
      // What is said after it is heard after it.
      await until(async () => holder.requestRelease('job').then(() => asked > 0));
      expect([asked, signal.aborted, lock.held]).toEqual([1, false, true]);
      expect(await lock.release()).toBe(true);
      await (await next).release();
    });
  });
});
