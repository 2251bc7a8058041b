// The cases of `resource-names` of the web platform tests, in our own words, and how the names stand in the store.
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { lockNameOf, webNameOf } from '../../../lib/features/web-locks/web-names.js';
import { LockKeyError } from '../../../lib/index.js';
import type { LockManager } from '../../../lib/web-locks.js';
import { useRedis } from '../../support/redis.js';
import { bothStores } from '../../support/stores.js';
import { expectException, openClients, openLocks, Take } from '../../support/web-clients.js';

const redis = useRedis();

/** Also what a file or a URL would not bear. */
const ODD = {
  'the empty text': '',
  'an embedded NUL': 'abc\x00def',
  'a lone high surrogate': '\uD800',
  'a lone low surrogate': '\uDC00',
  'swapped surrogates': '\uDC00\uD800',
  'a non-character': '\uFFFF',
  'a pair between lone ones': '\uD800\u{1F512}\uDFFF',
  braces: '{a}:{b}',
  'wildcards of Redis': '*?[a-z]\\',
  'what looks escaped': '%25%uD800%00',
  'white space': ' \t\r\n',
  'a hyphen inside': 'x-anything',
};

describe.each(bothStores(redis))('A name of a web lock on $name', (store) => {
  const open = (): Promise<LockManager> => openLocks(store.shared());

  it.each(Object.entries(ODD))('may be %s', async (_, name) => {
    const [here, there] = await openClients(store.shared(), 2);
    const take = new Take(here!.locks, name);
    expect((await take.granted)?.name).toBe(name);
    expect((await there!.locks.query()).held.map((info) => info.name)).toEqual([name]);
    expect(await there!.locks.request(name, { ifAvailable: true }, (lock) => lock)).toBeNull();
    await take.end();
  });

  it('of half a surrogate is another one than that of the replacement character', async () => {
    const locks = await open();
    const names = await locks.request('\uD800', (outer) =>
      locks.request('\uFFFD', async (inner) => [outer.name, inner.name, (await locks.query()).held.length]),
    );
    expect(names).toEqual(['\uD800', '\uFFFD', 2]);
  });

  it('does not start with a hyphen', async () => {
    const locks = await open();
    const callback = vi.fn();
    for (const name of ['-', '-foo']) await expectException(locks.request(name, callback), 'NotSupportedError');
    expect(callback).not.toHaveBeenCalled();
    expect(await locks.request('x-anything', (lock) => lock.name)).toBe('x-anything');
  });

  it('has its own lock, which shares nothing with others', async () => {
    const locks = await open();
    const takes = Object.values(ODD).map((name) => new Take(locks, name));
    await Promise.all(takes.map(({ granted }) => granted));
    expect((await locks.query()).held.map(({ name }) => name).sort()).toEqual(Object.values(ODD).sort());
  });

  it('has at most 508 bytes, an escaped one fewer', async () => {
    const locks = await open();
    const callback = vi.fn();
    expect(await locks.request('é'.repeat(254), (lock) => lock.name.length)).toBe(254);
    for (const name of ['a'.repeat(509), 'é'.repeat(255), '%'.repeat(170), '\uD800'.repeat(85)]) {
      await expect(locks.request(name, callback)).rejects.toThrow(LockKeyError);
    }
    expect(callback).not.toHaveBeenCalled();
  });
});

describe('A name of a web lock', () => {
  const unit = fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd7ff, max: 0xe000 }), fc.constantFrom(0x25, 0x75, 0x32));
  const name = fc.array(unit, { maxLength: 80 }).map((units) => String.fromCharCode(...units));

  it('comes back from the lock of the service that stands for it', () => {
    const wellFormed = /^web:\P{Surrogate}*$/u;
    fc.assert(
      fc.property(name, (webName) => {
        expect(lockNameOf(webName)).toMatch(wellFormed);
        expect(webNameOf(lockNameOf(webName))).toBe(webName);
      }),
    );
  });

  it.each(['web:%', 'web:%41', 'web:%uD83D%uDD12', 'web:%u0041', 'web:%ud800'])(
    'stands for no lock as %s',
    (lockName) => {
      expect(webNameOf(lockName)).toBeUndefined();
    },
  );
});
