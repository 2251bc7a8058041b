import { ConfigurableModuleBuilder } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import type { LockModuleExtras, LockModuleOptions } from '../service/lock-module-options.js';
import { LOCK_OPTIONS } from './lock.constants.js';
import { electionsProvider, lockServiceProvider } from './lock.providers.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<LockModuleOptions>({ moduleName: 'Lock', optionsInjectionToken: LOCK_OPTIONS })
    .setClassMethodName('forRoot')
    .setExtras<LockModuleExtras>({ isGlobal: true, name: undefined }, (definition, { isGlobal = true, name }) => {
      const service = lockServiceProvider(name);
      return {
        ...definition,
        global: isGlobal,
        imports: [...(definition.imports ?? []), DiscoveryModule],
        providers: [...(definition.providers ?? []), service, electionsProvider(name)],
        exports: [service.provide],
      };
    })
    .build();
