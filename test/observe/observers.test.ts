import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createLockService,
  type LockAcquired,
  LockBusyError,
  type LockModuleOptions,
  type LockObserver,
  LockOptionsError,
  type LockService,
  MemoryLockStore,
} from '../../lib/index.js';
import { Recorder } from './recorder.js';

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('An observer', () => {
  const services: LockService[] = [];
  let recorder: Recorder;
  let locks: LockService;

  async function open(options: Partial<LockModuleOptions> = {}): Promise<LockService> {
    const service = await createLockService({ store: 'memory', instance: 'here', ...options });
    services.push(service);
    return service;
  }

  beforeEach(async () => {
    recorder = new Recorder();
    locks = await open({ observer: recorder.observer });
  });

  afterEach(async () => {
    await Promise.all(services.splice(0).map((service) => service.close()));
  });

  it('is told of a lock that is free, held and released', async () => {
    const lock = await locks.acquire('door');
    expect(recorder.happened()).toEqual(['acquired']);
    await lock.release();
    await soon();
    const common = {
      name: 'door',
      label: 'other',
      mode: 'exclusive',
      method: undefined,
      instance: 'here',
      store: 'memory',
    };
    const { id } = recorder.last('acquired');
    expect(recorder.told).toEqual([
      ['acquired', { ...common, id, fencingToken: lock.fencingToken, waited: expect.any(Number) }],
      ['released', { ...common, id, fencingToken: lock.fencingToken, held: expect.any(Number) }],
    ]);
  });

  it('is told who waits, and what became of it', async () => {
    const lock = await locks.acquire('door');
    const next = locks.acquire('door');
    await soon();
    expect(recorder.happened()).toEqual(['acquired', 'waiting']);
    await lock.release();
    await (await next).release();
    await soon();
    expect(recorder.happened()).toEqual(['acquired', 'waiting', 'acquired', 'released', 'released']);
    const { id } = recorder.last('waiting');
    expect(recorder.told.filter(([, event]) => event.id === id).map(([what]) => what)).toEqual([
      'waiting',
      'acquired',
      'released',
    ]);
  });

  it('is told that a lock was busy, and who had it', async () => {
    await using _ = await locks.acquire('door');
    await expect(locks.acquire('door', { wait: 0 })).rejects.toThrow(LockBusyError);
    await expect(locks.acquire('door', { wait: 20 })).rejects.toThrow(LockBusyError);
    await soon();
    expect(recorder.happened()).toEqual(['acquired', 'busy', 'waiting', 'busy']);
    expect(recorder.last('busy')).toMatchObject({ name: 'door', holders: ['here'] });
    expect(recorder.last('busy').waited).toBeGreaterThan(15);
  });

  it('is told why a wait was ended by something else', async () => {
    const lock = await locks.acquire('door');
    const controller = new AbortController();
    const aborted = locks.acquire('door', { signal: controller.signal });
    await soon();
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await soon();
    expect(recorder.last('aborted')).toMatchObject({ name: 'door', why: 'signal' });
    const closed = expect(locks.acquire('door')).rejects.toMatchObject({ code: 'LOCK_CLOSED' });
    await soon();
    await Promise.all([closed, locks.close(), lock.release()]);
    expect(recorder.last('aborted')).toMatchObject({ name: 'door', why: 'closed' });
  });

  it('is told of a loss once, and of no release', async () => {
    const lock = await locks.acquire('door');
    await locks.forceRelease('door');
    await soon();
    expect(await lock.release()).toBe(false);
    await soon();
    expect(recorder.happened()).toEqual(['acquired', 'lost']);
    expect(recorder.last('lost')).toMatchObject({
      why: 'forced',
      fencingToken: lock.fencingToken,
      held: expect.any(Number),
    });
  });

  it('is told only the first of what ends an acquisition', async () => {
    const [first, second] = [await locks.acquire('first'), await locks.acquire('second')];
    await locks.forceRelease('first');
    await locks
      .run('body', async (lock) => {
        await locks.forceRelease('body');
        expect(lock.held).toBe(false);
      })
      .catch(() => {});
    await first[Symbol.asyncDispose]();
    await second.release();
    await locks.forceRelease('second');
    await soon();
    expect(recorder.told.flatMap(([what, { name }]) => (what === 'acquired' ? [] : [`${what} ${name}`]))).toEqual([
      'lost first',
      'lost body',
      'released second',
    ]);
  });

  it.each([true, false])(
    'is told once of a loss that the mark has found (beneath an outer call: %j)',
    async (nested) => {
      class Forgetful extends MemoryLockStore {
        override async complete(): Promise<boolean> {
          return false;
        }
      }
      const service = await open({ store: new Forgetful(), observer: recorder.observer });
      const once = (): Promise<unknown> => service.once('door', { remember: '1m', reentrant: true }, () => undefined);
      await (nested ? service.run('door', once) : once()).catch(() => {});
      await soon();
      expect(recorder.happened()).toEqual(['acquired', 'lost']);
      expect(recorder.last('lost')).toMatchObject({ why: 'taken' });
    },
  );

  it('is told each name of several', async () => {
    const lock = await locks.acquire(['b', 'a']);
    await lock.release();
    await soon();
    expect(recorder.happened('a')).toEqual(['acquired', 'released']);
    expect(recorder.happened('b')).toEqual(['acquired', 'released']);
  });

  it('is told nothing more of a nested call that shares a lock', async () => {
    await locks.run('door', () => locks.run('door', { reentrant: true }, () => undefined));
    await soon();
    expect(recorder.happened()).toEqual(['acquired', 'released']);
  });

  it('is told what was skipped, and why', async () => {
    const lock = await locks.acquire('door');
    expect(await locks.tryRun('door', () => undefined)).toEqual({ acquired: false });
    expect(await locks.once('door', { remember: '1m' }, () => undefined)).toEqual({ status: 'busy' });
    await lock.release();
    await soon();
    expect(recorder.told.flatMap(([what, { why }]) => (what === 'skipped' ? [why] : []))).toEqual(['busy', 'busy']);
    recorder.forget();
    await locks.once('door', { remember: '1m', label: 'nightly' }, () => undefined);
    await locks.once('door', { remember: '1m', label: 'nightly' }, () => undefined);
    await soon();
    expect(recorder.happened()).toEqual(['acquired', 'released', 'marked', 'skipped']);
    expect(recorder.last('marked')).toMatchObject({ label: 'nightly', fencingToken: expect.any(Number) });
    expect(recorder.last('skipped')).toMatchObject({ label: 'nightly', why: 'done' });
  });

  it('is told who leads, and for how long', async () => {
    const election = locks.elect('leader', { label: 'leaders', onElected: () => undefined });
    await vi.waitFor(() => expect(recorder.happened('leader')).toEqual(['acquired', 'elected']));
    const { fencingToken } = election;
    await election.resign();
    await soon();
    expect(recorder.happened()).toEqual(['acquired', 'elected', 'deposed', 'released']);
    const deposed = { label: 'leaders', fencingToken, why: 'resigned', held: expect.any(Number) };
    expect(recorder.last('deposed')).toMatchObject(deposed);
  });

  it('knows locks by their label, never by their name', async () => {
    await (await locks.acquire('a:1', { label: 'a' })).release();
    expect(recorder.last('acquired').label).toBe('a');
    const labelled = new Recorder();
    const service = await open({ observer: labelled.observer, defaults: { label: 'mine' } });
    await (await service.acquire('a:1')).release();
    expect(labelled.last('acquired').label).toBe('mine');
  });

  it.each([[''], ['x'.repeat(129)], ['a\nb'], [7]])('has no label %j', async (label) => {
    await expect(locks.acquire('door', { label: label as string })).rejects.toThrow(
      /`label` is .*1 to 128 characters/s,
    );
  });

  describe('that comes later', () => {
    it('is told what begins then, until it is taken away', async () => {
      const service = await open();
      const late = new Recorder();
      const before = await service.acquire('before');
      const end = service.observe(late.observer);
      await (await service.acquire('then')).release();
      await before.release();
      await soon();
      expect(late.happened()).toEqual(['acquired', 'released']);
      end();
      end();
      await (await service.acquire('after')).release();
      await soon();
      expect(late.happened('after')).toEqual([]);
    });

    it('is told once, also when it was added twice', async () => {
      locks.observe(recorder.observer);
      await (await locks.acquire('door')).release();
      await soon();
      expect(recorder.happened()).toEqual(['acquired', 'released']);
    });

    it('is started with the service that it observes, and ended with it', async () => {
      const end = vi.fn();
      const start = vi.fn(() => end);
      const service = await open();
      service.observe({ start });
      expect(start).toHaveBeenCalledExactlyOnceWith(
        expect.objectContaining({ instance: 'here', store: 'memory', messagesProven: undefined }),
      );
      expect(end).not.toHaveBeenCalled();
      await service.close();
      expect(end).toHaveBeenCalledOnce();
    });
  });

  describe('that fails', () => {
    it.each<[string, LockObserver['acquired']]>([
      [
        'throws',
        () => {
          throw new Error('broken');
        },
      ],
      [
        'rejects',
        (async () => {
          throw new Error('broken');
        }) as LockObserver['acquired'],
      ],
    ])('(%s) hurts no lock and no other observer, and is logged once', async (_, acquired) => {
      const warn = vi.fn();
      const logger = { warn, error: vi.fn() };
      const service = await open({ logger, observer: [{ acquired } as LockObserver, recorder.observer] });
      for (let count = 0; count < 3; count += 1) expect(await service.run('door', () => count)).toBe(count);
      await soon();
      expect(recorder.happened()).toEqual(Array(3).fill(['acquired', 'released']).flat());
      expect(warn).toHaveBeenCalledOnce();
      expect(warn.mock.calls[0]?.[0]).toMatch(/acquired\(\) \(broken\)/);
    });

    it.each<[string, LockObserver['run']]>([
      [
        'throws before the body',
        () => {
          throw new Error('broken');
        },
      ],
      [
        'throws after the body',
        (_, body) => {
          body();
          throw new Error('broken');
        },
      ],
      ['does not call the body', () => undefined as never],
      [
        'calls the body twice',
        (_, body) => {
          body();
          return body();
        },
      ],
      [
        'returns something else',
        (_, body) => {
          body();
          return 'else' as never;
        },
      ],
    ])('(%s) lets the body run once, with its own outcome', async (_, run) => {
      const service = await open({ observer: { run } as LockObserver, logger: { warn: vi.fn(), error: vi.fn() } });
      const body = vi.fn(() => 'value');
      expect(await service.run('door', body)).toBe('value');
      expect(body).toHaveBeenCalledOnce();
      const failing = vi.fn(() => {
        throw new Error("the body's own");
      });
      await expect(service.run('door', failing)).rejects.toThrow("the body's own");
      expect(failing).toHaveBeenCalledOnce();
    });
  });

  it('is called in the context of the caller, after the step and before the caller goes on', async () => {
    const contexts = new AsyncLocalStorage<string>();
    const seen: [what: string, context: string | undefined][] = [];
    const note = (what: string) => () => void seen.push([what, contexts.getStore()]);
    locks.observe({ waiting: note('waiting'), acquired: note('acquired'), released: note('released') });
    await contexts.run('first', async () => {
      const lock = await locks.acquire('door');
      expect(seen).toEqual([['acquired', 'first']]);
      const second = contexts.run('second', () => locks.acquire('door'));
      await soon();
      await lock.release();
      await (await second).release();
    });
    await soon();
    expect(seen.filter(([what]) => what !== 'released')).toEqual([
      ['acquired', 'first'],
      ['waiting', 'second'],
      ['acquired', 'second'],
    ]);
    expect(
      seen
        .filter(([what]) => what === 'released')
        .map(([, context]) => context)
        .sort(),
    ).toEqual(['first', 'second']);
  });

  it('runs the body in a context of its own, the first observer outermost', async () => {
    const contexts = new AsyncLocalStorage<string[]>();
    const running = (name: string): LockObserver => ({
      run: (_: LockAcquired, body) => contexts.run([...(contexts.getStore() ?? []), name], body),
    });
    const service = await open({ observer: [running('outer'), running('inner')] });
    expect(await service.run('door', async () => contexts.getStore())).toEqual(['outer', 'inner']);
    expect(contexts.getStore()).toBeUndefined();
  });

  it('runs no nested body that shares a lock in the context of the outer one', async () => {
    const contexts = new AsyncLocalStorage<string>();
    const run: LockObserver['run'] = (event, body) => contexts.run(`lock ${event.id}`, body);
    const service = await open({ observer: { run } as LockObserver });
    const seen = await service.run('door', () =>
      contexts.run('between', () => service.run('door', { reentrant: true }, async () => contexts.getStore())),
    );
    expect(seen).toBe('between');
  });

  it('costs nothing once it is taken away', async () => {
    const service = await open();
    const end = service.observe(recorder.observer);
    expect(service.locker.witnesses).toBeDefined();
    end();
    expect(service.locker.witnesses).toBeUndefined();
  });

  it('is told how long the calls to the store took, if it wants to know', async () => {
    const called = vi.fn();
    const end = locks.observe({ called });
    await (await locks.acquire('door')).release();
    await locks.inspect('door');
    await soon();
    expect(called.mock.calls.map(([{ operation, outcome }]) => `${operation} ${outcome}`)).toEqual([
      'acquire answered',
      'release answered',
      'inspect answered',
    ]);
    expect(called.mock.lastCall?.[0]).toMatchObject({ took: expect.any(Number), instance: 'here', store: 'memory' });
    end();
    await (await locks.acquire('door')).release();
    await soon();
    expect(called).toHaveBeenCalledTimes(3);
  });

  it.each<[string, unknown, RegExp]>([
    ['null', null, /`observer` is null/],
    ['a function', () => {}, /`observer` is a function/],
    ['an object without methods', {}, /without any method of an observer/],
    ['a method that is none', { lost: 'log it' }, /`lost` that is no function/],
    ['one wrong among several', [{ lost: () => {} }, 7], /`observer` is a number/],
  ])('is refused at boot when it is %s', async (_, observer, message) => {
    await expect(open({ observer: observer as LockObserver })).rejects.toThrow(message);
    await expect(open({ observer: observer as LockObserver })).rejects.toThrow(LockOptionsError);
    if (!Array.isArray(observer)) expect(() => locks.observe(observer as LockObserver)).toThrow(LockOptionsError);
  });
});
