import 'reflect-metadata';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Locked, LockModule, LockService } from '../../lib/index.js';
import { connect } from '../contestants/contestant.js';
import { RedisServer } from '../support/redis-server.js';
import { interleave } from '../support/rounds.js';
import { type Family, figure, type RowResult, type Setting, summaries } from '../support/row.js';
import { ratio, summarize } from '../support/statistics.js';

@Injectable()
class Orders {
  constructor(readonly locks: LockService) {}

  @Locked('bench:<key>')
  async guarded(key: string): Promise<string> {
    return key;
  }

  async byHand(key: string): Promise<string> {
    return this.locks.run(`bench:${key}`, async () => key);
  }
}

/** Row 10: what the decorator adds to `run`, and a try on a name that this process holds itself. */
export const decorator: Family = {
  rows: ['10'],
  async run(setting) {
    await using server = await RedisServer.start();
    const client = await connect(server.url);
    @Module({ imports: [LockModule.forRoot({ redis: client })], providers: [Orders] })
    class BenchModule {}
    const app = await NestFactory.createApplicationContext(BenchModule, { logger: ['error', 'warn'] });
    try {
      const orders = app.get(Orders);
      const results = [await compare(orders, setting, 64), await compare(orders, setting, 1)];
      return [...results, await tryOwn(server, orders.locks, setting)];
    } finally {
      await app.close();
      client.disconnect();
    }
  },
};

async function compare(orders: Orders, { quick, log }: Setting, loops: number): Promise<RowResult> {
  log(`@Locked against run, ${loops} at a time`);
  const [rounds, ms] = quick ? [2, 50] : [9, 1_000];
  const contestants = [
    { name: '@Locked', call: (key: string) => orders.guarded(key) },
    { name: 'run', call: (key: string) => orders.byHand(key) },
  ];
  const measure = ({ call }: (typeof contestants)[number]): Promise<number> => callTime(call, loops, ms);
  const times = await interleave(contestants, { rounds, warmUp: measure, measure });
  const more = (ratio(times['@Locked'] as number[], times.run as number[]) - 1) * 100;
  return {
    row: '10',
    title: `@Locked against service.run, ${loops} at a time`,
    unit: 'us/call',
    values: summaries(times),
    ratios: { '@Locked / run': more / 100 + 1 },
    measured: `${figure(more)} % more`,
    bound: '<= 5 % more',
    met: more <= 5,
  };
}

/** Microseconds for each call, all loops together. */
async function callTime(call: (key: string) => Promise<string>, loops: number, ms: number): Promise<number> {
  const start = performance.now();
  const end = start + ms;
  let calls = 0;
  const loop = async (_: unknown, index: number): Promise<void> => {
    for (let count = 0; performance.now() < end; count += 1) {
      const key = `${index}-${count % 1000}`;
      if ((await call(key)) !== key) throw new Error('It returned something else');
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: loops }, loop));
  return ((performance.now() - start) * 1e3) / calls;
}

async function tryOwn(server: RedisServer, locks: LockService, { quick, log }: Setting): Promise<RowResult> {
  log('tryAcquire on a name that this process holds');
  const tries = quick ? 1_000 : 20_000;
  const held = await locks.acquire('own', { ttl: '10m', renew: false });
  const nanoseconds: number[] = [];
  const before = await server.commands();
  for (let round = 0; round < 5; round += 1) {
    const start = performance.now();
    for (let count = 0; count < tries; count += 1) {
      if ((await locks.tryAcquire('own')) !== null) throw new Error('It was granted twice');
    }
    nanoseconds.push(((performance.now() - start) * 1e6) / tries);
  }
  const calls = (await server.commands()) - before;
  await held.release();
  const values = summarize(nanoseconds);
  return {
    row: '10',
    title: 'tryAcquire on a name that this process holds itself',
    unit: 'ns/call',
    values: { tryAcquire: values },
    ratios: {},
    measured: `${calls} commands for ${figure(5 * tries)} tries, ${figure(values.median)} ns each`,
    bound: 'no command at all',
    met: calls === 0,
  };
}
