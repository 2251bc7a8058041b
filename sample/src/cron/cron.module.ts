import { Module } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { CronController } from './cron.controller.js';
import { CronJobs } from './cron.jobs.js';
import { CronJournal } from './cron-journal.js';

@Module({ imports: [ScheduleModule.forRoot()], providers: [CronJobs, CronJournal], controllers: [CronController] })
export class CronModule {}
