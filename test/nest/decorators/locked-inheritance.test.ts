// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { Inject, Injectable, mixin, type Type } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { currentLock, LockBusyError, Locked, LockModule, LockService } from '../../../lib/index.js';
import { TestApp } from '../../support/nest.js';

const namesHere = () => currentLock()?.names;
const start = (...providers: Type[]) =>
  TestApp.start({ imports: [LockModule.forRoot({ store: 'memory', defaults: { wait: 0 } })], providers });

@Injectable()
class Clock {
  readonly zone = 'UTC';
}

class Parent {
  @Inject(Clock)
  readonly clock!: Clock;

  @Locked('parent:<id>', { reentrant: true })
  async work(id: string): Promise<unknown> {
    return { by: this.constructor.name, zone: this.clock.zone, names: namesHere() };
  }

  @Locked('parent')
  async whole() {
    return namesHere();
  }
}

describe('Inheritance', () => {
  it('guards a method that the parent has decorated', async () => {
    @Injectable()
    class Child extends Parent {}
    await using app = await start(Clock, Child);
    expect(await app.get(Child).work('1')).toEqual({ by: 'Child', zone: 'UTC', names: ['parent:1'] });
    await using _held = await app.get(LockService).acquire('parent:1');
    await expect(app.get(Child).work('1')).rejects.toThrow(LockBusyError);
  });

  it('shares the lock of a parent among its children', async () => {
    @Injectable()
    class Child extends Parent {}
    await using app = await start(Clock, Child);
    expect(await app.get(Child).whole()).toEqual(['parent']);
  });

  it('leaves a child its own injected properties and guards', async () => {
    @Injectable()
    class Child extends Parent {
      @Inject(LockService)
      readonly locks!: LockService;

      @Locked('child:<name>')
      async play(name: string) {
        return [this.locks.constructor, this.clock.zone, namesHere()];
      }
    }
    await using app = await start(Clock, Child);
    expect(await app.get(Child).play('x')).toEqual([LockService, 'UTC', ['child:x']]);
    expect(await app.get(Child).work('1')).toMatchObject({ zone: 'UTC', names: ['parent:1'] });
  });

  it('lets a child override a guarded method, with a guard of its own and without, and call the one of its parent', async () => {
    @Injectable()
    class Guarded extends Parent {
      @Locked('child:<name>')
      override async work(name: string) {
        return [namesHere(), await super.work(name)];
      }
    }

    @Injectable()
    class SameName extends Parent {
      @Locked('parent:<name>')
      override async work(name: string) {
        return [namesHere(), await super.work(name)];
      }
    }

    @Injectable()
    class Unguarded extends Parent {
      override async work(name: string) {
        return [namesHere(), await super.work(name)];
      }
    }
    await using app = await start(Clock, Guarded, SameName, Unguarded);
    const inner = { zone: 'UTC', names: ['parent:1'] };
    expect(await app.get(Guarded).work('1')).toMatchObject([['child:1'], inner]);
    expect(await app.get(SameName).work('1')).toMatchObject([['parent:1'], inner]);
    expect(await app.get(Unguarded).work('1')).toMatchObject([undefined, inner]);
  });

  it('goes through several generations, of which each may guard', async () => {
    class Middle extends Parent {
      @Locked('middle')
      async middle() {
        return namesHere();
      }
    }

    @Injectable()
    class Last extends Middle {
      @Locked('last')
      async last() {
        return [namesHere(), await this.middle(), await this.whole()];
      }
    }
    await using app = await start(Clock, Last);
    expect(await app.get(Last).last()).toEqual([['last'], ['middle'], ['parent']]);
  });

  it('reaches the service of the registration that each generation names', async () => {
    @Injectable()
    class Child extends Parent {
      @Locked('child', { service: 'audit', wait: 0 })
      async audited() {
        return true;
      }
    }
    const registered = LockModule.forRootAsync({ name: 'audit', useFactory: () => ({ store: 'memory' }) });
    const imports = [LockModule.forRoot({ store: 'memory' }), registered];
    await using app = await TestApp.start({ imports, providers: [Clock, Child] });
    await using _held = await app.get(LockService).acquire('child');
    expect(await app.get(Child).audited()).toBe(true);
    expect(await app.get(Child).work('1')).toMatchObject({ names: ['parent:1'] });
  });

  it('works for mixins', async () => {
    const Auditing = (topic: string) => {
      class Audit extends Parent {
        @Locked(`${topic}:<id>`)
        async audit(id: string) {
          return namesHere();
        }
      }
      return mixin(Audit);
    };

    @Injectable()
    class Orders extends Auditing('order') {}

    @Injectable()
    class Refunds extends Auditing('refund') {}
    await using app = await start(Clock, Orders, Refunds);
    expect(await app.get(Orders).audit('1')).toEqual(['order:1']);
    expect(await app.get(Refunds).audit('1')).toEqual(['refund:1']);
    expect(await app.get(Refunds).work('1')).toMatchObject({ names: ['parent:1'] });
  });
});
