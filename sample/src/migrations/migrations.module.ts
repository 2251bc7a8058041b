import { Module } from '@nestjs/common';
import { MigrationGuard } from './migration-guard.js';
import { MigrationRunner } from './migration-runner.js';
import { MigrationsController } from './migrations.controller.js';

@Module({ providers: [MigrationGuard, MigrationRunner], controllers: [MigrationsController] })
export class MigrationsModule {}
