import type { Calls, Push, Reply, Request } from '../protocol.js';

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** The line to the conductor, over the IPC channel of this process. */
export class Wire {
  /** Who is told what the lock store of the conductor says. */
  onPush: (push: Push) => void = () => undefined;
  private readonly waiting = new Map<number, Waiting>();
  private calls = 0;

  constructor() {
    process.on('message', (message: Push | Reply) => {
      if ('to' in message) this.onPush(message);
      else this.receive(message);
    });
  }

  call<K extends keyof Calls>(method: K, ...args: Parameters<Calls[K]>): Promise<Awaited<ReturnType<Calls[K]>>> {
    this.calls += 1;
    const request: Request<K> = { call: this.calls, method, args };
    return new Promise((resolve, reject) => {
      this.waiting.set(request.call, { resolve: resolve as Waiting['resolve'], reject });
      process.send?.(request, undefined, undefined, (error) => error && reject(error));
    });
  }

  private receive(reply: Reply): void {
    const waiting = this.waiting.get(reply.call);
    this.waiting.delete(reply.call);
    if ('error' in reply) waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply.value);
  }
}
