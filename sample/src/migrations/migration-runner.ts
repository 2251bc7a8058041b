import { readdir, readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { Settings } from '../settings.js';

const FOLDER = new URL('../../migrations/', import.meta.url);

/** Real migrations take seconds or hours. These take this long, so that the replicas are sure to meet. */
const PACE_MS = 200;

/** Applies the files that are not applied yet, in the order of their names. */
@Injectable()
export class MigrationRunner {
  constructor(
    private readonly database: Database,
    private readonly settings: Settings,
  ) {}

  /** First it reads, then it writes: it is safe only while nobody else does the same. */
  async migrate(signal: AbortSignal): Promise<string[]> {
    return this.apply(await this.pending(), signal);
  }

  async pending(): Promise<string[]> {
    await this.database.script(
      'CREATE TABLE IF NOT EXISTS schema_migrations (version TEXT NOT NULL, applied_by TEXT NOT NULL)',
    );
    const applied = await this.database.query<{ version: string }>`SELECT version FROM schema_migrations`;
    const done = new Set(applied.map(({ version }) => version));
    return (await migrationFiles()).filter((version) => !done.has(version));
  }

  async apply(versions: string[], signal?: AbortSignal): Promise<string[]> {
    for (const version of versions) {
      await setTimeout(PACE_MS);
      // The lock may be lost between two files; somebody else goes on then.
      signal?.throwIfAborted();
      await this.database.script(await readFile(new URL(version, FOLDER), 'utf8'));
      await this.database.query`INSERT INTO schema_migrations VALUES (${version}, ${this.settings.name})`;
    }
    return versions;
  }
}

export async function migrationFiles(): Promise<string[]> {
  return (await readdir(FOLDER)).filter((file) => file.endsWith('.sql')).sort();
}
