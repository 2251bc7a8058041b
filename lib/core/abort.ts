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
