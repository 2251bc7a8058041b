import { rm } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { createLockService } from '../../../lib/index.js';
import { deferred, until } from '../../support/event.js';
import { freePort } from '../../support/free-port.js';
import { everyCall, recordingLogger, traces, unavailable } from '../../support/redis-observe.js';
import { RedisServer } from '../../support/redis-server.js';

interface Trouble {
  name: string;
  cause: RegExp;
  begin(admin: Redis, server: RedisServer): Promise<unknown>;
  end(admin: Redis, server: RedisServer): Promise<unknown>;
  /** What the server answers all the same. */
  answered?: string[];
}

const config = (admin: Redis, key: string, value: string) => admin.config('SET', key, value);

const works = (admin: Redis) =>
  admin.get('any').then(
    () => true,
    () => false,
  );

const TROUBLES: Trouble[] = [
  {
    name: 'is out of memory (OOM)',
    cause: /^OOM/,
    begin: (admin) => config(admin, 'maxmemory', '100kb'),
    end: (admin) => config(admin, 'maxmemory', '0'),
    answered: ['inspect', 'forceRelease'],
  },
  {
    name: 'is a replica (READONLY)',
    cause: /^READONLY/,
    begin: async (admin) => admin.call('REPLICAOF', '127.0.0.1', await freePort()),
    end: (admin) => admin.call('REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: 'misses its replicas (NOREPLICAS)',
    cause: /^NOREPLICAS/,
    begin: (admin) => config(admin, 'min-replicas-to-write', '1'),
    end: (admin) => config(admin, 'min-replicas-to-write', '0'),
  },
  {
    name: 'cannot save (MISCONF)',
    cause: /^MISCONF/,
    begin: async (admin) => {
      await config(admin, 'save', '3600 1');
      const [, directory] = (await admin.config('GET', 'dir')) as [string, string];
      await rm(directory, { recursive: true });
      await admin.bgsave();
      await until(async () => (await admin.info('persistence')).includes('rdb_last_bgsave_status:err'));
    },
    end: (admin) => config(admin, 'stop-writes-on-bgsave-error', 'no'),
  },
  {
    name: 'is busy with a script (BUSY)',
    cause: /^BUSY/,
    begin: async (admin, server) => {
      await config(admin, 'busy-reply-threshold', '10');
      const script = server.client().eval('while true do end', 0);
      script.catch(() => {});
      await until(async () => !(await works(admin)), { describe: 'BUSY' });
    },
    end: async (admin) => {
      await admin.script('KILL');
      await until(() => works(admin), { describe: 'the end of the script' });
    },
  },
];

describe.each(TROUBLES)('the server $name', ({ cause, begin, end, answered = [] }) => {
  async function scene() {
    const server = await RedisServer.start();
    const admin = server.client();
    const logger = recordingLogger();
    const service = await createLockService({ redis: server.url, logger });
    await (await service.acquire('warm')).release();
    const dispose = async (): Promise<void> => {
      await service.close();
      await server.stop();
    };
    return { server, admin, service, logger, [Symbol.asyncDispose]: dispose };
  }

  it('every call is unavailable with the cause, none is busy, no body runs; it works again afterwards', async () => {
    await using on = await scene();
    const { server, admin, service } = on;
    let ran = false;
    const calls = everyCall(service, () => {
      ran = true;
    });
    await begin(admin, server);
    for (const { name, call } of calls) {
      if (answered.includes(name)) await call();
      else {
        const error = await unavailable(call());
        expect((error.cause as Error).message).toMatch(cause);
        // What is cleaned up now travels with this: Redis lets a script go on that has begun to write, also without memory.
        await service.inspect('any').catch(() => {});
      }
    }
    expect(ran).toBe(false);
    await end(admin, server);
    const lock = await service.acquire('n');
    expect(await lock.release()).toBe(true);
    await until(async () => (await traces(admin, 'lock')).length === 0, { describe: 'no trace' });
  });

  it('the body that runs meanwhile ends as it ends', async () => {
    await using on = await scene();
    const { server, admin, service, logger } = on;
    const entered = deferred();
    const troubled = deferred();
    const running = service.run('n', async ({ signal }) => {
      entered.resolve();
      await troubled.promise;
      return signal.aborted;
    });
    await entered.promise;
    await begin(admin, server);
    troubled.resolve();
    expect(await running).toBe(false);
    await end(admin, server);
    // The release is repeated, unseen.
    await until(async () => (await traces(admin, 'lock')).length === 0, { describe: 'no trace' });
    const told = /^(The lock "n" could not be released at once|Redis answers (READONLY|again))/;
    for (const line of logger.lines) expect(line).toMatch(told);
  });
});
