// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import {
  Body,
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  HttpCode,
  Inject,
  Injectable,
  type NestInterceptor,
  NotFoundException,
  Param,
  ParseIntPipe,
  Post,
  Scope,
  SetMetadata,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { REQUEST, Reflector } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { mergeMap } from 'rxjs';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { currentLock, Locked, LockModule, LockService, MemoryLockStore } from '../../../lib/index.js';
import { until } from '../../support/event.js';
import { Room, TestApp } from '../../support/nest.js';

/** What guards and interceptors saw of the lock and of the handler. */
const seen: unknown[] = [];

@Injectable()
class RoleGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    seen.push(['guard', currentLock(), context.getHandler().name]);
    return this.reflector.get('role', context.getHandler()) !== 'nobody';
  }
}

@Injectable()
class Envelope implements NestInterceptor {
  constructor(private readonly locks: LockService) {}

  intercept(_context: ExecutionContext, next: CallHandler) {
    seen.push(['interceptor', currentLock()]);
    const holders = async () => (await this.locks.inspect('order:7')).holders;
    return next.handle().pipe(mergeMap(async (data) => ({ data, holders: await holders() })));
  }
}

@Controller('orders')
@UseGuards(RoleGuard)
class OrdersController {
  @Get('above/:id')
  @Locked('order:<id>')
  async above(@Param('id', ParseIntPipe) id: number) {
    return { id, lock: currentLock()?.name };
  }

  @Locked('order:<id>')
  @Get('below/:id')
  async below(@Param('id', ParseIntPipe) id: number) {
    return { id, lock: currentLock()?.name };
  }

  @Locked('order:<id>')
  @HttpCode(202)
  @SetMetadata('role', 'clerk')
  @UseInterceptors(Envelope)
  @Post('between/:id')
  async between(@Param('id') id: string, @Body() body: { amount: number }) {
    return { id, amount: body.amount };
  }

  @SetMetadata('role', 'nobody')
  @Get('forbidden/:id')
  @Locked('order:<id>')
  async forbidden(@Param('id') id: string) {
    return id;
  }

  @Get('missing/:id')
  @Locked('order:<id>')
  async missing(@Param('id') id: string): Promise<void> {
    throw new NotFoundException(`No order ${id}`);
  }

  @Post('dto')
  @Locked('order:<order.id>')
  async dto(@Body() order: { id: string }) {
    return { lock: currentLock()?.name, id: order.id };
  }
}

async function start(adapter?: FastifyAdapter): Promise<TestApp> {
  seen.length = 0;
  const imports = [LockModule.forRoot({ store: 'memory' })];
  const app = await TestApp.start({ imports, controllers: [OrdersController] }, adapter ? { adapter } : {});
  onTestFinished(() => app.close());
  return app;
}

const json = (value: unknown): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value),
});

describe.each([
  ['Express', () => undefined],
  ['Fastify', () => new FastifyAdapter()],
])('A guarded HTTP handler on %s', (_name, adapter) => {
  it('answers, whichever decorator stands above, with the value that its pipe made in the name', async () => {
    const app = await start(adapter());
    expect(await (await app.fetch('/orders/above/7')).json()).toEqual({ id: 7, lock: 'order:7' });
    expect(await (await app.fetch('/orders/below/07')).json()).toEqual({ id: 7, lock: 'order:7' });
    expect(await (await app.fetch('/orders/dto', json({ id: 'x' }))).json()).toEqual({ lock: 'order:x', id: 'x' });
  });

  it('is locked after the guards, inside the interceptors, and free before they see the answer', async () => {
    const app = await start(adapter());
    const acquire = vi.spyOn(MemoryLockStore.prototype, 'acquire');
    const response = await app.fetch('/orders/between/7', json({ amount: 5 }));
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ data: { id: '7', amount: 5 }, holders: [] });
    expect(seen).toEqual([
      ['guard', undefined, 'between'],
      ['interceptor', undefined],
    ]);
    expect(acquire.mock.calls.map(([{ name }]) => name)).toEqual(['order:7']);
  });

  it('is not locked at all for a request that a guard or a pipe refuses', async () => {
    const app = await start(adapter());
    const acquire = vi.spyOn(MemoryLockStore.prototype, 'acquire');
    expect((await app.fetch('/orders/forbidden/7')).status).toBe(403);
    expect((await app.fetch('/orders/above/seven')).status).toBe(400);
    expect(acquire).not.toHaveBeenCalled();
  });

  it('answers with its own HTTP errors', async () => {
    const app = await start(adapter());
    const response = await app.fetch('/orders/missing/7');
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ message: 'No order 7' });
    expect((await app.get(LockService).inspect('order:7')).holders).toEqual([]);
  });
});

describe('Requests for the same thing', () => {
  const room = new Room();

  @Injectable({ scope: Scope.TRANSIENT })
  class Printer {
    @Locked('printer:<name>')
    async print(name: string, visitor: string) {
      await room.visit(visitor);
      return currentLock()?.name;
    }
  }

  @Controller({ path: 'each', scope: Scope.REQUEST })
  class RequestScoped {
    constructor(
      @Inject(REQUEST) private readonly request: { url: string },
      private readonly printer: Printer,
    ) {}

    @Get(':id/:visitor')
    @Locked('each:<id>')
    async handle(@Param('id') id: string, @Param('visitor') visitor: string) {
      await room.visit(visitor);
      return { url: this.request.url };
    }

    @Get('print/:id/:visitor')
    async print(@Param('id') id: string, @Param('visitor') visitor: string) {
      return { lock: await this.printer.print(id, visitor) };
    }
  }

  it.each([
    ['request', '/each', 'each'],
    ['transient', '/each/print', 'printer'],
  ])('wait for each other also in %s scope, where each has an object of its own', async (scope, path, prefix) => {
    const imports = [LockModule.forRoot({ store: 'memory' })];
    await using app = await TestApp.start({ imports, controllers: [RequestScoped], providers: [Printer] });
    const [first, second] = [`${scope}-1`, `${scope}-2`];
    const one = app.fetch(`${path}/7/${first}`);
    await until(() => room.visitors.includes(first));
    const other = app.fetch(`${path}/7/${second}`);
    await until(async () => (await app.get(LockService).inspect(`${prefix}:7`)).waiting.length === 1);
    room.letOut(first);
    room.letOut(second);
    const answers = [await (await one).json(), await (await other).json()];
    expect(answers).toEqual(
      scope === 'request'
        ? [{ url: `/each/7/${first}` }, { url: `/each/7/${second}` }]
        : [{ lock: 'printer:7' }, { lock: 'printer:7' }],
    );
    expect(room.most).toBe(1);
    expect(room.visitors.slice(-2)).toEqual([first, second]);
  });
});
