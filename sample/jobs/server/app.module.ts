import { type DynamicModule, Module } from '@nestjs/common';
import { LockModule, type LockModuleOptions } from 'nestjs-lock';
import { LockJobsModule } from 'nestjs-lock/jobs';
import { InvoiceJob } from './invoice.job.js';
import { Printer } from './printer.js';
import { Wire } from './wire.js';

/** One job server. */
@Module({})
export class AppModule {
  static register(wire: Wire, locks: LockModuleOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        LockModule.forRoot({
          ...locks,
          // Short, so that what a killed server had is soon free: the sample waits for it again and again.
          defaults: { ttl: '3s' },
        }),
        LockJobsModule.forRoot({ remember: '1h', limits: { render: { servers: 2 } } }),
      ],
      providers: [{ provide: Wire, useValue: wire }, InvoiceJob, Printer],
    };
  }
}
