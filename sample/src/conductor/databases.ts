import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '../database/open-database.js';

/** Two empty databases that live as long as this run: one for the services, one to spoil. */
export interface Databases {
  readonly kind: string;
  readonly url: string;
  readonly scratchUrl: string;
  drop(): Promise<void>;
}

export function createDatabases(serverUrl: string | undefined): Promise<Databases> {
  return serverUrl ? createSchemas(serverUrl) : createFiles();
}

async function createFiles(): Promise<Databases> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-lock-sample-'));
  return {
    kind: 'embedded SQLite',
    url: `file:${join(folder, 'shop.db')}`,
    scratchUrl: `file:${join(folder, 'scratch.db')}`,
    drop: () => rm(folder, { recursive: true, force: true }),
  };
}

async function createSchemas(serverUrl: string): Promise<Databases> {
  const shop = `nestjs_lock_sample_${randomBytes(4).toString('hex')}`;
  const scratch = `${shop}_scratch`;
  await script(serverUrl, `CREATE SCHEMA ${shop}; CREATE SCHEMA ${scratch}`);
  return {
    kind: 'PostgreSQL',
    url: inSchema(serverUrl, shop),
    scratchUrl: inSchema(serverUrl, scratch),
    drop: () => script(serverUrl, `DROP SCHEMA ${shop} CASCADE; DROP SCHEMA ${scratch} CASCADE`),
  };
}

async function script(url: string, text: string): Promise<void> {
  const database = openDatabase(url);
  await database.script(text).finally(() => database.close());
}

function inSchema(url: string, schema: string): string {
  const options = encodeURIComponent(`-c search_path=${schema}`);
  return `${url}${url.includes('?') ? '&' : '?'}options=${options}`;
}
