import type { OnApplicationBootstrap } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';
import { LockOptionsError } from './core/errors.js';
import type { Lock } from './core/lock.js';
import { type ElectedMethod, electedMethods } from './decorators/on-elected.decorator.js';
import type { LockService } from './lock.service.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Lets the methods with `@OnElected` stand for election once the application has started. */
export class ElectionsExplorer implements OnApplicationBootstrap {
  readonly #discovery: DiscoveryService;
  readonly #locks: LockService;
  readonly #registration: string | undefined;

  constructor(discovery: DiscoveryService, locks: LockService, registration: string | undefined) {
    this.#discovery = discovery;
    this.#locks = locks;
    this.#registration = registration;
  }

  onApplicationBootstrap(): void {
    const wrappers = [...this.#discovery.getProviders(), ...this.#discovery.getControllers()];
    const seen = new Set<unknown>();
    for (const wrapper of wrappers) {
      const { instance } = wrapper;
      if (typeof instance !== 'object' || instance === null || seen.has(instance)) continue;
      seen.add(instance);
      for (const elected of this.#methodsOf(instance)) this.#elect(wrapper, elected);
    }
  }

  #methodsOf(instance: object): ElectedMethod[] {
    const all = electedMethods(Object.getPrototypeOf(instance));
    return all.filter(({ options }) => options.service === this.#registration);
  }

  #elect(wrapper: Wrapper, { site, method, name, options }: ElectedMethod): void {
    if (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) {
      throw new LockOptionsError(
        `@OnElected on ${site}, whose class is made more than once: give it the default scope.`,
      );
    }
    const { service: _, ...terms } = options;
    const onElected = (lock: Lock): unknown => wrapper.instance[method](lock);
    this.#locks.elect(name, { ...terms, onElected });
  }
}
