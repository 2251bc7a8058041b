import { expect, it, onTestFinished } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { until } from '../support/event.js';
import { unique, useRedis } from '../support/redis.js';
import { App, NEST_VERSIONS } from './support/app.js';
import { Load } from './support/load.js';

const redis = useRedis();

const ORDERS = 4;
const CLIENTS = 32;

const cases = NEST_VERSIONS.flatMap((nest) =>
  ['express', 'fastify'].map((adapter, index) => ({ nest, adapter, first: (nest + index) % 2 === 0 ? 'yes' : 'no' })),
);

it.each(cases)('SIGTERM under load: $adapter on Nest $nest, locks imported first: $first', async (given) => {
  const namespace = unique('sigterm');
  const env = { REDIS_URL: redis.url, NAMESPACE: namespace, ADAPTER: given.adapter, FIRST: given.first };
  const app = await App.start('http', given.nest, env);
  const replica = await createLockService({ redis: redis.url, namespace });
  onTestFinished(() => replica.close());

  // Eight clients for each order, most of them waiting for its lock, and one order that another process has.
  const load = new Load(app.port, (client) => `/pay/${client % ORDERS}`, CLIENTS);
  const held = await replica.acquire('order:elsewhere');
  const patient = new Load(app.port, () => '/pay/elsewhere', 1);
  await until(async () => (await replica.inspect('order:elsewhere')).waiting.length === 1);
  await until(() => load.answers.length > 500, { within: 60_000 });

  app.process.kill('SIGTERM');
  await app.heard('closing');
  const before = load.answers.length;
  // Express serves connections that are open already for as long as their clients ask; Fastify refuses.
  const served = () => load.answers.filter(({ status }) => status === 200).length > before + 200;
  const refused = () => load.answers.some(({ status }) => status !== 200);
  await until(() => served() || refused(), { within: 60_000 });
  const stopped = [load.stop(), patient.stop()];
  expect(app.running).toBe(true);
  await held.release();
  await Promise.all(stopped);
  await app.ended();

  expect(app.process.signalCode).toBe('SIGTERM');
  expect(app.all('logged')).toEqual([]);
  const answers = [...load.answers, ...patient.answers];
  // Who comes when the server closes is refused, by Fastify with a 503 of its own; nobody because of a lock.
  const bad = answers.filter(
    ({ status, body }) => ![0, 200].includes(status) && !(status === 503 && !/LOCK/.test(body)),
  );
  expect(bad).toEqual([]);
  expect(answers.filter(({ body }) => /"alone":false/.test(body))).toEqual([]);
  expect(patient.answers[0]?.status).toBe(200);
  expect(load.answers.filter(({ status }) => status === 200).length).toBeGreaterThan(before - CLIENTS);
  // Nothing is left behind: not the locks, and nobody in their queues.
  for (const name of ['tick', ...Array.from({ length: ORDERS }, (_, order) => `order:${order}`)]) {
    const { holders, waiting } = await replica.inspect(name);
    expect([name, holders.length, waiting.length]).toEqual([name, 0, 0]);
  }
});
