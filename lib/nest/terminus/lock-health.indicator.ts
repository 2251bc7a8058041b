import { Inject, Injectable } from '@nestjs/common';
import * as terminus from '@nestjs/terminus';
import type { LockHealth, LockHealthOptions } from '../../features/health.js';
import { LockService } from '../../service/lock-service.js';

/** What the indicator tells of the locks, beside the status. */
export type LockHealthDetails = Omit<LockHealth, 'status'>;

/** The exports tell the versions apart: 10 has no public service for results, and only 12 knows `degraded`. */
const KNOWS_RESULTS = 'HealthIndicatorService' in terminus;
const KNOWS_DEGRADED = KNOWS_RESULTS && !('HealthCheckError' in terminus);

/**
 * Says for Terminus (10, 11, 12) whether locks can be had: down when the store does not answer; degraded, where Terminus
 * knows that, when a server of a quorum is away or messages do not arrive; never down because a lock is busy. List it in
 * the `providers` of the module that checks; for a registration with a name, make one of that service.
 *
 * @example
 * @Get('health') @HealthCheck()
 * check() { return this.health.check([() => this.locks.isHealthy('locks', { timeout: '500ms' })]); }
 */
@Injectable()
export class LockHealthIndicator {
  readonly #locks: LockService;

  constructor(@Inject(LockService) locks: LockService) {
    this.#locks = locks;
  }

  /**
   * `key`: under which it stands in the answer. With Terminus 10, what is down is thrown, as that version wants it.
   * @throws LockOptionsError for wrong options.
   */
  async isHealthy<K extends string>(
    key: K,
    options?: LockHealthOptions,
  ): Promise<Record<K, LockHealthDetails & { status: 'up' | 'down' }>> {
    const { status, ...details } = await this.#locks.health(options);
    const told = status === 'degraded' && !KNOWS_DEGRADED ? 'up' : status;
    // That of Terminus 12 has one status more than the types of 10 and 11.
    const result = { [key]: { status: told, ...details } } as Record<K, LockHealthDetails & { status: 'up' | 'down' }>;
    if (status !== 'down' || KNOWS_RESULTS) return result;
    throw Object.assign(new Error(details.problem), { isHealthCheckError: true, causes: result });
  }
}
