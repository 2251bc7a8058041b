import pg from 'pg';
import { Database, type Value } from './database.js';

// BIGINT arrives as text, since not all of it fits a number. Cents and fencing tokens do.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

export class PostgresDatabase extends Database {
  private readonly pool: pg.Pool;

  constructor(url: string) {
    super();
    this.pool = new pg.Pool({ connectionString: url, max: 4 });
    // An idle connection that the server closes; the next query opens another one.
    this.pool.on('error', () => undefined);
  }

  async query<Row>(text: TemplateStringsArray, ...values: Value[]): Promise<Row[]> {
    const numbered = text.reduce((sql, part, index) => `${sql}$${index}${part}`);
    return (await this.pool.query(numbered, values)).rows;
  }

  async script(text: string): Promise<void> {
    await this.pool.query(text);
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
