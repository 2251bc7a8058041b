import { BullModule, InjectQueue, Processor, WorkerHost } from '@nestjs/bullmq';
import type { DynamicModule } from '@nestjs/common';
import type { Job, Queue } from 'bullmq';
import { describe, expect, it, onTestFinished } from 'vitest';
import { currentLock, Locked, LockModule, LockService } from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { TestApp } from '../support/nest.js';
import { unique, useRedis } from '../support/redis.js';

const redis = useRedis();

interface Invoice {
  customer: string;
  next?: string;
}

/** What the workers of all replicas have done. */
class Books {
  readonly done: string[] = [];
  overlaps = 0;
  readonly #inside = new Set<string>();
  gate = deferred<void>();

  async write(customer: string, work: Promise<unknown>): Promise<void> {
    if (this.#inside.has(customer)) this.overlaps += 1;
    this.#inside.add(customer);
    await work;
    this.#inside.delete(customer);
    this.done.push(customer);
  }
}

async function start(books: Books, name: string, namespace: string, lockModuleFirst: boolean) {
  @Processor(name, { concurrency: 8 })
  class Invoices extends WorkerHost {
    constructor(
      @InjectQueue(name) private readonly queue: Queue<Invoice>,
      private readonly locks: LockService,
    ) {
      super();
    }

    @Locked('customer:<job.data.customer>')
    override async process(job: Job<Invoice>): Promise<void> {
      const { customer, next } = job.data;
      // The job is added under the lock, and runs without it.
      if (next) await this.queue.add('next', { customer: next });
      expect(currentLock()?.name).toBe(`customer:${customer}`);
      await books.write(customer, books.gate.promise);
      await this.locks.run(`ledger:${customer}`, async () => {});
    }
  }
  const locks = LockModule.forRoot({ redis: redis.url, namespace });
  const connection = { host: '127.0.0.1', port: redis.server.port };
  const bull: DynamicModule[] = [BullModule.forRoot({ connection }), BullModule.registerQueue({ name })];
  const imports = lockModuleFirst ? [locks, ...bull] : [...bull, locks];
  const app = await TestApp.start({ imports, providers: [Invoices] });
  onTestFinished(() => app.close());
  return { app, queue: app.get<Queue<Invoice>>(`BullQueue_${name}`) };
}

describe('@nestjs/bullmq', () => {
  it('jobs of a customer run one at a time over all replicas; a job that is added under a lock has none of it', async () => {
    const [queueName, namespace] = [unique('invoices'), unique('bull')];
    const books = new Books();
    books.gate.resolve();
    const { queue } = await start(books, queueName, namespace, true);
    await start(books, queueName, namespace, false);
    const jobs = Array.from({ length: 40 }, (_, i) => ({ name: 'invoice', data: { customer: `c${i % 4}` } }));
    await queue.addBulk(jobs);
    await queue.add('chain', { customer: 'first', next: 'first' });
    await until(() => books.done.length === 42, { within: 30_000 });
    expect(books.overlaps).toBe(0);
    expect(await queue.getFailedCount()).toBe(0);
  });

  it.each([true, false])(
    'a shutdown lets the jobs end with their locks; LockModule is imported first: %s',
    async (first) => {
      const books = new Books();
      const { app, queue } = await start(books, unique('invoices'), unique('bull'), first);
      await queue.add('invoice', { customer: 'a' });
      await queue.add('invoice', { customer: 'a' });
      await until(async () => (await queue.getActiveCount()) === 2);
      const closed = app.close();
      await until(() => refused(app));
      books.gate.resolve();
      await closed;
      expect(books.done).toEqual(['a', 'a']);
      expect(books.overlaps).toBe(0);
      expect(app.log.errors).toEqual([]);
    },
  );
});

const refused = (app: TestApp): Promise<boolean> =>
  app.fetch('/').then(
    () => false,
    () => true,
  );
