/** What a child process does at the request of its parent: one method for each request. */
// biome-ignore lint/suspicious/noExplicitAny: parent and child share the types of what they exchange.
export type Handlers = Record<string, (argument: any) => unknown>;

export interface Request {
  id: number;
  method: string;
  argument: unknown;
}

export interface Reply {
  id: number;
  value?: unknown;
  error?: string;
}

/** Answers the parent until it goes away. */
export function serve(handlers: Handlers): void {
  process.on('message', (request: Request) => void answer(handlers, request));
  process.once('disconnect', () => process.exit());
  process.send?.('ready');
}

async function answer(handlers: Handlers, { id, method, argument }: Request): Promise<void> {
  const reply: Reply = { id };
  try {
    const handler = handlers[method];
    if (!handler) throw new Error(`There is no method ${method}`);
    reply.value = await handler(argument);
  } catch (error) {
    reply.error = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  process.send?.(reply);
}
