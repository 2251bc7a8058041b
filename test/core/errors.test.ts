import { describe, expect, it } from 'vitest';
import {
  LockBusyError,
  LockClosedError,
  LockError,
  LockKeyError,
  LockLostError,
  type LockLostWhy,
  LockOptionsError,
  LockUnavailableError,
  LockUpgradeError,
} from '../../lib/index.js';

const cause = new Error('the cause');

const errors: [string, string, LockError][] = [
  ['LockBusyError', 'LOCK_BUSY', new LockBusyError('door', 12.3, ['mars'], 450)],
  ['LockLostError', 'LOCK_LOST', new LockLostError('door', 'expired', 'result', { cause })],
  ['LockUnavailableError', 'LOCK_UNAVAILABLE', new LockUnavailableError('door', 'it sleeps', { cause })],
  ['LockKeyError', 'LOCK_KEY', new LockKeyError('The name is bad: give a good one.', { cause })],
  ['LockOptionsError', 'LOCK_OPTIONS', new LockOptionsError('The option is bad: give a good one.', { cause })],
  ['LockClosedError', 'LOCK_CLOSED', new LockClosedError('door')],
  ['LockUpgradeError', 'LOCK_UPGRADE', new LockUpgradeError('door')],
];

describe.each(errors)('%s', (name, code, error) => {
  it(`is a LockError with the code ${code} and its own name`, () => {
    expect(error).toBeInstanceOf(LockError);
    expect(error).toBeInstanceOf(Error);
    expect(error.code).toBe(code);
    expect(error.name).toBe(name);
    expect(error.constructor.name).toBe(name);
    expect(String(error)).toBe(`${name}: ${error.message}`);
    expect(error.stack).toContain('errors.test');
  });

  it('has a message that ends with what to do, as a sentence', () => {
    const remedies = /\b(wait longer|try again|stop the work|check the store|give|take locks|ask for)\b[^:]*\.$/i;
    expect(error.message).toMatch(remedies);
  });
});

describe('Errors', () => {
  it('name the lock', () => {
    for (const [, , error] of errors) {
      if (error instanceof LockKeyError || error instanceof LockOptionsError) expect(error.lockName).toBeUndefined();
      else expect(error.lockName).toBe('door');
    }
  });

  it('have distinct codes', () => {
    expect(new Set(errors.map(([, code]) => code)).size).toBe(errors.length);
  });

  it('keep the cause where one is given, and have none elsewhere', () => {
    const kept = errors.filter(([, , error]) => error.cause === cause).map(([name]) => name);
    expect(kept).toEqual(['LockLostError', 'LockUnavailableError', 'LockKeyError', 'LockOptionsError']);
  });

  it('of a busy lock say how long was waited, for whom, and when to come again', () => {
    const error = new LockBusyError('door', 12.3, ['mars', 'venus'], 450);
    expect(error).toMatchObject({ waited: 12.3, holders: ['mars', 'venus'], retryAfter: 450 });
    expect(error.message).toMatch(/^The lock "door" is busy: held by mars, venus, waited 12 ms\./);
    expect(new LockBusyError('door', 0, [], 0).message).toMatch(
      /^The lock "door" is busy: not free \(kept after a release by `holdAtLeast`, or another caller is next\), waited 0 ms\./,
    );
  });

  it.each<[LockLostWhy, RegExp]>([
    ['expired', /ended before it was renewed/],
    ['taken', /deleted, overwritten or expired/],
    ['forced', /released by force/],
    ['unavailable', /could not be reached/],
    ['released', /has been released/],
  ])('of a lock that was lost (%s) tell why, and carry what the body returned', (why, text) => {
    const error = new LockLostError('door', why, { paid: true });
    expect(error).toMatchObject({ why, result: { paid: true } });
    expect(error.message).toMatch(text);
  });

  it('of a store say whether the request may have been carried out; what nobody knows may have been', () => {
    expect(new LockUnavailableError('door', 'it sleeps').uncertain).toBe(true);
    expect(new LockUnavailableError('door', 'it sleeps', { uncertain: false }).uncertain).toBe(false);
  });

  it('of a store are made fresh for each lock from the one that the store gave, with its cause and certainty', () => {
    const first = new LockUnavailableError('door', 'it sleeps', { cause, uncertain: false });
    const second = LockUnavailableError.from(first, 'window');
    expect(second).not.toBe(first);
    expect(second).toMatchObject({ lockName: 'window', problem: 'it sleeps', uncertain: false, cause });
  });

  it.each([new Error('ECONNRESET'), 'a text', undefined, null])(
    'are made from whatever else a store throws: %s',
    (thrown) => {
      const error = LockUnavailableError.from(thrown, 'door');
      expect(error).toBeInstanceOf(LockUnavailableError);
      expect(error).toMatchObject({ lockName: 'door', uncertain: true });
      expect(error.cause).toBe(thrown);
    },
  );
});
