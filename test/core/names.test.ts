import { describe, expect, it } from 'vitest';
import { type LockName, resolveNames } from '../../lib/core/names.js';
import { LockKeyError } from '../../lib/index.js';

const resolve = (name: unknown) => resolveNames(name as LockName);

describe('Names', () => {
  it('are taken one or several', () => {
    expect(resolve('order:7')).toEqual(['order:7']);
    expect(resolve(['order:7'])).toEqual(['order:7']);
  });

  it('come out in one order, whatever order they went in, each once', () => {
    const expected = ['A', 'a', 'a:1', 'a:10', 'a:2', 'ä'];
    expect(resolve(['ä', 'a:2', 'a', 'A', 'a:10', 'a', 'a:1', 'ä'])).toEqual(expected);
    expect(resolve([...expected].reverse())).toEqual(expected);
  });

  it('leave the array of the caller alone', () => {
    const names = Object.freeze(['b', 'a']);
    expect(resolve(names)).toEqual(['a', 'b']);
    expect(names).toEqual(['b', 'a']);
  });

  it('may be any text: spaces, braces, control characters, emoji', () => {
    for (const name of [' ', '{}', '%', 'a\nb', '\0', '🔒', 'undefined']) expect(resolve(name)).toEqual([name]);
  });

  it.each([undefined, null, 7, 7n, true, Symbol('x'), {}, () => 'x', Number.NaN])('are texts, and not %o', (name) => {
    expect(() => resolve(name)).toThrow(LockKeyError);
    expect(() => resolve([name])).toThrow(LockKeyError);
    expect(() => resolve(['fine', name])).toThrow(LockKeyError);
  });

  it('are at least one', () => {
    expect(() => resolve([])).toThrow(LockKeyError);
  });

  it('are not missing in the middle of an array', () => {
    expect(() => resolve(new Array(2))).toThrow(LockKeyError);
    // biome-ignore lint/suspicious/noSparseArray: somebody deleted an element.
    expect(() => resolve(['a', , 'b'])).toThrow(LockKeyError);
  });

  it('are not empty', () => {
    expect(() => resolve('')).toThrow(/empty: give it at least one character/);
    expect(() => resolve(['a', ''])).toThrow(LockKeyError);
  });

  it.each(['\ud800', 'a\udc00', '\ud83d:x'])(
    'are well-formed: %j is refused, since two of them would be one key',
    (name) => {
      expect(() => resolve(name)).toThrow(/surrogate/);
    },
  );

  it('have at most 512 bytes, not characters', () => {
    expect(resolve('x'.repeat(512))).toHaveLength(1);
    expect(() => resolve('x'.repeat(513))).toThrow('513 bytes long, more than 512: shorten it');
    expect(resolve('ж'.repeat(256))).toHaveLength(1);
    expect(() => resolve('ж'.repeat(257))).toThrow('514 bytes');
    expect(resolve('€'.repeat(170))).toHaveLength(1);
    expect(() => resolve('€'.repeat(171))).toThrow('513 bytes');
    expect(() => resolve('🔒'.repeat(129))).toThrow('516 bytes');
  });
});
