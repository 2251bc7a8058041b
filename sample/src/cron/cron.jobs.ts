import { Injectable } from '@nestjs/common';
import { Cron } from '@nestjs/schedule';
import { Locked } from 'nestjs-lock';
import { CronJournal } from './cron-journal.js';

/**
 * Every replica has these jobs, and all clocks strike at once. `skip`: who finds the lock taken leaves the tick to the
 * holder. `holdAtLeast`: the lock stays shut after a quick job, or a replica whose clock is late would run the tick
 * again. It is longer than the clocks are apart, and shorter than the time between two ticks.
 */
@Injectable()
export class CronJobs {
  constructor(private readonly journal: CronJournal) {}

  @Cron('*/2 * * * * *', { name: 'invoices' })
  @Locked('cron:invoices', { onBusy: 'skip', holdAtLeast: '1500ms' })
  async issueInvoices(): Promise<void> {
    await this.journal.record('invoices', 2);
  }

  // The other order of the decorators: it makes no difference.
  @Locked('cron:digest', { onBusy: 'skip', holdAtLeast: '1500ms' })
  @Cron('*/2 * * * * *', { name: 'digest' })
  async mailDigest(): Promise<void> {
    await this.journal.record('digest', 2);
  }
}
