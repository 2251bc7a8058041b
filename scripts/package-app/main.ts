import { takeLocks } from './app.js';

async function main(url: string | undefined): Promise<void> {
  await takeLocks({ store: 'memory' });
  if (url === undefined) return;
  await takeLocks({ redis: url });
  const { Redis } = await import('ioredis');
  const client = new Redis(url);
  await takeLocks({ redis: client });
  await client.quit(); // fails when the library has closed what it did not open
}

// No process.exit: the program has to end by itself.
main(process.env.REDIS_URL).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
