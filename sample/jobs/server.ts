/* One job server as a process. The conductor (`main.ts`) starts it, and kills it. */
import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { LockModuleOptions } from 'nestjs-lock';
import { AppModule } from './server/app.module.js';
import { InvoiceJob } from './server/invoice.job.js';
import { Wire } from './server/wire.js';
import { WiredLockStore } from './server/wired-lock-store.js';

const { SERVER = 'server', GUARD, REDIS_URL, LOCK_NAMESPACE = 'jobs' } = process.env;

let finished = false;
process.once('disconnect', () => {
  // The conductor is gone, and with it all that this server could work on.
  if (!finished) process.exit(1);
});

const wire = new Wire();
const app = await NestFactory.createApplicationContext(AppModule.register(wire, { ...locks(), instance: SERVER }), {
  logger: ['error', 'warn'],
});
await app.get(InvoiceJob).work(await wire.call('list'));
await wire.call('finished');
await app.close();
finished = true;
process.disconnect();

function locks(): LockModuleOptions {
  // Each server locks in its own memory: worth nothing as soon as there are two.
  if (GUARD === 'off') return { store: 'memory' };
  return REDIS_URL ? { redis: REDIS_URL, namespace: LOCK_NAMESPACE } : { store: new WiredLockStore(wire) };
}
