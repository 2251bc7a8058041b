import { Injectable } from '@nestjs/common';
import { Cron, ScheduleModule } from '@nestjs/schedule';
import { expect, it, onTestFinished } from 'vitest';
import { Locked, LockModule } from '../../lib/index.js';
import { until } from '../support/event.js';
import { TestApp } from '../support/nest.js';
import { unique, useRedis } from '../support/redis.js';

const redis = useRedis();

/** The seconds in which a tick has run, by the process that ran it. */
const ran: { replica: string; second: number }[] = [];
let called = 0;

async function start(replica: string, namespace: string, lockModuleFirst: boolean): Promise<TestApp> {
  @Injectable()
  class Digest {
    @Cron('* * * * * *')
    count(): void {
      called += 1;
    }

    @Cron('* * * * * *')
    @Locked('digest', { onBusy: 'skip', holdAtLeast: '700ms' })
    async send(): Promise<void> {
      ran.push({ replica, second: Math.floor(Date.now() / 1_000) });
    }
  }
  const modules = [LockModule.forRoot({ redis: redis.url, namespace }), ScheduleModule.forRoot()];
  const app = await TestApp.start({ imports: lockModuleFirst ? modules : modules.reverse(), providers: [Digest] });
  onTestFinished(() => app.close());
  return app;
}

it('a tick of a cron runs in one of the replicas, and another takes over when that is closed', async () => {
  const namespace = unique('schedule');
  const apps = new Map<string, TestApp>();
  for (const [index, replica] of ['a', 'b', 'c'].entries()) {
    apps.set(replica, await start(replica, namespace, index % 2 === 0));
  }
  await until(() => ran.length >= 2);
  const last = ran.at(-1)?.replica as string;
  await apps.get(last)?.close();
  const before = ran.length;
  await until(() => ran.length >= before + 2);
  expect(ran.slice(before).some(({ replica }) => replica !== last)).toBe(true);
  // Three replicas were called for a tick; whoever came second was skipped, and nobody logged that as an error.
  expect(called).toBeGreaterThan(ran.length);
  for (const app of apps.values()) expect(app.log.errors).toEqual([]);
});
