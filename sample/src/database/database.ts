export type Value = string | number;

/** The little that this shop asks of SQL. An abstract class, so that it is its own injection token. */
export abstract class Database {
  /** One statement. The values travel as parameters: query`SELECT * FROM orders WHERE id = ${id}` */
  abstract query<Row>(text: TemplateStringsArray, ...values: Value[]): Promise<Row[]>;

  /** Several statements, all or none. */
  abstract script(text: string): Promise<void>;

  abstract close(): Promise<void>;
}
