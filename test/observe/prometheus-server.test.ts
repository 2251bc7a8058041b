import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { createLockService } from '../../lib/index.js';
import { prometheusObserver } from '../../lib/prometheus.js';
import { until } from '../support/event.js';
import { freePort } from '../support/free-port.js';
import { killProcess, ownDirectory, removeDirectory, spawnOwned } from '../support/processes.js';

const RULES = fileURLToPath(new URL('../../docs/alerts.yml', import.meta.url));
const exec = promisify(execFile);

it('the rules of docs/alerts.yml are rules, for promtool', async () => {
  const { stdout } = await exec('promtool', ['check', 'rules', RULES]);
  expect(stdout).toMatch(/SUCCESS: \d+ rules found/);
});

it('a real Prometheus scrapes the metrics and evaluates the rules', async () => {
  const registry = new Registry();
  const locks = await createLockService({ store: 'memory', observer: prometheusObserver({ registry }) });
  onTestFinished(() => locks.close());
  const lock = await locks.acquire('order:1', { label: 'order' });
  await locks.acquire('order:2', { label: 'order' });
  await locks.forceRelease('order:2');
  const server = createServer((_, response) => {
    void registry.metrics().then((text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());

  const folder = await ownDirectory();
  onTestFinished(() => removeDirectory(folder));
  const config = join(folder, 'prometheus.yml');
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const scrape = [{ job_name: 'app', static_configs: [{ targets: [target] }] }];
  const global = { scrape_interval: '200ms', evaluation_interval: '200ms' };
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ global, rule_files: [RULES], scrape_configs: scrape }));
  const port = await freePort();
  const prometheus = spawnOwned(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: 'ignore' },
  );
  onTestFinished(() => killProcess(prometheus));

  const get = async <T>(path: string): Promise<T | undefined> => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined);
    return response?.ok ? ((await response.json()) as { data: T }).data : undefined;
  };
  const queried = async (query: string): Promise<string | undefined> => {
    type Found = { result: { value: [number, string] }[] };
    return (await get<Found>(`query?query=${encodeURIComponent(query)}`))?.result[0]?.value[1];
  };
  await until(async () => (await queried('nestjs_lock_held{label="order",mode="exclusive",store="memory"}')) === '1');
  expect(await queried('nestjs_lock_lost_total{why="forced"}')).toBe('1');
  type Groups = { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
  const rules = async () => (await get<Groups>('rules'))?.groups.flatMap((group) => group.rules) ?? [];
  await until(async () => (await rules()).every(({ health }) => health !== 'unknown') && (await rules()).length > 0);
  expect((await rules()).filter(({ health }) => health !== 'ok')).toEqual([]);
  await lock.release();
});
