import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { LockOptionsError, type LockServiceOptions } from '../../lib/index.js';
import { checkModuleOptions } from '../../lib/service/create-lock-service.js';
import { resolveServiceOptions } from '../../lib/service/service-options.js';

const resolve = (options: unknown) => resolveServiceOptions(options as LockServiceOptions);
const logger = { warn: (): void => {}, error: (): void => {} };

describe('The options of a service', () => {
  it('have the documented defaults', () => {
    expect(resolve({})).toMatchObject({
      namespace: 'lock',
      instance: hostname().slice(0, 64),
      commandTimeout: 5_000,
      shutdownGrace: 10_000,
      localHandOver: { max: 64, within: 10 },
      logger: undefined,
      defaults: { ttl: 15_000, wait: 20_000 },
    });
    expect(Object.isFrozen(resolve({}))).toBe(true);
  });

  it('are each taken over', () => {
    const options = {
      namespace: 'shop:prod',
      instance: 'worker 7 (blue)',
      commandTimeout: '2s',
      shutdownGrace: 0,
      localHandOver: { max: 0, within: '1s' },
      logger,
      defaults: { ttl: '5s', mode: 'shared' },
    };
    expect(resolve(options)).toMatchObject({
      ...options,
      commandTimeout: 2_000,
      localHandOver: { max: 0, within: 1_000 },
      defaults: { ttl: 5_000, mode: 'shared', wait: 20_000 },
    });
  });

  it('of the hand-over may be given one without the other', () => {
    expect(resolve({ localHandOver: { max: 3 } }).localHandOver).toEqual({ max: 3, within: 10 });
    expect(resolve({ localHandOver: { within: 3 } }).localHandOver).toEqual({ max: 64, within: 3 });
    expect(resolve({ localHandOver: {} }).localHandOver).toEqual({ max: 64, within: 10 });
  });

  it.each<[string, unknown]>([
    ...['', 'a{b', 'a}b', 'a b', 'a\tb', 'a\nb', 'a\0b', '\u2028', 7, {}].map((v): [string, unknown] => [
      'namespace',
      v,
    ]),
    ...['', 'x'.repeat(65), 'a\nb', '\u202e', '\ud800', 7, {}].map((v): [string, unknown] => ['instance', v]),
    ...[0, -1, 'soon', Number.POSITIVE_INFINITY].map((v): [string, unknown] => ['commandTimeout', v]),
    ...[-1, 'soon', Number.POSITIVE_INFINITY].map((v): [string, unknown] => ['shutdownGrace', v]),
    ...[null, {}, { warn: () => {} }, { error: () => {} }, 'console'].map((v): [string, unknown] => ['logger', v]),
  ])('refuse %s: %j, and name the option', (key, value) => {
    expect(() => resolve({ [key]: value })).toThrow(LockOptionsError);
    expect(() => resolve({ [key]: value })).toThrow(`\`${key}\``);
  });

  it.each<[string, unknown]>([
    ...[-1, 1.5, Number.NaN, '16', 1_001, Number.POSITIVE_INFINITY].map((v): [string, unknown] => ['max', v]),
    ...[-1, 'soon', Number.POSITIVE_INFINITY].map((v): [string, unknown] => ['within', v]),
  ])('refuse localHandOver.%s: %j, and name the option', (key, value) => {
    expect(() => resolve({ localHandOver: { [key]: value } })).toThrow(LockOptionsError);
    expect(() => resolve({ localHandOver: { [key]: value } })).toThrow(`\`localHandOver.${key}\``);
  });

  it.each([null, 5, true, []])('refuse localHandOver: %j', (localHandOver) => {
    expect(() => resolve({ localHandOver })).toThrow('`localHandOver`');
  });

  it.each<[unknown, string]>([
    [{ ttl: 0 }, '`ttl`'],
    [{ timeout: 1 }, 'Unknown option `timeout` in `defaults`'],
    [null, '`defaults`'],
    [5, '`defaults`'],
  ])('refuse defaults: %j', (defaults, part) => {
    expect(() => resolve({ defaults })).toThrow(LockOptionsError);
    expect(() => resolve({ defaults })).toThrow(part);
  });

  it('refuse what they do not know', () => {
    expect(() => resolve({ localHandOver: { min: 1 } })).toThrow(
      'Unknown option `min` in `localHandOver`: use one of max, within.',
    );
    expect(() => checkModuleOptions({ store: 'memory', nameSpace: 'x' })).toThrow('Unknown option `nameSpace`');
  });

  it('take a label of 64 characters of any language', () => {
    expect(resolve({ instance: 'ж'.repeat(64) }).instance).toBe('ж'.repeat(64));
  });
});
