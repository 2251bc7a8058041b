import type { Database } from './database.js';
import { LibsqlDatabase } from './libsql-database.js';
import { PostgresDatabase } from './postgres-database.js';

export function openDatabase(url: string): Database {
  return /^postgres(ql)?:/.test(url) ? new PostgresDatabase(url) : new LibsqlDatabase(url.replace(/^file:/, ''));
}
