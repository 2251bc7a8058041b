import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { LockExceptionFilter, LockModule } from 'nestjs-lock';
import { CronModule } from './cron/cron.module.js';
import { DatabaseModule } from './database/database.module.js';
import { MigrationsModule } from './migrations/migrations.module.js';
import { OrdersModule } from './orders/orders.module.js';
import { Settings } from './settings.js';
import { SettingsModule } from './settings.module.js';

/** One application; its settings say which service, and which replica of it, this one is. */
@Module({})
export class AppModule {
  static register(settings: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SettingsModule.register(settings),
        LockModule.forRootAsync({
          inject: [Settings],
          useFactory: ({ locks, name }: Settings) => ({ ...locks, instance: name }),
        }),
        DatabaseModule,
        MigrationsModule,
        settings.service === 'first' ? OrdersModule : CronModule,
      ],
      providers: [{ provide: APP_FILTER, useClass: LockExceptionFilter }],
    };
  }
}
