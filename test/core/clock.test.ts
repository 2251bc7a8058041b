import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';

/** What the machine says: its uptime goes on while it sleeps, the monotonic clock of the process does not. */
const machine = vi.hoisted(() => ({ monotonic: 0, slept: 0, wall: 0, resolution: 0 }));

vi.mock('node:os', async (original) => ({
  ...(await original<typeof import('node:os')>()),
  uptime: () => {
    const ms = 1_000_000 + machine.monotonic + machine.slept;
    return (machine.resolution ? Math.floor(ms / machine.resolution) * machine.resolution : ms) / 1_000;
  },
}));

/** Time passes on all clocks. */
function pass(ms: number): void {
  machine.monotonic += ms;
  machine.wall += ms;
}

/** The machine sleeps: the monotonic clock stands still. */
function sleep(ms: number): void {
  machine.slept += ms;
  machine.wall += ms;
}

/** Somebody, or NTP, sets the wall clock. */
function setWall(by: number): void {
  machine.wall += by;
}

describe('The system clock', () => {
  // Other files are tested in the same process.
  afterAll(() => {
    vi.doUnmock('node:os');
    vi.resetModules();
  });
  beforeEach(async () => {
    vi.resetModules();
    Object.assign(machine, { monotonic: 5_000, slept: 0, wall: 1_700_000_000_000, resolution: 0 });
  });

  async function start() {
    const { runtime } = await import('../../lib/core/runtime.js');
    Object.assign(runtime, { monotonic: () => machine.monotonic, wall: () => machine.wall });
    const { systemClock } = await import('../../lib/core/clock.js');
    const began = systemClock.now();
    return { elapsed: () => systemClock.now() - began };
  }

  it('measures the time that passes', async () => {
    const { elapsed } = await start();
    pass(250.5);
    expect(elapsed()).toBe(250.5);
  });

  it.each([3_600_000, -3_600_000, 101, -101, 50])('does not care when the wall clock is set by %d ms', async (step) => {
    const { elapsed } = await start();
    pass(10);
    setWall(step);
    expect(elapsed()).toBe(10);
    pass(10);
    expect(elapsed()).toBe(20);
  });

  it('does not care when the wall clock is set again and again', async () => {
    const { elapsed } = await start();
    for (const step of [5_000, -9_000, 86_400_000, -86_400_000, 200]) {
      setWall(step);
      pass(1);
    }
    expect(elapsed()).toBe(5);
  });

  it('counts the time that the machine slept', async () => {
    const { elapsed } = await start();
    pass(10);
    sleep(60_000);
    expect(elapsed()).toBeCloseTo(60_010);
    pass(5);
    expect(elapsed()).toBeCloseTo(60_015);
  });

  it('counts every sleep once', async () => {
    const { elapsed } = await start();
    sleep(1_000);
    expect(elapsed()).toBeCloseTo(1_000);
    sleep(2_000);
    expect(elapsed()).toBeCloseTo(3_000);
    setWall(7_000);
    expect(elapsed()).toBeCloseTo(3_000);
  });

  it('counts a sleep also when the wall clock is set in the same moment', async () => {
    const { elapsed } = await start();
    sleep(30_000);
    setWall(-90_000);
    expect(elapsed()).toBeCloseTo(30_000);
  });

  it('counts many short sleeps, at the latest when they have become a tenth of a second', async () => {
    const { elapsed } = await start();
    for (let i = 0; i < 10; i += 1) {
      sleep(60);
      elapsed();
    }
    expect(elapsed()).toBeGreaterThanOrEqual(500);
  });

  it('never goes back', async () => {
    const { elapsed } = await start();
    let last = 0;
    for (const step of [
      () => sleep(5_000),
      () => setWall(-50_000),
      () => pass(1),
      () => setWall(60_000),
      () => sleep(150),
    ]) {
      step();
      expect(elapsed()).toBeGreaterThanOrEqual(last);
      last = elapsed();
    }
  });

  it('is ahead by less than a second where the machine tells its uptime in whole seconds', async () => {
    machine.resolution = 1_000;
    const { elapsed } = await start();
    pass(999);
    setWall(3_600_000);
    expect(elapsed()).toBeGreaterThanOrEqual(999);
    expect(elapsed()).toBeLessThan(999 + 1_000);
  });
});
