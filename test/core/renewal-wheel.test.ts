import { beforeEach, describe, expect, it, vi } from 'vitest';
import { RenewalWheel, type Scheduled } from '../../lib/core/renewal.js';
import { FakeClock, pass, useFakeTime } from '../support/fake-time.js';

class Item implements Scheduled {
  slot: number | undefined;
  before: Scheduled | undefined;
  behind: Scheduled | undefined;
  readonly ticks: number[] = [];
  onTick = (): void => {};

  tick(now: number): void {
    this.ticks.push(now);
    this.onTick();
  }
}

describe('The renewal wheel', () => {
  useFakeTime();
  let clock: FakeClock;
  let wheel: RenewalWheel;
  let start: number;
  beforeEach(() => {
    clock = new FakeClock();
    wheel = new RenewalWheel(clock);
    start = clock.now();
  });

  function scheduled(...times: number[]): Item[] {
    return times.map((time) => {
      const item = new Item();
      wheel.schedule(item, start + time);
      return item;
    });
  }

  it('calls each item once, at its time', async () => {
    const [first, second] = scheduled(100, 250);
    await pass(99);
    expect(first!.ticks).toEqual([]);
    await pass(1);
    expect(first!.ticks).toEqual([start + 100]);
    await pass(150);
    expect(second!.ticks).toEqual([start + 250]);
    await pass(10_000);
    expect(first!.ticks).toHaveLength(1);
  });

  it('has one timer for all, whatever the number and the order', async () => {
    const items = scheduled(...Array.from({ length: 500 }, (_, i) => ((i * 7919) % 500) + 1));
    expect(vi.getTimerCount()).toBe(1);
    await pass(500);
    expect(items.every(({ ticks }) => ticks.length === 1)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('calls what is due at the same time in one turn, so that it can travel together', async () => {
    let turn = 0;
    const turns = scheduled(100, 100, 100).map((item) => {
      item.onTick = () => {
        if (turn === 0) queueMicrotask(() => (turn += 1));
        expect(turn).toBe(0);
      };
      return item;
    });
    await pass(100);
    expect(turns.map(({ ticks }) => ticks.length)).toEqual([1, 1, 1]);
  });

  it('rounds a time up to its bucket of 50 ms, so that neighbours fall together', () => {
    expect([1, 49.5, 50, 51, 10_000.1].map((at) => RenewalWheel.bucket(at, 10_000))).toEqual([50, 50, 50, 100, 10_050]);
  });

  it('leaves an interval that is short beside a bucket as it is', () => {
    expect(RenewalWheel.bucket(123.4, 499)).toBe(123.4);
    expect(RenewalWheel.bucket(123.4, 500)).toBe(150);
  });

  it('calls an item that was put off only at the later time, and one that was put forward at the earlier', async () => {
    const [later, sooner] = scheduled(100, 500);
    wheel.schedule(later!, start + 300);
    wheel.schedule(sooner!, start + 50);
    await pass(1_000);
    expect(later!.ticks).toEqual([start + 300]);
    expect(sooner!.ticks).toEqual([start + 50]);
  });

  it('calls at once what was due before', async () => {
    const [item] = scheduled(-500);
    await pass(1);
    expect(item!.ticks).toHaveLength(1);
  });

  it('calls all that is due after a stall of the event loop, in the order of their times', async () => {
    const order: number[] = [];
    for (const time of [300, 100, 200]) scheduled(time)[0]!.onTick = () => order.push(time);
    clock.stall(1_000);
    await pass(100);
    expect(order).toEqual([100, 200, 300]);
  });

  it('never calls what was cancelled, and has no timer when nothing is left', async () => {
    const [first, second] = scheduled(100, 200);
    wheel.cancel(first!);
    expect(vi.getTimerCount()).toBe(1);
    wheel.cancel(second!);
    expect(vi.getTimerCount()).toBe(0);
    await pass(1_000);
    expect([first!.ticks, second!.ticks]).toEqual([[], []]);
    wheel.cancel(first!);
  });

  it('never calls what a neighbour in the same bucket cancelled in the same turn', async () => {
    const [first, second] = scheduled(100, 100);
    first!.onTick = () => wheel.cancel(second!);
    await pass(1_000);
    expect(first!.ticks).toHaveLength(1);
    expect(second!.ticks).toEqual([]);
  });

  it('calls what a neighbour in the same bucket put off only at the later time', async () => {
    const [first, second] = scheduled(100, 100);
    first!.onTick = () => wheel.schedule(second!, start + 400);
    await pass(1_000);
    expect(second!.ticks).toEqual([start + 400]);
  });

  it('goes on when an item schedules itself again', async () => {
    const [item] = scheduled(100);
    item!.onTick = () => wheel.schedule(item!, clock.now() + 100);
    await pass(1_000);
    expect(item!.ticks).toHaveLength(10);
    wheel.cancel(item!);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('calls no more once it is cleared', async () => {
    const items = scheduled(100, 200, 300);
    wheel.clear();
    expect(vi.getTimerCount()).toBe(0);
    await pass(1_000);
    expect(items.every(({ ticks }) => ticks.length === 0)).toBe(true);
  });

  it('keeps times of more than 2^31 ms', async () => {
    const [item] = scheduled(2 ** 31 + 5_000);
    await pass(2 ** 31 + 4_999);
    expect(item!.ticks).toEqual([]);
    await pass(1);
    expect(item!.ticks).toHaveLength(1);
  });
});
