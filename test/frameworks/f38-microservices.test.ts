import { type ClientProxy, ClientProxyFactory, Transport } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { expect, it, onTestFinished } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique } from '../support/redis.js';
import { RedisServer } from '../support/redis-server.js';
import { App, NEST_VERSIONS } from './support/app.js';

const BUSY = { status: 'error', message: 'Locked', code: 'LOCK_BUSY' };
const UNAVAILABLE = { status: 'error', message: 'Service Unavailable', code: 'LOCK_UNAVAILABLE' };

function connect({ port }: App): (pattern: string, data: object) => Promise<unknown> {
  const options = { host: '127.0.0.1', port };
  const client: ClientProxy = ClientProxyFactory.create({ transport: Transport.TCP, options });
  onTestFinished(() => client.close());
  return (pattern, data) => {
    if (pattern === 'seen') return firstValueFrom(client.emit(pattern, data), { defaultValue: undefined });
    return firstValueFrom(client.send(pattern, data)).catch((error: unknown) => error);
  };
}

it.each(NEST_VERSIONS)('a microservice on Nest %i answers as an RpcException', async (nest) => {
  await using server = await RedisServer.start();
  const namespace = unique('rpc');
  const app = await App.start('rpc', nest, { REDIS_URL: server.url, NAMESPACE: namespace });
  const logger = { warn: () => {}, error: () => {} };
  const locks = await createLockService({ redis: server.url, namespace, logger });
  onTestFinished(() => locks.close());
  const ask = connect(app);
  expect(await ask('own', {})).toEqual(BUSY);

  const held = await locks.acquire('lot:7');
  expect(await ask('bid', { lot: '7' })).toEqual(BUSY);
  await ask('seen', { lot: '7' });
  expect(await ask('bid', { lot: '7' })).toEqual(BUSY);
  await held.release();
  expect(await ask('bid', { lot: '7' })).toBe('accepted 7');
  await ask('seen', { lot: '8' });
  await until(async () => ((await ask('events', {})) as string[]).includes('8'));
  expect(await ask('events', {})).toEqual(['8']);

  await server.kill();
  expect(await ask('bid', { lot: '7' })).toEqual(UNAVAILABLE);
  expect(app.running).toBe(true);
});
