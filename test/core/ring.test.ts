import { describe, expect, it } from 'vitest';
import { type Numbered, Ring } from '../../lib/core/ring.js';

describe('A ring', () => {
  function add(ring: Ring<Numbered>): Numbered {
    const item = { seq: ring.next() };
    ring.add(item);
    return item;
  }

  it('finds each item by its number, however many there are and have been', () => {
    const ring = new Ring<Numbered>();
    const here: Numbered[] = [];
    for (let round = 0; round < 2_000; round += 1) {
      here.push(add(ring), add(ring));
      ring.delete(here.splice((round * 7919) % here.length, 1)[0] as Numbered);
    }
    expect(here.every((item) => ring.get(item.seq) === item)).toBe(true);
    expect(new Set(ring.values())).toEqual(new Set(here));
  });

  it('gives each number once, also beside items that stay for long', () => {
    const ring = new Ring<Numbered>();
    const stays = [add(ring), add(ring)];
    const given = new Set(stays.map(({ seq }) => seq));
    for (let count = 0; count < 1_000; count += 1) {
      const item = add(ring);
      expect(given.has(item.seq)).toBe(false);
      given.add(item.seq);
      ring.delete(item);
    }
    expect(ring.values()).toEqual(stays);
  });

  it('knows nothing of a number that is gone, or was never given', () => {
    const ring = new Ring<Numbered>();
    const gone = add(ring);
    ring.delete(gone);
    ring.delete(gone);
    const others = Array.from({ length: 200 }, () => add(ring));
    expect([gone.seq, 0, -1, others.length + 1_000].map((seq) => ring.get(seq))).toEqual(Array(4).fill(undefined));
    expect(ring.values()).toHaveLength(others.length);
  });

  it('keeps numbers apart that are beyond 2^31', () => {
    const ring = new Ring<Numbered>();
    const far = { seq: 2 ** 40 + 5 };
    ring.add(far);
    expect([ring.get(2 ** 40 + 5), ring.get(5)]).toEqual([far, undefined]);
  });
});
