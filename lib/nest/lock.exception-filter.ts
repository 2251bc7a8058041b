import { type ArgumentsHost, Catch, type ExceptionFilter, HttpStatus, Inject } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type Observable, throwError } from 'rxjs';
import { LockBusyError, LockClosedError, LockUnavailableError } from '../core/errors.js';

/** The HTTP status 423, which Nest has no name for. */
const LOCKED = 423;

type Refusal = LockBusyError | LockUnavailableError | LockClosedError;

/** What a client is told. The name of the lock and its holder are not its business. */
interface Answer {
  readonly message: string;
  readonly code: string;
}

/**
 * Tells the client that a lock is busy, or that the store is unavailable or the service closed, in the form of the
 * transport, with a neutral text and the `code` of the error:
 * - HTTP: 423 with `Retry-After` (what is left of the holder's lease, in whole seconds, where that is known), or 503;
 * - WebSocket: the event `exception`, and the acknowledgement where one was asked for; a raw `ws` client gets
 *   `{ event: 'exception', data }`;
 * - microservices: the error of an `RpcException`;
 * - GraphQL: an error whose `extensions.code` is the code.
 *
 * Elsewhere the errors go on as they are. Register it as `APP_FILTER` (HTTP and GraphQL), or with
 * `@UseFilters(LockExceptionFilter)`, which gateways and microservices need.
 */
@Catch(LockBusyError, LockUnavailableError, LockClosedError)
export class LockExceptionFilter implements ExceptionFilter<Refusal> {
  readonly #adapterHost: HttpAdapterHost;

  constructor(@Inject(HttpAdapterHost) adapterHost: HttpAdapterHost) {
    this.#adapterHost = adapterHost;
  }

  catch(error: Refusal, host: ArgumentsHost): Observable<never> | undefined {
    const { code } = error;
    const message = error instanceof LockBusyError ? 'Locked' : 'Service Unavailable';
    switch (host.getType<string>()) {
      case 'http':
        return this.#answerHttp(error, host, { message, code });
      case 'ws':
        return answerSocket(host, { message, code });
      case 'rpc':
        // Nest sends what a filter returns, and nothing for what it throws. Of an `RpcException` it sends this object.
        return throwError(() => ({ status: 'error', message, code }));
      case 'graphql':
        throw Object.assign(new Error(message), { extensions: { code } });
      default:
        throw error;
    }
  }

  #answerHttp(error: Refusal, host: ArgumentsHost, { message, code }: Answer): undefined {
    const { httpAdapter } = this.#adapterHost;
    const response: unknown = host.switchToHttp().getResponse();
    if (httpAdapter.isHeadersSent(response)) {
      httpAdapter.end(response);
      return;
    }
    const busy = error instanceof LockBusyError;
    const statusCode = busy ? LOCKED : HttpStatus.SERVICE_UNAVAILABLE;
    if (busy && error.retryAfter !== null && Number.isFinite(error.retryAfter)) {
      const seconds = Math.max(1, Math.ceil(error.retryAfter / 1_000));
      httpAdapter.setHeader(response, 'Retry-After', String(seconds));
    }
    httpAdapter.reply(response, { statusCode, message, code }, statusCode);
  }
}

/** A client of socket.io, or of raw WebSockets. */
interface SocketClient {
  readyState?: unknown;
  send?(text: string): unknown;
  emit?(event: string, payload: object): unknown;
}

/** Never throws: on Nest 10 and 11 that would end the process. */
function answerSocket(host: ArgumentsHost, answer: Answer): undefined {
  const payload = { status: 'error', ...answer };
  const [client, _data, ...rest] = host.getArgs<[SocketClient | undefined, ...unknown[]]>();
  const acknowledge = rest.find((argument) => typeof argument === 'function');
  try {
    // A raw client has an `emit`, too, which reaches nobody but the listeners in this process.
    const raw = typeof client?.readyState === 'number' && typeof client.send === 'function';
    if (raw) client.send?.(JSON.stringify({ event: 'exception', data: payload }));
    else client?.emit?.('exception', payload);
    acknowledge?.(payload);
  } catch {
    // The client has gone: nobody is left to be told.
  }
}
