import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { afterAll, describe, expect, it } from 'vitest';
import { Child } from '../support/child.js';
import { unique, useRedis } from '../support/redis.js';

describe('fencing: the worked example of docs/guarantees.md', () => {
  const redis = useRedis();
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-lock-fencing-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A is paused while it holds the lock, B takes over and writes, A goes on and writes. */
  async function pausedHolderWrites(fenced: boolean) {
    const file = join(folder, `${unique('accounts')}.db`);
    const database = new Database(file);
    database.exec('CREATE TABLE accounts (id INTEGER PRIMARY KEY, balance INTEGER, fence BIGINT NOT NULL DEFAULT 0)');
    database.exec('INSERT INTO accounts (id, balance) VALUES (1, 100)');
    const options = { redis: redis.url, namespace: unique('ns') };
    await using a = await Child.start(options);
    await using b = await Child.start(options);
    const lockOfA = await a.call('acquire', { name: 'account:1', options: { ttl: 300 } });
    await a.kill('SIGSTOP');
    const lateWrite = a.call('debit', { file, amount: 10, token: lockOfA.fencingToken, fenced });
    const lockOfB = await b.call('acquire', { name: 'account:1' });
    const written = await b.call('debit', { file, amount: 10, token: lockOfB.fencingToken, fenced });
    await a.kill('SIGCONT');
    const late = await lateWrite;
    const { code } = await a.waitFor('lost', 'account:1');
    const { balance } = database.prepare('SELECT balance FROM accounts').get() as { balance: number };
    database.close();
    return { written, late, balance, code, tokensGrow: lockOfB.fencingToken > lockOfA.fencingToken };
  }

  it('the late write of a paused holder changes no row, and the holder is told', async () => {
    expect(await pausedHolderWrites(true)).toEqual({
      written: 1,
      late: 0,
      balance: 90,
      code: 'LOCK_LOST',
      tokensGrow: true,
    });
  });

  it('without the condition the late write gets through: no lock can stop it', async () => {
    expect(await pausedHolderWrites(false)).toMatchObject({ written: 1, late: 1, balance: 80, code: 'LOCK_LOST' });
  });
});
