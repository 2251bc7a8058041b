import { Controller, Get } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';

@Controller('cron')
export class CronController {
  constructor(private readonly scheduler: SchedulerRegistry) {}

  /** Which jobs have struck on this replica, whether it won the lock or not. */
  @Get()
  struck(): string[] {
    return [...this.scheduler.getCronJobs()].filter(([, job]) => job.lastDate()).map(([name]) => name);
  }
}
