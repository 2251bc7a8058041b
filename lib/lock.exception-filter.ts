import { type ArgumentsHost, Catch, type ExceptionFilter, HttpStatus, Inject } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type Observable, throwError } from 'rxjs';
import { LockBusyError, LockClosedError, LockUnavailableError } from './core/errors.js';

/** The HTTP status 423, which Nest has no name for. */
const LOCKED = 423;

type Refusal = LockBusyError | LockUnavailableError | LockClosedError;

/**
 * Answers a busy lock with 423 and `Retry-After` (what is left of the holder's lease, in whole seconds), and an
 * unavailable store or a closed service with 503. Elsewhere than in HTTP the errors go on as they are. Register it as `APP_FILTER`, or with `@UseFilters(LockExceptionFilter)`.
 */
@Catch(LockBusyError, LockUnavailableError, LockClosedError)
export class LockExceptionFilter implements ExceptionFilter<Refusal> {
  readonly #adapterHost: HttpAdapterHost;

  constructor(@Inject(HttpAdapterHost) adapterHost: HttpAdapterHost) {
    this.#adapterHost = adapterHost;
  }

  catch(error: Refusal, host: ArgumentsHost): Observable<never> | undefined {
    const busy = error instanceof LockBusyError;
    // The name of the lock and its holder are not the client's business.
    const message = busy ? 'Locked' : 'Service Unavailable';
    // For an RPC, Nest sends what a filter returns, and nothing for what it throws.
    if (host.getType() === 'rpc') return throwError(() => ({ status: 'error', message, code: error.code }));
    if (host.getType() !== 'http') throw error;
    const { httpAdapter } = this.#adapterHost;
    const response: unknown = host.switchToHttp().getResponse();
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response);
      return undefined;
    }
    if (busy && error.retryAfter !== null) {
      const seconds = Math.max(1, Math.ceil(error.retryAfter / 1_000));
      httpAdapter.setHeader(response, 'Retry-After', String(seconds));
    }
    const statusCode = busy ? LOCKED : HttpStatus.SERVICE_UNAVAILABLE;
    httpAdapter.reply(response, { statusCode, message, code: error.code }, statusCode);
    return undefined;
  }
}
