import { join } from 'node:path';
import { Injectable } from '@nestjs/common';
import { InjectDataSource, TypeOrmModule } from '@nestjs/typeorm';
import libsql from 'libsql';
import { DataSource } from 'typeorm';
import {
  addTransactionalDataSource,
  deleteDataSourceByName,
  initializeTransactionalContext,
  Transactional,
} from 'typeorm-transactional';
import { expect, it, onTestFinished } from 'vitest';
import {
  createLockService,
  Locked,
  LockKeyError,
  LockModule,
  type LockService,
  MemoryLockStore,
} from '../../lib/index.js';
import { deferred } from '../support/event.js';
import { TestApp } from '../support/nest.js';
import { ownDirectory } from '../support/processes.js';

initializeTransactionalContext();

@Injectable()
class Accounts {
  /** Holds up each commit. */
  committing = deferred<void>();
  written = deferred<void>();

  constructor(@InjectDataSource() private readonly database: DataSource) {}

  /** Right: the lock goes around the commit. The parameters have no names behind the transaction, but positions. */
  @Locked('account:<0>')
  @Transactional()
  async withdraw(id: string, amount: number): Promise<void> {
    await this.#withdraw(id, amount);
  }

  /** Wrong: the lock is free before the commit. */
  @Transactional()
  async withdrawEarly(id: string, amount: number): Promise<void> {
    await this.locked(id, amount);
    this.written.resolve();
    await this.committing.promise;
  }

  @Locked('account:<id>')
  async locked(id: string, amount: number): Promise<void> {
    await this.#withdraw(id, amount);
  }

  async #withdraw(id: string, amount: number): Promise<void> {
    const [{ balance }] = await this.database.query('SELECT balance FROM account WHERE id = ?', [id]);
    await this.database.query('UPDATE account SET balance = ? WHERE id = ?', [balance - amount, id]);
  }
}

/** An application with a database, and another process that reads the same database under the same locks. */
async function start() {
  const store = new MemoryLockStore();
  const options = {
    type: 'better-sqlite3' as const,
    driver: libsql,
    database: join(await ownDirectory(), 'accounts.db'),
    enableWAL: true,
  };
  const other = await new DataSource(options).initialize();
  onTestFinished(() => other.destroy());
  await other.query('CREATE TABLE account (id TEXT PRIMARY KEY, balance INTEGER)');
  await other.query("INSERT INTO account VALUES ('a', 100)");
  const database = TypeOrmModule.forRootAsync({
    useFactory: () => options,
    dataSourceFactory: async (given) => addTransactionalDataSource(new DataSource(given!)),
  });
  const app = await TestApp.start({ imports: [LockModule.forRoot({ store }), database], providers: [Accounts] });
  onTestFinished(() => app.close());
  onTestFinished(() => void deleteDataSourceByName('default'));
  const locks = await createLockService({ store });
  onTestFinished(() => locks.close());
  const balance = async () => {
    const [row] = await other.query("SELECT balance FROM account WHERE id = 'a'");
    return row.balance as number;
  };
  return { accounts: app.get(Accounts), locks, balance };
}

const underLock = (locks: LockService, read: () => Promise<number>) => locks.run('account:a', read);

it('above @Transactional(), the lock goes around the commit: whoever has it next reads what was written', async () => {
  const { accounts, locks, balance } = await start();
  const seen: number[] = [];
  const withdrawals = [1, 2, 3].map((amount) => accounts.withdraw('a', amount));
  const readings = [1, 2, 3].map(async () => seen.push(await underLock(locks, balance)));
  await Promise.all([...withdrawals, ...readings]);
  expect(await balance()).toBe(94);
  // Each reading is that of a moment between two withdrawals.
  expect(seen.every((value) => [100, 99, 97, 94].includes(value))).toBe(true);
});

it('inside a transaction, the lock is free before the commit: whoever has it next reads the old balance', async () => {
  const { accounts, locks, balance } = await start();
  const withdrawn = accounts.withdrawEarly('a', 10);
  await accounts.written.promise;
  expect(await underLock(locks, balance)).toBe(100);
  accounts.committing.resolve();
  await withdrawn;
  expect(await balance()).toBe(90);
});

it('above @Transactional(), a name of a parameter is refused, and a position compiles', () => {
  const define = (key: string) => () => {
    class Payments {
      @Locked(key)
      @Transactional()
      async pay(_id: string): Promise<void> {}
    }
    return Payments;
  };
  expect(define('account:<_id>')).toThrow(LockKeyError);
  expect(define('account:<_id>')).toThrow(/<0>/);
  expect(define('account:<0>')).not.toThrow();
});
