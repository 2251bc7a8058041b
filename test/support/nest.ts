import type { Abstract, INestApplication, LoggerService, ModuleMetadata, Type } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { type Deferred, deferred } from './event.js';

/** What Nest and the package log, in place of the console. */
export class LogRecorder implements LoggerService {
  readonly errors: unknown[] = [];
  readonly warnings: unknown[] = [];

  log(): void {}

  error(message: unknown): void {
    this.errors.push(message);
  }

  warn(message: unknown): void {
    this.warnings.push(message);
  }
}

export interface TestAppOptions {
  /** Default: Express. */
  adapter?: AbstractHttpAdapter;
  /** Called before the application starts. */
  configure?: (app: INestApplication) => void;
}

/** A whole Nest application with a real HTTP server; closes with `await using`, or earlier with `close()`. */
export class TestApp implements AsyncDisposable {
  #closed: Promise<void> | undefined;

  private constructor(
    readonly nest: INestApplication,
    readonly url: string,
    readonly log: LogRecorder,
  ) {}

  /** Rejects with what keeps the application from booting. */
  static async start(metadata: ModuleMetadata, { adapter, configure }: TestAppOptions = {}): Promise<TestApp> {
    const log = new LogRecorder();
    const module = await Test.createTestingModule(metadata).setLogger(log).compile();
    const app: INestApplication = adapter ? module.createNestApplication(adapter) : module.createNestApplication();
    configure?.(app);
    await app.listen(0, '127.0.0.1');
    return new TestApp(app, await app.getUrl(), log);
  }

  get<T>(token: Type<T> | Abstract<T> | string | symbol): T {
    return this.nest.get<T>(token, { strict: false });
  }

  fetch(path: string, init?: RequestInit): Promise<Response> {
    return fetch(`${this.url}${path}`, init);
  }

  close(): Promise<void> {
    this.#closed ??= this.nest.close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Bodies stay in here until the test lets them out; tells whether two were ever in at once. */
export class Room {
  /** Who has come in, in order. */
  readonly visitors: string[] = [];
  /** The most that were ever in at once: 1 proves exclusion. */
  most = 0;
  #inside = 0;
  readonly #doors = new Map<string, Deferred<void>>();

  /** Comes in, and leaves when the test says `letOut`, before or after. */
  async visit(visitor: string): Promise<void> {
    this.visitors.push(visitor);
    this.#inside += 1;
    this.most = Math.max(this.most, this.#inside);
    await this.#doorOf(visitor).promise;
    this.#inside -= 1;
  }

  letOut(visitor: string): void {
    this.#doorOf(visitor).resolve();
  }

  #doorOf(visitor: string): Deferred<void> {
    const door = this.#doors.get(visitor) ?? deferred();
    this.#doors.set(visitor, door);
    return door;
  }
}
