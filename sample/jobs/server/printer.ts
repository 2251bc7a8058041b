import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { JobSemaphore } from 'nestjs-lock/jobs';
import { Wire } from './wire.js';

const RENDERING_MS = 60;

/** Stands in for what takes so much memory that no more than two servers may do it at a time. */
@Injectable()
export class Printer {
  private running = 0;

  constructor(
    private readonly semaphore: JobSemaphore,
    private readonly wire: Wire,
  ) {}

  /** This server has one of the two places for as long as any of its runs is in here. */
  async render(): Promise<void> {
    await this.semaphore.run('render', async ({ signal }) => {
      this.running += 1;
      if (this.running === 1) await this.wire.call('enter');
      try {
        await setTimeout(RENDERING_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
      } finally {
        this.running -= 1;
        if (this.running === 0) await this.wire.call('leave');
      }
    });
  }
}
