import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { LockModuleOptions } from 'nestjs-lock';
import { AppModule } from '../app.module.js';
import { Settings } from '../settings.js';
import type { Launch } from './fleet.js';

/** Replicas as Nest applications of this process. */
export function launchHere(databaseUrl: string, locks: LockModuleOptions): Launch {
  return async (service, number) => {
    const settings = new Settings(service, number, databaseUrl, locks);
    const app = await NestFactory.create(AppModule.register(settings), {
      logger: ['error', 'warn'],
      abortOnError: false,
    });
    return {
      open: async () => {
        await app.listen(0);
        return app.getUrl();
      },
      close: () => app.close(),
    };
  };
}

const SERVICE = fileURLToPath(new URL('../service.js', import.meta.url));

/** Replicas as processes of their own. */
export function launchProcess(environment: NodeJS.ProcessEnv): Launch {
  return async (service, number) => {
    const child = fork(SERVICE, { env: { ...environment, SERVICE: service, REPLICA: String(number) } });
    await nextMessage(child);
    return {
      open: async () => {
        child.send('run');
        return (await nextMessage<{ url: string }>(child)).url;
      },
      close: () => terminate(child),
    };
  };
}

async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  const settled = new AbortController();
  const { signal } = settled;
  try {
    return await Promise.race([
      once(child, 'message', { signal }).then(([message]) => message as Message),
      once(child, 'exit', { signal }).then(([code]) => Promise.reject(new Error(`ended with code ${code}`))),
    ]);
  } finally {
    settled.abort();
  }
}

/** SIGTERM is all that a replica needs; one that hangs must not keep the sample from its end. */
async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
  await exited;
  clearTimeout(force);
}
