import { Injectable, type OnModuleInit } from '@nestjs/common';
import { LockService } from 'nestjs-lock';
import { MigrationRunner } from './migration-runner.js';

export interface MigrationReport {
  /** ms */
  waited: number;
  applied: string[];
}

/**
 * Every replica of every service wants to migrate when it starts. One does; the others wait for it and then find
 * nothing to do. In `onModuleInit`, since requests and cron jobs start only after that hook has ended everywhere.
 */
@Injectable()
export class MigrationGuard implements OnModuleInit {
  report: MigrationReport = { waited: 0, applied: [] };

  constructor(
    private readonly locks: LockService,
    private readonly runner: MigrationRunner,
  ) {}

  async onModuleInit(): Promise<void> {
    const asked = performance.now();
    this.report = await this.locks.run('migrations', { wait: '1m' }, async (lock) => ({
      waited: Math.round(performance.now() - asked),
      applied: await this.runner.migrate(lock.signal),
    }));
  }
}
