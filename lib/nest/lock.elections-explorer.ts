import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';
import { LockOptionsError } from '../core/errors.js';
import type { Lock } from '../core/lock.js';
import { PLACE, type PlacedOptions } from '../core/options.js';
import type { LockService } from '../service/lock-service.js';
import { type ElectedMethod, electedMethods } from './decorators/on-elected.decorator.js';

type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** Lets the methods with `@OnElected` stand for election once the application has started. */
export class ElectionsExplorer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #discovery: DiscoveryService;
  readonly #locks: LockService;
  readonly #registration: string | undefined;
  #stopped = false;

  constructor(discovery: DiscoveryService, locks: LockService, registration: string | undefined) {
    this.#discovery = discovery;
    this.#locks = locks;
    this.#registration = registration;
  }

  /** An application may be closed before it has started. */
  beforeApplicationShutdown(): void {
    this.#stopped = true;
  }

  onApplicationBootstrap(): void {
    if (this.#stopped) return;
    const wrappers = [...this.#discovery.getProviders(), ...this.#discovery.getControllers()];
    // All are looked at before the first is elected: one that is wrong keeps the application from booting.
    const elections = [...new Map(wrappers.map((wrapper) => [wrapper.instance, wrapper])).values()].flatMap((wrapper) =>
      this.#electionsOf(wrapper),
    );
    for (const elect of elections) elect();
  }

  #electionsOf(wrapper: Wrapper): (() => void)[] {
    const { instance } = wrapper;
    if (typeof instance !== 'object' || instance === null) return [];
    const methods = electedMethods(Object.getPrototypeOf(instance)).filter(
      ({ options }) => options.service === this.#registration,
    );
    const [first] = methods;
    if (first && (!wrapper.isDependencyTreeStatic() || wrapper.isTransient)) {
      throw new LockOptionsError(
        `@OnElected on ${first.site}, whose class is made more than once: give it the default scope.`,
      );
    }
    // Not for another module's service of the same name.
    const ours = methods.filter(({ property }) => instance[property] === this.#locks);
    return ours.map((elected) => () => this.#elect(instance, elected));
  }

  #elect(
    instance: Record<string | symbol, (lock: Lock) => unknown>,
    { site, method, name, options }: ElectedMethod,
  ): void {
    const { service: _, ...terms } = options;
    const placed: PlacedOptions = { ...terms, [PLACE]: { method: site, label: name } };
    this.#locks.elect(name, { ...placed, onElected: (lock) => instance[method]?.(lock) });
  }
}
