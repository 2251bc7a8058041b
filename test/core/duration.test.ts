import { describe, expect, it } from 'vitest';
import { toMilliseconds } from '../../lib/core/duration.js';
import { LockOptionsError } from '../../lib/index.js';

const anything = { min: 0, infinite: true };

describe('A duration', () => {
  it.each<[unknown, number]>([
    [0, 0],
    [1500, 1500],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['1.5s', 1_500],
    ['0s', 0],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])('%j is %d ms', (value, ms) => {
    expect(toMilliseconds(value, 'wait', anything)).toBe(ms);
  });

  it.each<[unknown, number]>([
    [0.2, 1],
    ['0.5ms', 1],
    [1000.001, 1001],
  ])('%j is rounded up to whole milliseconds, never to none', (value, ms) => {
    expect(toMilliseconds(value, 'wait', anything)).toBe(ms);
  });

  it.each([
    -1,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    Number.MAX_SAFE_INTEGER + 1,
    '',
    '10',
    's',
    '-5s',
    '5 s',
    '5S',
    '5w',
    '1e3s',
    '5s ',
    '.5s',
    '1.s',
    'Infinity',
    `${'9'.repeat(20)}d`,
    null,
    undefined,
    true,
    10n,
    {},
    [5],
    new Date(5),
  ])('%o is refused', (value) => {
    expect(() => toMilliseconds(value, 'wait', anything)).toThrow(LockOptionsError);
  });

  it('is refused below the least that is allowed, and taken at it', () => {
    expect(() => toMilliseconds(0, 'ttl', { min: 1 })).toThrow(/`ttl` is 0: .*at least 1/);
    expect(() => toMilliseconds('0.9ms', 'ttl', { min: 1 })).toThrow("`ttl` is '0.9ms'");
    expect(toMilliseconds(1, 'ttl', { min: 1 })).toBe(1);
  });

  it('is infinite only where that makes sense, and only then the message offers it', () => {
    const infinity = Number.POSITIVE_INFINITY;
    expect(() => toMilliseconds(infinity, 'ttl', { min: 1 })).toThrow(LockOptionsError);
    expect(() => toMilliseconds('?', 'ttl', { min: 1 })).not.toThrow(/Infinity/);
    expect(() => toMilliseconds('?', 'wait', anything)).toThrow(/Infinity/);
  });

  it('that is wrong is named with its value and the remedy', () => {
    expect(() => toMilliseconds('ten', 'maxHold', anything)).toThrow(
      "The option `maxHold` is 'ten': give a number of milliseconds of at least 0, Infinity, or a text like '500ms', '30s', '5m', '2h', '1d'.",
    );
  });
});
