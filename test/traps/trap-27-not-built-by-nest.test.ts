import { type INestApplicationContext, Injectable, type Provider } from '@nestjs/common';
import { ModuleRef, NestFactory } from '@nestjs/core';
import { afterEach, describe, expect, it } from 'vitest';
import { currentLock, Locked, LockModule } from '../../lib/index.js';

@Injectable()
class Payments {
  ran = 0;
  wasHeld = false;

  @Locked('payment')
  async pay(): Promise<string> {
    this.ran += 1;
    this.wasHeld = currentLock()?.held ?? false;
    return 'paid';
  }

  @Locked('payment', { onBusy: 'skip' })
  async payOrSkip(): Promise<void> {
    this.ran += 1;
  }

  @Locked('payment', { service: 'audit' })
  async record(): Promise<void> {
    this.ran += 1;
  }
}

const refusal = (method: string) => ({
  code: 'LOCK_OPTIONS',
  message: expect.stringMatching(
    new RegExp(`^Payments\\.${method} .*was not built by Nest.*(providers|LockService\\.run)`),
  ),
});

describe('trap 27: nothing was injected, and the body runs unlocked', () => {
  const applications: INestApplicationContext[] = [];
  afterEach(async () => {
    await Promise.all(applications.splice(0).map((application) => application.close()));
  });

  async function start(providers: Provider[]): Promise<INestApplicationContext> {
    const imports = [LockModule.forRoot({ store: 'memory' }), LockModule.forRoot({ store: 'memory', name: 'audit' })];
    const root = { module: class {}, imports, providers };
    const application = await NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
    applications.push(application);
    return application;
  }

  async function expectRefused(payments: Payments): Promise<void> {
    await expect(payments.pay()).rejects.toMatchObject(refusal('pay'));
    await expect(payments.payOrSkip()).rejects.toMatchObject(refusal('payOrSkip'));
    await expect(payments.record()).rejects.toMatchObject(refusal('record'));
    expect(payments.ran).toBe(0);
  }

  it('an object that was made with `new` refuses the call', async () => {
    await expectRefused(new Payments());
  });

  it.each<[string, Provider]>([
    ['by a factory', { provide: Payments, useFactory: () => new Payments() }],
    ['by an asynchronous factory', { provide: Payments, useFactory: async () => new Payments() }],
    ['as a value', { provide: Payments, useValue: new Payments() }],
  ])('a provider that was made %s refuses the call', async (_how, provider) => {
    const application = await start([provider]);
    await expectRefused(application.get(Payments));
  });

  it('one that was made by hand refuses the call although Nest has built another', async () => {
    const application = await start([Payments]);
    expect(await application.get(Payments).pay()).toBe('paid');
    await expectRefused(new Payments());
    await expectRefused(Object.setPrototypeOf({ ran: 0 }, Payments.prototype) as Payments);
  });

  it('a method that was torn from its object refuses the call', async () => {
    const application = await start([Payments]);
    const { pay } = application.get(Payments);
    await expect(pay.call(undefined as unknown as Payments)).rejects.toMatchObject(refusal('pay'));
    await expect(pay.call(new Payments())).rejects.toMatchObject(refusal('pay'));
    expect(application.get(Payments).ran).toBe(0);
  });

  it('the refusal is a rejection, no exception', () => {
    expect(() => new Payments().pay().catch(() => {})).not.toThrow();
  });

  it('one that Nest builds on demand runs under the lock', async () => {
    const application = await start([]);
    const payments = await application.get(ModuleRef).create(Payments);
    expect(await payments.pay()).toBe('paid');
    expect(payments.wasHeld).toBe(true);
  });

  it('an application without LockModule does not start', async () => {
    const root = { module: class {}, providers: [Payments] };
    const start = NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
    await expect(start).rejects.toThrow(/LockService/);
  });

  it('an application without the registration that a method names does not start', async () => {
    const root = { module: class {}, imports: [LockModule.forRoot({ store: 'memory' })], providers: [Payments] };
    const start = NestFactory.createApplicationContext(root, { logger: false, abortOnError: false });
    await expect(start).rejects.toThrow(/audit/);
  });
});
