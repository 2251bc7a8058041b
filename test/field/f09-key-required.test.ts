import { describe, expect, it } from 'vitest';
import { Locked, type LockedOptions, LockKeyError, Once, type OnceMethodOptions } from '../../lib/index.js';

// For what TypeScript refuses; see test/types/locked.ts.
const locked = Locked as unknown as (key?: unknown, options?: LockedOptions) => MethodDecorator;
const once = Once as unknown as (key?: unknown, options?: OnceMethodOptions) => MethodDecorator;
const REMEMBER = { remember: '1d' } as const;

const define = (decorator: MethodDecorator) => () => {
  class TasksService {
    @decorator
    async handleCron(taskId?: string): Promise<void> {
      void taskId;
    }
  }
  return TasksService;
};

describe('A decorator without a key', () => {
  it.each([
    ['@Locked()', locked()],
    ['@Locked(undefined, options)', locked(undefined, { onBusy: 'skip', holdAtLeast: '50s' })],
    ['@Locked(null)', locked(null)],
    ['@Locked({ wait })', locked({ wait: '2s' })],
    ['@Locked([])', locked([])],
    ['@Locked([undefined])', locked([undefined])],
    ['@Once(undefined, options)', once(undefined, REMEMBER)],
    ['@Once({ remember })', once(REMEMBER, REMEMBER)],
  ])('is refused when the class is defined, with a key to write: %s', (what, decorator) => {
    expect(define(decorator)).toThrow(LockKeyError);
    expect(define(decorator)).toThrow("'TasksService.handleCron:<taskId>'");
    expect(define(decorator)).toThrow(`${what.slice(0, what.indexOf('('))} of TasksService.handleCron`);
  });

  it('shows the name of the method where that has no parameters', () => {
    expect(() => {
      class TasksService {
        @locked()
        async handleCron(): Promise<void> {}
      }
      return TasksService;
    }).toThrow("'TasksService.handleCron'");
  });

  it('shows a name also in a class without one', () => {
    const nameless = { value: async () => {} };
    expect(() => locked()((() => class {})().prototype, 'handleCron', nameless)).toThrow(/'\w+\.handleCron'/);
  });

  it('is not what two classes of one name have: each has the key that it gives', () => {
    expect(define(locked('tasks.handle'))).not.toThrow();
    expect(define(once('tasks.handle', REMEMBER))).not.toThrow();
  });
});
