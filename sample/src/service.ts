/* One replica as a process: `SERVICE=first REPLICA=1 REDIS_URL=… DATABASE_URL=… node sample/dist/service.js` */
import 'reflect-metadata';
import { once } from 'node:events';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';
import { settingsFromEnvironment } from './settings.js';

// The conductor (`main.ts`) is gone: end as at any other SIGTERM.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));

const settings = settingsFromEnvironment(process.env);
const app = await NestFactory.create(AppModule.register(settings), { logger: ['error', 'warn'] });
app.enableShutdownHooks();

// The conductor lets all replicas go at once. Started by hand, there is none.
if (process.send) {
  process.send('built');
  await once(process, 'message');
}

try {
  await app.listen(process.env.PORT ?? 0);
} catch (error) {
  console.error(`${settings.name} does not start: ${error}`);
  process.exit(1);
}

const url = await app.getUrl();
if (process.send) process.send({ url });
else console.log(`${settings.name} listens on ${url}`);
