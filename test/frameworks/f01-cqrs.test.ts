import { CommandBus, CommandHandler, CqrsModule, EventBus, EventsHandler } from '@nestjs/cqrs';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { currentLock, Locked, LockModule } from '../../lib/index.js';
import { deferred, until } from '../support/event.js';
import { TestApp } from '../support/nest.js';

/** Who was in, and whether two ever were at once. */
class Stock {
  readonly order: string[] = [];
  readonly tokens = new Set<number | undefined>();
  overlaps = 0;
  #inside = 0;

  async visit(visitor: string, work: Promise<unknown> = Promise.resolve()): Promise<void> {
    this.order.push(visitor);
    this.tokens.add(currentLock()?.fencingToken);
    this.#inside += 1;
    if (this.#inside > 1) this.overlaps += 1;
    await work;
    await new Promise(setImmediate);
    this.#inside -= 1;
    this.order.push(`${visitor} ended`);
  }
}

let stock = new Stock();
let going = deferred<void>();
beforeEach(() => {
  stock = new Stock();
  going = deferred<void>();
});

class Reserve {
  constructor(readonly sku: string) {}
}

class Reserved {
  constructor(readonly sku: string) {}
}

class Repack {
  constructor(readonly sku: string) {}
}

class Label {
  constructor(readonly sku: string) {}
}

class Print {
  constructor(readonly sku: string) {}
}

@CommandHandler(Reserve)
class ReserveHandler {
  constructor(private readonly events: EventBus) {}

  @Locked('stock:<command.sku>')
  async execute(command: Reserve): Promise<void> {
    // Nobody waits for what this sets off.
    this.events.publish(new Reserved(command.sku));
    await stock.visit('command', going.promise);
  }
}

@EventsHandler(Reserved)
class Replenish {
  @Locked('stock:<event.sku>')
  async handle(event: Reserved): Promise<void> {
    await stock.visit(`replenish ${event.sku}`);
  }
}

@EventsHandler(Reserved)
class Shrinkage {
  @Locked('stock:<event.sku>')
  async handle(event: Reserved): Promise<void> {
    await stock.visit(`shrinkage ${event.sku}`);
  }
}

@CommandHandler(Repack)
class RepackHandler {
  constructor(private readonly commands: CommandBus) {}

  @Locked('stock:<command.sku>')
  async execute(command: Repack): Promise<unknown[]> {
    const outcomes: unknown[] = [];
    for (const nested of [new Print(command.sku), new Label(command.sku)]) {
      outcomes.push(await this.commands.execute(nested).catch((error: unknown) => error));
    }
    return outcomes;
  }
}

@CommandHandler(Label)
class LabelHandler {
  @Locked('stock:<command.sku>', { wait: '50ms' })
  async execute(command: Label): Promise<string> {
    return `labelled ${command.sku}`;
  }
}

@CommandHandler(Print)
class PrintHandler {
  @Locked('stock:<command.sku>', { reentrant: true })
  async execute(command: Print): Promise<string> {
    return `printed ${command.sku}`;
  }
}

async function start(): Promise<CommandBus> {
  const imports = [LockModule.forRoot({ store: 'memory' }), CqrsModule.forRoot()];
  const handlers = [ReserveHandler, Replenish, Shrinkage, RepackHandler, LabelHandler, PrintHandler];
  const app = await TestApp.start({ imports, providers: handlers });
  onTestFinished(() => app.close());
  return app.get(CommandBus);
}

it('event handlers that a locked command sets off have no share in its lock: they come after it, one by one', async () => {
  const commands = await start();
  const executed = commands.execute(new Reserve('x'));
  await until(() => stock.order.length > 0);
  // The handlers have long been called.
  await new Promise(setImmediate);
  expect(stock.order).toEqual(['command']);
  going.resolve();
  await executed;
  await until(() => stock.order.length === 6);
  expect(stock.order.slice(0, 2)).toEqual(['command', 'command ended']);
  expect(stock.overlaps).toBe(0);
  expect(stock.tokens.size).toBe(3);
});

it('a command that a locked command waits for shares its lock where it asks for that, and is told where it does not', async () => {
  const commands = await start();
  const [printed, labelled] = (await commands.execute(new Repack('x'))) as unknown[];
  expect(printed).toBe('printed x');
  expect(labelled).toMatchObject({ code: 'LOCK_BUSY', ownChain: true });
});
