import { Injectable } from '@nestjs/common';
import { Cron, CronExpression, Interval, ScheduleModule, SchedulerRegistry, Timeout } from '@nestjs/schedule';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  currentLock,
  type Lock,
  Locked,
  LockModule,
  LockService,
  type LockStore,
  MemoryLockStore,
} from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { down, FaultyStore } from '../../support/faulty-store.js';
import { Room, TestApp } from '../../support/nest.js';

/** So rare that only the test fires it; who fires it can await the job. */
const onlyByHand = (name: string): ReturnType<typeof Cron> => Cron('0 0 29 2 *', { name, waitForCompletion: true });

/** One for all replicas, as a table of runs would be. */
let runs: string[] = [];

@Injectable()
class Jobs {
  readonly room = new Room();
  readonly locks: (readonly string[] | undefined)[] = [];

  @onlyByHand('above')
  @Locked('cron:digest', { onBusy: 'skip', holdAtLeast: '50s' })
  async above(): Promise<void> {
    runs.push('digest');
    this.locks.push(currentLock()?.names);
  }

  @Locked('cron:report', { onBusy: 'skip', holdAtLeast: '50s' })
  @onlyByHand('below')
  async below(): Promise<void> {
    runs.push('report');
    this.locks.push(currentLock()?.names);
  }

  @onlyByHand('long')
  @Locked('cron:long', { onBusy: 'skip' })
  async long(): Promise<void> {
    await this.room.visit('long');
  }

  @onlyByHand('broken')
  @Locked('cron:broken')
  async broken(): Promise<void> {
    throw new Error('The job is broken');
  }
}

/** A whole replica of the service; those of one store exclude each other. */
async function replica(store: LockStore, jobs: typeof Jobs | typeof Ticking = Jobs): Promise<TestApp> {
  const imports = [LockModule.forRoot({ store }), ScheduleModule.forRoot()];
  const app = await TestApp.start({ imports, providers: [jobs] });
  onTestFinished(() => app.close());
  return app;
}

/** As the timer does at a tick. */
const tick = (app: TestApp, job: string): Promise<void> =>
  Promise.resolve(app.get(SchedulerRegistry).getCronJob(job).fireOnTick());

@Injectable()
class Ticking {
  readonly locks: (string | undefined)[] = [];

  @Cron(CronExpression.EVERY_SECOND)
  @Locked('cron:second')
  async everySecond(): Promise<void> {
    this.locks.push(currentLock()?.name);
  }

  @Locked('interval')
  @Interval('often', 20)
  async often(): Promise<void> {
    this.locks.push(currentLock()?.name);
  }

  @Timeout(1)
  @Locked('timeout')
  async soon(): Promise<void> {
    this.locks.push(currentLock()?.name);
  }
}

describe('A guarded cron job', () => {
  it.each([
    ['above', 'cron:digest'],
    ['below', 'cron:report'],
  ])('with @Cron %s @Locked is registered, and runs under its lock', async (job, lock) => {
    const app = await replica(new MemoryLockStore());
    await tick(app, job);
    expect(app.get(Jobs).locks).toEqual([[lock]]);
  });

  it.each(['above', 'below'])('runs once a tick, on one of the replicas, with @Cron %s @Locked', async (job) => {
    runs = [];
    const store = new MemoryLockStore();
    const replicas = [await replica(store), await replica(store), await replica(store)];
    await Promise.all(replicas.map((app) => tick(app, job)));
    expect(runs).toHaveLength(1);
    // The clock of this one is late: the job has ended elsewhere, but the lock is held back still.
    await tick(replicas[2]!, job);
    expect(runs).toHaveLength(1);
    expect(replicas.flatMap(({ log }) => log.errors)).toEqual([]);
  });

  it('is skipped as long as the tick before still runs elsewhere, and runs again afterwards', async () => {
    const store = new MemoryLockStore();
    const [app, other] = [await replica(store), await replica(store)];
    const running = tick(app, 'long');
    await until(() => app.get(Jobs).room.visitors.length === 1);
    await tick(other, 'long');
    expect(other.get(Jobs).room.visitors).toEqual([]);
    app.get(Jobs).room.letOut('long');
    await running;
    other.get(Jobs).room.letOut('long');
    await tick(other, 'long');
    expect(other.get(Jobs).room.visitors).toEqual(['long']);
  });

  it('does not run when the store is down, which is logged as an error', async () => {
    runs = [];
    const { faults, store } = new FaultyStore();
    faults.acquire = down;
    const app = await replica(store);
    await tick(app, 'above');
    expect(runs).toEqual([]);
    expect(app.log.errors).toMatchObject([{ code: 'LOCK_UNAVAILABLE', lockName: 'cron:digest' }]);
  });

  it('shows its own error to the scheduler', async () => {
    const app = await replica(new MemoryLockStore());
    await tick(app, 'broken');
    expect(app.log.errors).toMatchObject([{ message: 'The job is broken' }]);
  });
});

describe('The timers of the scheduler', () => {
  it('call guarded jobs, intervals and timeouts', async () => {
    const app = await replica(new MemoryLockStore(), Ticking);
    const { locks } = app.get(Ticking);
    await until(() => locks.filter((name) => name === 'interval').length > 1);
    await until(() => locks.includes('timeout'));
    await until(() => locks.includes('cron:second'), { within: 20_000 });
    expect(new Set(locks)).toEqual(new Set(['cron:second', 'interval', 'timeout']));
    expect(app.log.errors).toEqual([]);
  });

  it('stop before the lock service where LockModule is imported first: no tick meets a closed one', async () => {
    const app = await replica(new MemoryLockStore(), Ticking);
    const locks = app.get(LockService);
    const room = new Room();
    const lastBody = locks.run('last', () => room.visit('last'));
    await until(() => app.get(Ticking).locks.length > 1 && room.visitors.length === 1);
    const closed = app.close();
    await until(async () => locks.acquire('x', { wait: 0 }).then(release, isClosed));
    await new Promise((resolve) => setTimeout(resolve, 100)); // Five intervals of `often`.
    room.letOut('last');
    await Promise.all([lastBody, closed]);
    expect(app.log.errors).toEqual([]);
  });
});

async function release(lock: Lock): Promise<false> {
  await lock.release();
  return false;
}

const isClosed = (error: { code?: string }) => error.code === 'LOCK_CLOSED';
