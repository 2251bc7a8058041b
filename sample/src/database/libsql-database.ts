import Libsql from 'libsql';
import { Database, type Value } from './database.js';

/** A file that all replicas of this machine share. */
export class LibsqlDatabase extends Database {
  private readonly connection: Libsql.Database;

  constructor(file: string) {
    super();
    this.connection = new Libsql(file, { timeout: 5_000 });
    this.connection.exec('PRAGMA journal_mode = WAL');
  }

  async query<Row>(text: TemplateStringsArray, ...values: Value[]): Promise<Row[]> {
    return this.connection.prepare(text.join('?')).all(values) as Row[];
  }

  async script(text: string): Promise<void> {
    this.connection.transaction(() => this.connection.exec(text)).immediate();
  }

  async close(): Promise<void> {
    this.connection.close();
  }
}
