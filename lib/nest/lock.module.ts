import { type DynamicModule, Module } from '@nestjs/common';
import { checkModuleOptions } from '../service/create-lock-service.js';
import { ConfigurableModuleClass, type OPTIONS_TYPE } from './lock.module-definition.js';

/** Registers `LockService`. Once for an application; more often with a `name` each. */
@Module({})
export class LockModule extends ConfigurableModuleClass {
  /** @throws LockOptionsError for wrong options, here and not when the first lock is taken. */
  static override forRoot(options: typeof OPTIONS_TYPE): DynamicModule {
    const { isGlobal, name, ...rest } = options ?? {};
    checkModuleOptions(rest);
    return super.forRoot(options);
  }
}
