import { describe, expect, it } from 'vitest';
import { Registry } from '../../lib/core/registry.js';

describe('A registry', () => {
  // Lock names are the caller's: also those that objects have a use for.
  it.each(['name', '', '0', '42', '__proto__', 'constructor', 'toString', 'ключ'])('keeps the key %j apart', (key) => {
    const registry = new Registry<string, object>();
    expect(registry.get(key)).toBeUndefined();
    const value = {};
    registry.set(key, value);
    expect(registry.get(key)).toBe(value);
    expect([registry.size, registry.values()]).toEqual([1, [value]]);
    registry.delete(key, value);
    expect([registry.get(key), registry.size, registry.values()]).toEqual([undefined, 0, []]);
  });

  it('replaces a value without counting it twice', () => {
    const registry = new Registry<string, string>();
    registry.set('key', 'old');
    registry.set('key', 'new');
    expect([registry.get('key'), registry.size]).toEqual(['new', 1]);
  });

  it('removes an entry only when it is still the one that was meant', () => {
    const registry = new Registry<string, string>();
    registry.set('key', 'new');
    registry.delete('key', 'old');
    registry.delete('other', 'new');
    expect([registry.get('key'), registry.size]).toEqual(['new', 1]);
  });

  it('removes whatever is there, or nothing, when no value is meant', () => {
    const registry = new Registry<string, string>();
    registry.set('key', 'new');
    registry.delete('other');
    expect(registry.size).toBe(1);
    registry.delete('key');
    registry.delete('key');
    expect([registry.get('key'), registry.size]).toEqual([undefined, 0]);
  });
});
