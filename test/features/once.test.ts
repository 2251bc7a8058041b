import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  currentLock,
  LockBusyError,
  LockKeyError,
  LockLostError,
  type LockModuleOptions,
  LockOptionsError,
  type LockService,
  type LockStore,
  MemoryLockStore,
} from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { useRedis } from '../support/redis.js';
import { bothStores } from '../support/stores.js';

const REMEMBER = { remember: '24h' } as const;

describe.each(bothStores(useRedis()))('once() on $name', ({ shared }) => {
  let options: LockModuleOptions;
  let here: LockService;
  let there: LockService;
  const opened: LockService[] = [];
  const open = async (more: Partial<LockModuleOptions> = {}): Promise<LockService> => {
    const locks = await createLockService({ ...options, ...more } as LockModuleOptions);
    opened.push(locks);
    return locks;
  };
  beforeEach(async () => {
    options = shared();
    [here, there] = [await open(), await open()];
  });
  afterAll(() => Promise.all(opened.map((locks) => locks.close())));

  it('runs the body once, and says when that was', async () => {
    const before = Date.now();
    expect(await here.once('invoice', REMEMBER, (lock) => [lock.held, currentLock() === lock])).toEqual({
      status: 'ran',
      value: [true, true],
    });
    const again = await there.once('invoice', REMEMBER, () => expect.unreachable());
    expect(again).toEqual({ status: 'done', at: expect.any(Date) });
    // The server of the test runs on the clock of this machine.
    expect(again.status === 'done' && Math.abs(again.at.getTime() - before)).toBeLessThan(600_000);
    expect((await here.inspect('invoice')).holders).toEqual([]);
  });

  it('says busy while somebody runs it, and does not wait unless the call says so', async () => {
    const end = deferred();
    const running = here.once('invoice', REMEMBER, () => end.promise);
    await until(async () => (await there.inspect('invoice')).holders.length === 1);
    expect(await there.once('invoice', REMEMBER, () => expect.unreachable())).toEqual({ status: 'busy' });
    const waiting = there.once('invoice', { ...REMEMBER, wait: '1m' }, () => expect.unreachable());
    await until(async () => (await here.inspect('invoice')).waiting.length === 1);
    end.resolve();
    expect(await running).toEqual({ status: 'ran', value: undefined });
    expect((await waiting).status).toBe('done');
  });

  it('is done for a waiter of the same process too, who gets no lock that was handed over', async () => {
    const end = deferred();
    const running = here.once('invoice', REMEMBER, () => end.promise);
    const waiting = here.once('invoice', { ...REMEMBER, wait: '1m' }, () => expect.unreachable());
    end.resolve();
    expect([(await running).status, (await waiting).status]).toEqual(['ran', 'done']);
  });

  it('leaves no mark when the body throws, and passes its error on', async () => {
    const failure = new Error('no paper');
    await expect(here.once('invoice', REMEMBER, () => Promise.reject(failure))).rejects.toBe(failure);
    expect((await there.once('invoice', REMEMBER, () => {})).status).toBe('ran');
  });

  it('passes a busy error of the body on: it is not its own', async () => {
    const busy = new LockBusyError('other', 0, [], 0);
    const body = (): never => {
      throw busy;
    };
    await expect(here.once('invoice', REMEMBER, body)).rejects.toBe(busy);
  });

  it('marks nothing when the lock was lost, and says so with the value', async () => {
    const run = here.once('invoice', REMEMBER, async (lock) => {
      await there.forceRelease('invoice');
      await until(() => !lock.held);
      return 'issued';
    });
    // Whichever is first: the message, or the look at the lock when the connection for messages is up.
    const why = expect.stringMatching(/^(forced|taken)$/);
    await expect(run).rejects.toMatchObject({ code: 'LOCK_LOST', why, result: 'issued' });
    expect((await there.once('invoice', REMEMBER, () => 'again')).status).toBe('ran');
  });

  it('marks nothing when the body has released the lock', async () => {
    const run = here.once('invoice', REMEMBER, (lock) => lock.release());
    await expect(run).rejects.toThrow(LockLostError);
    expect((await there.once('invoice', REMEMBER, () => {})).status).toBe('ran');
  });

  it("returns the value of a body that lost the lock with onLost: 'ignore', and marks nothing", async () => {
    const onLost = 'ignore';
    expect((await here.once('invoice', { ...REMEMBER, onLost }, (lock) => lock.release())).status).toBe('ran');
    expect((await there.once('invoice', REMEMBER, () => {})).status).toBe('ran');
  });

  it('forgets on demand', async () => {
    expect(await here.forget('invoice')).toBe(false);
    await here.once('invoice', REMEMBER, () => {});
    expect(await there.forget('invoice')).toBe(true);
    expect((await here.once('invoice', REMEMBER, () => {})).status).toBe('ran');
  });

  it('forgets after the time to remember', async () => {
    await here.once('invoice', { remember: 100 }, () => {});
    await until(async () => (await there.once('invoice', REMEMBER, () => {})).status === 'ran');
  });

  it('within a lock of the same name marks while that is held, and leaves it held', async () => {
    await here.run('invoice', async (lock) => {
      expect(await here.once('invoice', { ...REMEMBER, reentrant: true }, () => 1)).toEqual({
        status: 'ran',
        value: 1,
      });
      expect(lock.held).toBe(true);
      expect((await here.once('invoice', { ...REMEMBER, reentrant: true }, () => 2)).status).toBe('done');
    });
    expect((await there.once('invoice', REMEMBER, () => 2)).status).toBe('done');
  });

  it('keeps the lock from the others for holdAtLeast, also after it is done', async () => {
    await here.once('invoice', { ...REMEMBER, holdAtLeast: '1h' }, () => {});
    expect((await there.inspect('invoice')).holders).toMatchObject([{ retained: true }]);
    await there.forceRelease('invoice');
  });

  it('leaves a lock of its name as it is: a mark stands in nobody else’s way', async () => {
    await here.once('invoice', REMEMBER, () => {});
    // And who asks for what is done does not ask for the lock.
    const again = await there.run('invoice', () => here.once('invoice', REMEMBER, () => expect.unreachable()));
    expect(again.status).toBe('done');
  });

  it('refuses what cannot be', async () => {
    const body = (): void => expect.unreachable();
    // @ts-expect-error: how long is nobody else's to know.
    await expect(here.once('invoice', {}, body)).rejects.toThrow(/remember/);
    // @ts-expect-error: no options at all.
    await expect(here.once('invoice', undefined, body)).rejects.toThrow(LockOptionsError);
    await expect(here.once('invoice', { remember: 0 }, body)).rejects.toThrow(LockOptionsError);
    // @ts-expect-error: one holder.
    await expect(here.once('invoice', { ...REMEMBER, mode: 'shared' }, body)).rejects.toThrow(LockOptionsError);
    // @ts-expect-error: one name.
    await expect(here.once(['a', 'b'], REMEMBER, body)).rejects.toThrow(LockKeyError);
    // @ts-expect-error: no body.
    await expect(here.once('invoice', REMEMBER)).rejects.toThrow(LockOptionsError);
  });

  it('is exclusive, whatever the mode of the defaults', async () => {
    const sharing = await open({ defaults: { mode: 'shared', permits: 3 } });
    expect(await sharing.once('invoice', REMEMBER, (lock) => lock.mode)).toEqual({ status: 'ran', value: 'exclusive' });
  });

  it('is refused after the end of the service', async () => {
    await there.close();
    await expect(there.once('invoice', REMEMBER, () => {})).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
    await expect(there.forget('invoice')).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
  });
});

describe('once() on a store that keeps no marks', () => {
  it('says so, and runs nothing', async () => {
    const memory = new MemoryLockStore();
    const methods = ['acquire', 'renew', 'release', 'withdraw', 'inspect', 'force', 'subscribe'] as const;
    const bare = Object.fromEntries(methods.map((method) => [method, memory[method].bind(memory)]));
    const locks = await createLockService({ store: bare as unknown as LockStore });
    onTestFinished(() => locks.close());
    const body = (): void => expect.unreachable();
    for (const call of [locks.once('x', REMEMBER, body), locks.forget('x'), locks.requestRelease('x')]) {
      await expect(call).rejects.toMatchObject({ code: 'LOCK_OPTIONS', message: expect.stringMatching(/lacks/) });
    }
  });
});
