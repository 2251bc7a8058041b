// Runs a command with REDIS_URL set to an empty Redis server of its own: `node scripts/with-redis.mjs npm run sample`.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findRedisServer } from './ensure-redis.mjs';

const port = await new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const found = probe.address().port;
    probe.close(() => resolve(found));
  });
});
const dir = mkdtempSync(join(tmpdir(), 'nestjs-lock-redis-'));
const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
const server = spawn(findRedisServer(), args, { stdio: ['ignore', 'pipe', 'inherit'] });
for await (const chunk of server.stdout) if (/ready to accept connections/i.test(String(chunk))) break;

const env = { ...process.env, REDIS_URL: `redis://127.0.0.1:${port}` };
const [command, ...rest] = process.argv.slice(2);
const { status } = spawnSync(command, rest, { env, stdio: 'inherit' });
server.kill('SIGKILL');
rmSync(dir, { recursive: true, force: true });
process.exit(status ?? 1);
