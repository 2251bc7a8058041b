import { describe, expect, it } from 'vitest';
import { MemoryLockStore } from '../../lib/index.js';
import { runLockStoreSuite } from '../../lib/testing/index.js';
import { ALL_EXTRAS } from '../support/extras.js';

describe('MemoryLockStore', () => {
  const store = new MemoryLockStore();
  runLockStoreSuite({ describe, it, expect, extras: ALL_EXTRAS, createStore: () => store });

  it('its tokens grow although nothing survives the process', async () => {
    const claim = { name: 'lock', owner: 'a#1', permits: 0, ttl: 1_000, alive: 0, ticket: 0, attempt: 1, block: 1 };
    const tokens: unknown[] = [];
    for (const process of [new MemoryLockStore(), new MemoryLockStore(), new MemoryLockStore()]) {
      const answer = await process.acquire(claim);
      tokens.push(answer.granted && answer.token);
    }
    expect(tokens).toEqual([...new Set(tokens)].sort());
  });
});
