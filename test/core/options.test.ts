import { describe, expect, it } from 'vitest';
import {
  DEFAULT_LOCK_OPTIONS,
  type ResolvedLockOptions,
  resolveLockOptions,
  UNBOUNDED,
} from '../../lib/core/options.js';
import { type LockOptions, LockOptionsError } from '../../lib/index.js';

const resolve = (options: unknown, defaults: ResolvedLockOptions = DEFAULT_LOCK_OPTIONS): ResolvedLockOptions =>
  resolveLockOptions(defaults, options as LockOptions);

describe('Lock options', () => {
  it('have the documented defaults, which nobody can change', () => {
    expect(resolve(undefined)).toEqual({
      ttl: 15_000,
      wait: 20_000,
      mode: 'exclusive',
      permits: 0,
      maxWaiting: Number.POSITIVE_INFINITY,
      replicas: 0,
      renew: true,
      maxHold: Number.POSITIVE_INFINITY,
      holdAtLeast: 0,
      signal: undefined,
      reentrant: false,
      onLost: 'throw',
      label: 'other',
    });
    expect(Object.isFrozen(resolve(undefined))).toBe(true);
    expect(Object.isFrozen(resolve({ ttl: 5 }))).toBe(true);
  });

  it('are each taken over, with durations in ms', () => {
    const { signal } = new AbortController();
    const options: LockOptions = {
      ttl: '1m',
      wait: Number.POSITIVE_INFINITY,
      mode: 'shared',
      permits: 3,
      maxWaiting: 7,
      replicas: 2,
      renew: false,
      maxHold: '1h',
      holdAtLeast: '5s',
      signal,
      reentrant: true,
      onLost: 'ignore',
      label: 'order',
    };
    expect(resolve(options)).toEqual({
      ...options,
      ttl: 60_000,
      maxHold: 3_600_000,
      holdAtLeast: 5_000,
      asked: options,
    });
  });

  it('that are undefined are as good as absent', () => {
    const open = Object.fromEntries(Object.keys(DEFAULT_LOCK_OPTIONS).map((key) => [key, undefined]));
    expect(resolve(open)).toMatchObject(DEFAULT_LOCK_OPTIONS);
  });

  it('of a call stand over the defaults of the service', () => {
    const { signal } = new AbortController();
    const defaults = resolve({ ttl: '5s', wait: '1s', onLost: 'ignore', signal, renew: false });
    expect(resolve({ wait: 0 }, defaults)).toMatchObject({
      ttl: 5_000,
      wait: 0,
      onLost: 'ignore',
      signal,
      renew: false,
    });
    expect(resolve({ ttl: 7, renew: true }, defaults)).toMatchObject({ ttl: 7, wait: 1_000, renew: true });
  });

  const durations = ['ttl', 'wait', 'maxHold', 'holdAtLeast'];
  const wrongDurations = [-1, Number.NaN, '10', 'ten', null, true, {}, Number.NEGATIVE_INFINITY];
  it.each<[string, unknown]>([
    ...durations.flatMap((key) => wrongDurations.map((value): [string, unknown] => [key, value])),
    ['ttl', 0],
    ['ttl', Number.POSITIVE_INFINITY],
    ['maxHold', 0],
    ['holdAtLeast', Number.POSITIVE_INFINITY],
    ['maxWaiting', 0],
    ['maxWaiting', 1.5],
    ['maxWaiting', '3'],
    ['maxWaiting', null],
    ['replicas', -1],
    ['replicas', 0.5],
    ['replicas', Number.POSITIVE_INFINITY],
    ['replicas', '1'],
    ['mode', 'read'],
    ['mode', 1],
    ['renew', 'yes'],
    ['renew', null],
    ['renew', 0],
    ['reentrant', 1],
    ['reentrant', 'false'],
    ['onLost', 'skip'],
    ['onLost', true],
    ['signal', {}],
    ['signal', new AbortController()],
    ['signal', null],
  ])('refuse %s: %j, and name the option', (key, value) => {
    expect(() => resolve({ [key]: value })).toThrow(LockOptionsError);
    expect(() => resolve({ [key]: value })).toThrow(`\`${key}\``);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '3', null])('refuse permits: %j', (permits) => {
    expect(() => resolve({ mode: 'shared', permits })).toThrow(LockOptionsError);
    expect(() => resolve({ mode: 'shared', permits })).toThrow('`permits`');
  });

  it.each([{ permits: 2 }, { mode: 'exclusive', permits: 2 }])('refuse permits without shared: %j', (options) => {
    expect(() => resolve(options)).toThrow(/`permits` counts shared holders: give `mode: 'shared'`/);
  });

  it('let any number share when nobody gives permits', () => {
    expect(resolve({ mode: 'shared' }).permits).toBe(UNBOUNDED);
  });

  it('take mode and permits from the defaults together', () => {
    const defaults = resolve({ mode: 'shared', permits: 3 });
    expect(resolve({}, defaults)).toMatchObject({ mode: 'shared', permits: 3 });
    expect(resolve({ permits: 5 }, defaults)).toMatchObject({ mode: 'shared', permits: 5 });
    expect(resolve({ mode: 'shared' }, defaults)).toMatchObject({ mode: 'shared', permits: 3 });
    expect(resolve({ mode: 'exclusive' }, defaults)).toMatchObject({ mode: 'exclusive', permits: 0 });
  });

  it.each(['timeout', 'TTL', '0'])('refuse the unknown option %s, and list those there are', (key) => {
    expect(() => resolve({ [key]: 1 })).toThrow(LockOptionsError);
    expect(() => resolve({ [key]: 1 })).toThrow(
      `Unknown option \`${key}\` in the lock options: use one of ttl, wait, mode, permits, maxWaiting, replicas, renew, maxHold, holdAtLeast, signal, reentrant, onLost, label.`,
    );
  });

  it.each([null, '5s', 5, true, [], [{ ttl: 5 }], () => {}])('are an object, and not %j', (options) => {
    expect(() => resolve(options)).toThrow(LockOptionsError);
  });

  it('say where they stand', () => {
    expect(() => resolveLockOptions(DEFAULT_LOCK_OPTIONS, { tll: 5 } as LockOptions, '`defaults`')).toThrow(
      'in `defaults`',
    );
  });
});
