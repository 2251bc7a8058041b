import { Controller, Get } from '@nestjs/common';
import { MigrationGuard, type MigrationReport } from './migration-guard.js';

@Controller('migrations')
export class MigrationsController {
  constructor(private readonly guard: MigrationGuard) {}

  /** What this replica did when it started. */
  @Get()
  report(): MigrationReport {
    return this.guard.report;
  }
}
