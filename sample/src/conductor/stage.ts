import type { Database } from '../database/database.js';
import { openDatabase } from '../database/open-database.js';
import { createDatabases } from './databases.js';
import { Fleet } from './fleet.js';
import { inMemory, onRedis } from './meeting-place.js';

/** What the scenes play on. */
export interface Stage {
  readonly description: string;
  readonly fleet: Fleet;
  /** The database of the services. */
  readonly database: Database;
  /** An empty one. */
  readonly scratch: Database;
  /** Leaves nothing behind: no process, no schema, no file, no key. */
  strike(): Promise<void>;
}

export async function buildStage(env: NodeJS.ProcessEnv): Promise<Stage> {
  const place = await (env.REDIS_URL ? onRedis(env) : inMemory(env));
  const databases = await createDatabases(env.DATABASE_URL);
  const fleet = new Fleet(place.launch(databases.url));
  const database = openDatabase(databases.url);
  const scratch = openDatabase(databases.scratchUrl);
  return {
    description: `${place.description}; ${databases.kind}`,
    fleet,
    database,
    scratch,
    strike: once(async () => {
      await fleet.close();
      await Promise.all([database.close(), scratch.close()]);
      await Promise.all([databases.drop(), place.clear()]);
    }),
  };
}

/** The end of the play and a signal may both ask for it. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
