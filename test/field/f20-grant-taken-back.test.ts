import { expect, it, onTestFinished } from 'vitest';
import type { Lock, LockService } from '../../lib/index.js';
import { serviceOf } from '../support/clients.js';
import { until } from '../support/event.js';
import { Network } from '../support/network.js';
import { hears } from '../support/redis-observe.js';
import { RedisServer } from '../support/redis-server.js';

const KEY = 'field:{job}';

it.each<[string, object]>([
  ['exclusive', {}],
  ['shared', { mode: 'shared', permits: 1 }],
])(
  'F20: messages stay on a former primary, and a grant that is taken back is heard there: nobody believes in it, %s',
  async (_, mode) => {
    const args = ['--repl-diskless-sync-delay', '0'];
    const first = await RedisServer.start({ args });
    const second = await RedisServer.start({ args: [...args, '--replicaof', '127.0.0.1', String(first.port)] });
    const [staying, moving] = [await Network.before(first), await Network.before(first)];
    onTestFinished(async () => {
      for (const network of [staying, moving]) await network[Symbol.asyncDispose]();
      await first.stop();
      await second.stop();
    });
    await first.replicated(1);
    const [former, present] = [first.client(), second.client()];
    const holder = await serviceOf(moving.url);
    const [stays, moves] = [await serviceOf(staying.url), await serviceOf(moving.url)];
    const held = await holder.acquire('job', { ttl: '30s' });
    const granted: Lock[] = [];
    const lost: unknown[] = [];
    let waiters = 0;
    const wait = async (locks: LockService): Promise<void> => {
      const grant = locks.acquire('job', { wait: '1m', ttl: '30s', ...mode });
      grant.then(
        (lock) => granted.push(lock),
        (error: unknown) => lost.push(error),
      );
      waiters += 1;
      await until(async () => (await former.zcard(`${KEY}:queue`)) === waiters && hears(former, KEY), {
        describe: `waiter ${waiters}, whose messages arrive`,
      });
    };
    await wait(stays);
    await wait(moves);
    await first.replicated(1);
    await present.replicaof('NO', 'ONE');
    await former.replicaof('127.0.0.1', second.port);
    await second.replicated(1);
    // The address leads to the new primary; only who moves connects anew.
    for (const network of [staying, moving]) network.target = second.port;
    moving.reset();
    await until(async () => ((await present.pubsub('CHANNELS', '*')) as string[]).length === 2, {
      describe: 'both that move to hear messages there',
    });
    expect(await held.release()).toBe(true);
    await until(() => granted.length > 0);
    const [winner] = granted as [Lock];
    expect(await winner.release()).toBe(true);
    // The other one has asked again, and is served in its turn.
    await until(() => granted.length === 2, { within: 20_000 });
    expect(granted[1]!.held).toBe(true);
    expect(granted[1]!.fencingToken).toBeGreaterThan(winner.fencingToken);
    expect(await granted[1]!.release()).toBe(true);
    expect(lost).toEqual([]);
  },
);
