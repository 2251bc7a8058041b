import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module, type Provider, UseFilters } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Args, GraphQLModule, Mutation, Query, Resolver } from '@nestjs/graphql';
import { expect, it, onTestFinished } from 'vitest';
import { LockExceptionFilter, Locked, LockModule, LockService } from '../../lib/index.js';
import { down, FaultyStore } from '../support/faulty-store.js';
import { TestApp } from '../support/nest.js';

@Resolver()
class Carts {
  @Query(() => String)
  hello(): string {
    return 'hello';
  }

  @Mutation(() => String)
  @Locked('cart:<id>', { wait: '50ms' })
  async checkout(@Args('id') id: string): Promise<string> {
    return `done ${id}`;
  }
}

@UseFilters(LockExceptionFilter)
@Resolver()
class FilteredCarts extends Carts {
  @Query(() => String)
  override hello(): string {
    return 'hello';
  }

  @Mutation(() => String)
  @Locked('cart:<id>', { wait: '50ms' })
  override async checkout(@Args('id') id: string): Promise<string> {
    return `done ${id}`;
  }
}

async function start(resolver: Provider, filters: Provider[]) {
  const faulty = new FaultyStore();
  @Module({
    imports: [
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true, playground: false }),
      LockModule.forRoot({ store: faulty.store, instance: 'pod-7f9c' }),
    ],
    providers: [resolver, ...filters],
  })
  class AppModule {}
  const app = await TestApp.start({ imports: [AppModule] });
  onTestFinished(() => app.close());
  return { app, faulty };
}

async function ask(app: TestApp, query: string): Promise<{ text: string; data: unknown; errors?: object[] }> {
  const headers = { 'content-type': 'application/json' };
  const response = await app.fetch('/graphql', { method: 'POST', headers, body: JSON.stringify({ query }) });
  const text = await response.text();
  return { text, ...(JSON.parse(text) as { data: unknown; errors?: object[] }) };
}

it.each([
  ['as APP_FILTER', Carts, [{ provide: APP_FILTER, useClass: LockExceptionFilter }]],
  ['with @UseFilters', FilteredCarts, []],
])('GraphQL answers with a neutral text and extensions.code: %s', async (_how, resolver, filters) => {
  const { app, faulty } = await start(resolver, filters);
  const checkout = () => ask(app, 'mutation { checkout(id: "9") }');
  const held = await app.get(LockService).acquire('cart:9');
  const busy = await checkout();
  expect(busy.errors).toMatchObject([{ message: 'Locked', path: ['checkout'], extensions: { code: 'LOCK_BUSY' } }]);
  expect(busy.text).not.toMatch(/cart:9|pod-7f9c/);
  await held.release();
  expect((await checkout()).data).toEqual({ checkout: 'done 9' });

  faulty.faults.acquire = down;
  const away = await checkout();
  expect(away.errors).toMatchObject([{ message: 'Service Unavailable', extensions: { code: 'LOCK_UNAVAILABLE' } }]);
  expect(away.text).not.toMatch(/cart:9/);
});
