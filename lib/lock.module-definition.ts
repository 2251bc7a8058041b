import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { LockModuleExtras, LockModuleOptions } from './interfaces/lock-module-options.interface.js';
import { LOCK_OPTIONS, lockServiceProvider } from './lock.providers.js';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<LockModuleOptions>({ moduleName: 'Lock', optionsInjectionToken: LOCK_OPTIONS })
    .setClassMethodName('forRoot')
    .setExtras<LockModuleExtras>({ isGlobal: true, name: undefined }, (definition, { isGlobal = true, name }) => {
      const service = lockServiceProvider(name);
      return {
        ...definition,
        global: isGlobal,
        providers: [...(definition.providers ?? []), service],
        exports: [service.provide],
      };
    })
    .build();
