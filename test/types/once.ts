// Compiled by `npm run typecheck`, never run.
import { type LockService, Once, type OnceResult } from '../../lib/index.js';

declare const locks: LockService;

export class Invoices {
  @Once('invoice:<id>', { remember: '24h' })
  async issue(id: string): Promise<string | undefined> {
    return id;
  }

  @Once((id: string) => `invoice:${id}`, { remember: '24h', onBusy: 'skip' })
  async print(id: string): Promise<void> {
    void id;
  }

  // @ts-expect-error: a call that is skipped resolves to undefined.
  @Once('invoice:<id>', { remember: '24h' })
  async count(id: string): Promise<number> {
    return id.length;
  }

  // @ts-expect-error: the key is of other parameters.
  @Once((id: number) => `invoice:${id}`, { remember: '24h' })
  async send(id: string): Promise<void> {
    void id;
  }

  // @ts-expect-error: not async.
  @Once('invoice', { remember: '24h' })
  sync(): void {}
}

// @ts-expect-error: how long is nobody else's to know.
Once('invoice', {});

const result: OnceResult<number> = await locks.once('invoice', { remember: 1_000 }, () => 1);
if (result.status === 'ran') result.value satisfies number;
if (result.status === 'done') result.at satisfies Date;
// @ts-expect-error: there is none when it is busy.
if (result.status === 'busy') result.value;
