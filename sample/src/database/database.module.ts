import { Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Settings } from '../settings.js';
import { Database } from './database.js';
import { openDatabase } from './open-database.js';

@Global()
@Module({
  providers: [{ provide: Database, inject: [Settings], useFactory: (own: Settings) => openDatabase(own.databaseUrl) }],
  exports: [Database],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly database: Database) {}

  async onApplicationShutdown(): Promise<void> {
    await this.database.close();
  }
}
