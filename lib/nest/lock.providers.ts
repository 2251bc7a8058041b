import { type FactoryProvider, Logger } from '@nestjs/common';
import { DiscoveryService, ModulesContainer } from '@nestjs/core';
import { openLockService } from '../service/create-lock-service.js';
import type { LockModuleOptions } from '../service/lock-module-options.js';
import type { LockService } from '../service/lock-service.js';
import { checkRegistrationName, getLockServiceToken, LOCK_OPTIONS } from './lock.constants.js';
import { ElectionsExplorer } from './lock.elections-explorer.js';
import { closeLast, onlyRegistration } from './lock.registrations.js';

/** The service of one registration. */
export function lockServiceProvider(name: string | undefined): FactoryProvider<LockService> {
  checkRegistrationName(name, 'The option `name` of LockModule');
  return {
    provide: getLockServiceToken(name),
    inject: [LOCK_OPTIONS, ModulesContainer],
    useFactory: (options: LockModuleOptions, modules: ModulesContainer) => {
      const own = onlyRegistration(modules, name);
      if (own) closeLast(modules, own);
      return openLockService(options, new Logger('LockModule'));
    },
  };
}

/** Serves the `@OnElected` of one registration. */
export function electionsProvider(name: string | undefined): FactoryProvider<ElectionsExplorer> {
  return {
    provide: Symbol(`nestjs-lock:elections:${name ?? ''}`),
    inject: [DiscoveryService, getLockServiceToken(name)],
    useFactory: (discovery: DiscoveryService, locks: LockService) => new ElectionsExplorer(discovery, locks, name),
  };
}
