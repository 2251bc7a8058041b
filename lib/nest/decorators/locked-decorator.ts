// What the compiler says about methods with `@Locked` and `@Once`.
import type { LockName } from '../../core/names.js';
import type { CallSignal } from './locked-options.js';

// biome-ignore-start lint/suspicious/noExplicitAny: parameters and results are those of the user's method.
/** A template, an array of them (all are locked or none), or a function of the method's own arguments. */
export type LockedKey = string | readonly string[] | ((...args: any[]) => LockName);

type Method = (...args: any[]) => any;

/** Node's, the web's, those of Nest and RxJS; and whatever else is read piece by piece. */
type StreamLike =
  | AsyncIterable<unknown>
  | { pipe(...args: any[]): any; read(...args: any[]): any }
  | { getReader(...args: any[]): any; cancel(...args: any[]): any }
  | { getStream(...args: any[]): any; getHeaders(...args: any[]): any }
  | { subscribe(...args: any[]): any; pipe(...args: any[]): any }
  | { next(...args: any[]): any; throw(...args: any[]): any; [Symbol.iterator](): any };

type ReturnsNoPromise<M extends Method> = M extends (...args: any[]) => Promise<any> | StreamLike ? false : true;
// biome-ignore-end lint/suspicious/noExplicitAny: see above.

type IsAny<T> = 0 extends 1 & T ? true : false;
// biome-ignore lint/complexity/noBannedTypes: also a class whose constructor is private.
type IsClass<T> = T extends Function ? true : false;
type IsStream<R> = IsAny<R> extends true ? false : [Extract<R, StreamLike>] extends [never] ? false : true;
// biome-ignore lint/suspicious/noConfusingVoidType: methods that resolve to void are meant.
type IsNeverUndefined<R> = undefined extends R ? false : void extends R ? false : true;
type Overcharges<M extends Method, F> = F extends (...args: never[]) => infer R
  ? F extends (...args: Parameters<M>) => R
    ? false
    : true
  : false;

// Without `strictNullChecks`, undefined extends everything.
type MayBeMissing<K> = [K] extends [undefined]
  ? true
  : undefined extends string
    ? false
    : undefined extends K
      ? true
      : false;

type When<Condition, Why> = Condition extends true ? Why : never;

type WhyNot<T, M extends Method, K, Skips, S> =
  | When<IsClass<T>, 'A static method cannot be locked, since Nest injects the lock service into instances only.'>
  | When<
      IsStream<ReturnType<M>> | IsStream<Awaited<ReturnType<M>>>,
      'A stream is read after the method has ended and released its lock: read it in the method, or lock where it is read.'
    >
  | When<ReturnsNoPromise<M>, 'A locked method waits for its lock, so it has to return a promise: make it async.'>
  | When<
      Skips extends true ? IsNeverUndefined<Awaited<ReturnType<M>>> : false,
      'A call that does not run resolves to undefined: let the promise of the method be of undefined or void as well.'
    >
  | When<MayBeMissing<K>, KeyRequired>
  | When<Overcharges<M, K>, 'The function for the key takes parameters that this method does not have.'>
  | When<Overcharges<M, S>, 'The function for the signal takes parameters that this method does not have.'>;

type KeyRequired =
  "A key is required, since names of classes are not unique: write one, such as 'orders.pay:<orderId>'.";

/** What a decorator returns where it cannot stand, so that the compiler prints why. No decorator ever does. */
export interface NotLockable<Why extends string> {
  readonly 'not lockable': Why;
}

// biome-ignore-start lint/suspicious/noConfusingVoidType: so are decorators typed.
type Verdict<Why> = [Why] extends [never] ? void : Why extends string ? NotLockable<Why> : never;

/**
 * Compiles on methods that return a promise, of undefined or void too when calls may be skipped, and never of a stream.
 * It is a `MethodDecorator` as well, so that `applyDecorators` takes it; composed, the method is no longer checked by the
 * compiler, unless the composition is typed as a `LockedDecorator` itself.
 */
export interface LockedDecorator<
  K extends LockedKey | undefined = LockedKey,
  Skips extends boolean = boolean,
  S extends CallSignal = CallSignal,
> {
  <T extends object, M extends Method>(
    target: T,
    method: string | symbol,
    descriptor: TypedPropertyDescriptor<M>,
  ): IsAny<M> extends true ? void : Verdict<WhyNot<T, M, K, Skips, S>>;
  (
    target: object,
    property: string | symbol,
  ): void | NotLockable<'Only methods can be locked, and this is a property or an accessor: put it on an async method.'>;
  <M>(target: object, method: string | symbol, descriptor: TypedPropertyDescriptor<M>): void;
}
// biome-ignore-end lint/suspicious/noConfusingVoidType: see above.

/** Of `@Locked()` without a key: compiles nowhere. */
export type KeylessDecorator = (
  target: object,
  method: string | symbol,
  descriptor: object,
) => NotLockable<KeyRequired>;
