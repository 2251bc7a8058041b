// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the options of the locks use them.
import { Injectable } from '@nestjs/common';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  Locked,
  type LockedOptions,
  LockModule,
  LockOptionsError,
  LockService,
  Once,
  type OnceMethodOptions,
} from '../../lib/index.js';
import { until } from '../support/event.js';
import { TestApp } from '../support/nest.js';

const failure = new Error('no request');

@Injectable()
class Charges {
  readonly ran: string[] = [];

  @Locked('charge:<account>', { signal: (_account: string, _id: string, signal?: AbortSignal) => signal })
  async charge(account: string, id: string, signal?: AbortSignal): Promise<void> {
    this.ran.push(id);
  }

  @Locked('charge:<account>', { onBusy: 'skip', wait: '1h', signal: (_account: string, signal: AbortSignal) => signal })
  async chargeOrSkip(account: string, signal: AbortSignal): Promise<void> {
    this.ran.push(account);
  }

  @Once('charge:<account>', { remember: '1d', signal: (_account: string, signal: AbortSignal) => signal })
  async chargeOnce(account: string, signal: AbortSignal): Promise<void> {
    this.ran.push(account);
  }

  @Locked('charge:<account>', {
    signal: (): AbortSignal => {
      throw failure;
    },
  })
  async throwing(account: string): Promise<void> {
    this.ran.push(account);
  }

  @Locked('charge:<account>', { signal: (_account: string, signal: unknown) => signal as AbortSignal })
  async anySignal(account: string, signal: unknown): Promise<void> {
    this.ran.push(account);
  }
}

let charges: Charges;
let locks: LockService;
beforeEach(async () => {
  const app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [Charges] });
  onTestFinished(() => app.close());
  [charges, locks] = [app.get(Charges), app.get(LockService)];
});

const waiting = () => until(async () => (await locks.inspect('charge:1')).waiting.length > 0);

describe('A signal that each call has', () => {
  it('ends the wait of that call only, with its reason, and the method does not run', async () => {
    const held = await locks.acquire('charge:1');
    const requests = ['a', 'b', 'c'].map((id) => ({ id, cancel: new AbortController(), reason: new Error(id) }));
    const calls = requests.map(({ id, cancel }) => charges.charge('1', id, cancel.signal));
    const patient = charges.charge('1', 'patient', new AbortController().signal);
    const without = charges.charge('1', 'without');
    await waiting();
    for (const { cancel, reason } of requests) cancel.abort(reason);
    for (const [index, { reason }] of requests.entries()) await expect(calls[index]).rejects.toBe(reason);
    await held.release();
    await Promise.all([patient, without]);
    expect(charges.ran).toEqual(['patient', 'without']);
  });

  it.each(['chargeOrSkip', 'chargeOnce'] as const)('ends the wait of %s', async (method) => {
    const held = await locks.acquire('charge:1');
    const cancel = new AbortController();
    const call = charges[method]('1', cancel.signal);
    await waiting();
    cancel.abort(failure);
    await expect(call).rejects.toBe(failure);
    await held.release();
    expect(charges.ran).toEqual([]);
    expect(await locks.forget('charge:1')).toBe(false);
    await charges[method]('1', new AbortController().signal);
    expect(charges.ran).toEqual(['1']);
  });

  it.each(['chargeOrSkip', 'chargeOnce', 'anySignal'] as const)(
    'that has aborted already ends a call of %s before the method runs, also when the lock is free',
    async (method) => {
      await expect(charges[method]('1', AbortSignal.abort(failure))).rejects.toBe(failure);
      expect(charges.ran).toEqual([]);
      expect(await locks.tryRun('charge:1', () => true)).toEqual({ acquired: true, value: true });
    },
  );

  it('rejects the call with what its function throws', async () => {
    await expect(charges.throwing('1')).rejects.toBe(failure);
    expect(charges.ran).toEqual([]);
  });

  it.each([5, 'now', null, {}, Promise.resolve(new AbortController().signal), new AbortController()])(
    'is an AbortSignal, or the call is refused: %s',
    async (signal) => {
      const call = charges.anySignal('1', signal);
      await expect(call).rejects.toThrow(LockOptionsError);
      await expect(call).rejects.toThrow(/`signal` in @Locked of Charges\.anySignal .*AbortSignal/);
      expect(charges.ran).toEqual([]);
    },
  );

  it('leaves the other options as they are checked when the class is defined', () => {
    const signal = () => undefined;
    const descriptor = () => ({ value: async () => {} });
    const lock = (options: object) => () =>
      Locked('a', options as LockedOptions & { onBusy?: 'throw' })(class Wrong {}.prototype, 'pay', descriptor());
    const once = (options: object) => () =>
      Once('a', options as OnceMethodOptions)(class Wrong {}.prototype, 'pay', descriptor());
    expect(lock({ signal, wait: '2s' })).not.toThrow();
    expect(lock({ signal, wait: 'soon' })).toThrow(LockOptionsError);
    expect(lock({ signal: 'soon' })).toThrow(LockOptionsError);
    expect(once({ signal, remember: '1d' })).not.toThrow();
    expect(once({ signal })).toThrow(LockOptionsError);
  });
});
