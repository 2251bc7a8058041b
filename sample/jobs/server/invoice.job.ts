import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { type Lock, LockError } from 'nestjs-lock';
import { JobLocks } from 'nestjs-lock/jobs';
import type { Invoice } from '../protocol.js';
import { Printer } from './printer.js';
import { Wire } from './wire.js';

/** How many invoices a server works on at once. */
const LANES = 2;
/** Before it asks again for those that the others have. A real job would leave them to its next tick. */
const PAUSE_MS = 100;

/** Works through a list that other servers work through as well. */
@Injectable()
export class InvoiceJob {
  constructor(
    private readonly jobs: JobLocks,
    private readonly printer: Printer,
    private readonly wire: Wire,
  ) {}

  /** Until all are issued, by whomever. */
  async work(list: readonly Invoice[]): Promise<void> {
    let open = list;
    while (open.length > 0) {
      open = await this.pass(open);
      if (open.length > 0) await setTimeout(PAUSE_MS);
    }
  }

  /** Tries each of them once; those that are left are somebody else's just now. */
  private async pass(list: readonly Invoice[]): Promise<Invoice[]> {
    const left: Invoice[] = [];
    const next = list.values();
    const lane = async () => {
      // One iterator for all lanes.
      for (const invoice of next) if (!(await this.process(invoice))) left.push(invoice);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    return left;
  }

  private async process(invoice: Invoice): Promise<boolean> {
    try {
      const result = await this.jobs.withLock('invoice', invoice.id, (lock) => this.issue(invoice, lock));
      if (result.status === 'ran') await this.wire.call('processed', invoice);
      return result.status !== 'busy';
    } catch (error) {
      // Too long a wait for the printer, a lock that was lost, Redis away: the next pass, or another server, does it.
      if (error instanceof LockError) return false;
      throw error;
    }
  }

  private async issue(invoice: Invoice, { signal, fencingToken }: Lock): Promise<void> {
    await this.printer.render();
    // Rendering takes its time. Whoever has lost the lock meanwhile must not go on.
    signal.throwIfAborted();

    // Killed after the next line and before the mark, the server leaves an invoice that is issued and looks as if it were
    // not. Only what does the issuing can keep the next server from doing it again: see `fenced` and `keyed`.
    if (invoice.way === 'plain') await this.wire.call('issue', invoice);
    if (invoice.way === 'fenced') await this.wire.call('record', invoice, fencingToken);
    if (invoice.way === 'keyed') await this.wire.call('issue', invoice, `invoice:${invoice.id}`);
  }
}
