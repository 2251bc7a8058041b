import { here } from './runtime.js';

type Listener = ((event: Event) => unknown) | { handleEvent(event: Event): unknown };
type Options = boolean | { capture?: boolean | undefined } | undefined;

/**
 * An AbortController whose signal calls every listener in the async context that registered it. The listeners of an
 * ordinary signal run in the context that aborts: here that of a timer, of a socket, or of an operator's request.
 */
export class LockSignal {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  /** Of the one who asked for the signal: signals that are made of this one abort in it. */
  readonly #context = here();

  constructor() {
    this.signal = withContexts(this.#controller.signal);
  }

  abort(reason: unknown): void {
    this.#context(() => this.#controller.abort(reason));
  }
}

function withContexts(signal: AbortSignal): AbortSignal {
  const add = signal.addEventListener.bind(signal) as (...args: unknown[]) => void;
  const remove = signal.removeEventListener.bind(signal) as (...args: unknown[]) => void;
  const bindings = new Bindings(signal);
  let onabort: ((event: Event) => unknown) | null = null;
  const callOnabort = (event: Event): unknown => onabort?.call(signal, event);
  const own = {
    addEventListener: (type: string, listener: Listener | null, options?: Options): void =>
      add(type, listener && bindings.make(type, listener, options), options),
    removeEventListener: (type: string, listener: Listener | null, options?: Options): void =>
      remove(type, listener && bindings.take(type, listener, options), options),
  };
  for (const [name, value] of Object.entries(own)) Object.defineProperty(signal, name, { value, configurable: true });
  return Object.defineProperty(signal, 'onabort', {
    configurable: true,
    get: () => onabort,
    set: (handler: unknown) => {
      own.removeEventListener('abort', callOnabort);
      onabort = typeof handler === 'function' ? (handler as typeof onabort) : null;
      if (onabort) own.addEventListener('abort', callOnabort);
    },
  });
}

type Binding = (event: Event) => unknown;

/** What the signal has in the place of each listener. An event target knows a listener by its type and phase, too. */
class Bindings {
  readonly #signal: AbortSignal;
  readonly #bindings = new WeakMap<Listener, Map<string, Binding>>();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** A listener that is registered already stays as it was. */
  make(type: string, listener: Listener, options: Options): Binding {
    const ofListener = this.#bindings.get(listener) ?? new Map<string, Binding>();
    const key = keyOf(type, options);
    const binding = ofListener.get(key) ?? this.#bind(listener);
    this.#bindings.set(listener, ofListener.set(key, binding));
    return binding;
  }

  take(type: string, listener: Listener, options: Options): Binding | Listener {
    const ofListener = this.#bindings.get(listener);
    const key = keyOf(type, options);
    const binding = ofListener?.get(key);
    ofListener?.delete(key);
    return binding ?? listener;
  }

  #bind(listener: Listener): Binding {
    const context = here();
    return (event) =>
      context(() =>
        typeof listener === 'function' ? listener.call(this.#signal, event) : listener.handleEvent(event),
      );
  }
}

function keyOf(type: string, options: Options): string {
  return `${typeof options === 'object' ? Boolean(options?.capture) : Boolean(options)} ${type}`;
}

/** Calls each listener once when the signal aborts. However many there are, the signal has one listener of ours. */
const HUBS = new WeakMap<AbortSignal, Hub>();

interface Hub {
  readonly listeners: Set<() => void>;
  readonly onAbort: () => void;
}

/** Calls `listener` when `signal` aborts; the returned function takes the listener away. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const hub = HUBS.get(signal) ?? open(signal);
  hub.listeners.add(listener);
  return () => {
    hub.listeners.delete(listener);
    if (hub.listeners.size === 0 && HUBS.get(signal) === hub) close(signal, hub);
  };
}

function open(signal: AbortSignal): Hub {
  const listeners = new Set<() => void>();
  const hub = {
    listeners,
    onAbort: () => {
      close(signal, hub);
      for (const listener of listeners) listener();
    },
  };
  HUBS.set(signal, hub);
  signal.addEventListener('abort', hub.onAbort);
  return hub;
}

function close(signal: AbortSignal, hub: Hub): void {
  HUBS.delete(signal);
  signal.removeEventListener('abort', hub.onAbort);
}
