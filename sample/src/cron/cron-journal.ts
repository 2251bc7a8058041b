import { Injectable } from '@nestjs/common';
import { currentLock } from 'nestjs-lock';
import { Database } from '../database/database.js';
import { Settings } from '../settings.js';

/** Writes down who ran which tick, and under which fencing token. */
@Injectable()
export class CronJournal {
  constructor(
    private readonly database: Database,
    private readonly settings: Settings,
  ) {}

  async record(job: string, everySeconds: number): Promise<void> {
    const { fencingToken } = currentLock()!;
    await this.database.query`
      INSERT INTO cron_runs VALUES (${job}, ${currentTick(everySeconds)}, ${this.settings.name}, ${fencingToken})`;
  }
}

/** The second for which the job was scheduled: timers are late by some ms, never early, so all replicas agree on it. */
function currentTick(everySeconds: number): string {
  const period = everySeconds * 1_000;
  return new Date(Math.floor(Date.now() / period) * period).toISOString();
}
