// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are what authors write by mistake.
// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { describe, expect, it } from 'vitest';
import { Locked, type LockedKey, LockKeyError, LockParam, Once } from '../../lib/index.js';

const withIds = (key: LockedKey) => () => {
  class Orders {
    @Locked(key)
    async pay(id: string, orderId: string, note?: string, n?: number): Promise<void> {}
  }
  return Orders;
};

const withOrder = (key: LockedKey) => () => {
  class Orders {
    @Locked(key)
    async pay(order: { id: string }, line: number): Promise<void> {}
  }
  return Orders;
};

const withRest = (key: LockedKey) => () => {
  class Orders {
    @Locked(key)
    async pay(kind: string, ...orderIds: string[]): Promise<void> {}
  }
  return Orders;
};

describe('A placeholder in the spelling of another library', () => {
  it.each([
    ['order:orderIds', '<1>'],
    ['order::orderIds', '<1>'],
    ['order:{orderIds}', '<1>'],
    ['order:<kind>:and:orderIds', '<1>'],
    ['order:$orderIds', '<1>'],
  ])('is refused also for a parameter that takes all further arguments: %s', (template, right) => {
    expect(withRest(template)).toThrow(LockKeyError);
    expect(withRest(template)).toThrow(`write ${right}.`);
    for (const read of ['orderIds:<1>', 'orderIds:<2>']) expect(withRest(read)).not.toThrow();
  });

  it('is shown with the property that was meant, and once', () => {
    expect(withOrder('pay:order.id')).toThrow('write <order.id>.');
    expect(withOrder('pay:order:order')).toThrow('write <order>.');
  });

  it.each([
    ['order:{id}', '<id>'],
    ['order:${id}', '<id>'],
    ['order:#{id}', '<id>'],
    ['order:{{id}}', '<id>'],
    ['order:{{ id }}', '<id>'],
    ['order:%{id}', '<id>'],
    ['order:{orderId}:{id}', '<orderId>'],
    ['order:{0}', '<0>'],
    ['order:{}', '<id>'],
    ['order:${args[1]}', '<1>'],
    ['order:{id', '<id>'],
    ['order::id', '<id>'],
    [':id', '<id>'],
    ['order/:orderId/pay', '<orderId>'],
    ['order:@id', '<id>'],
    ['order:#id', '<id>'],
    ['order:$id', '<id>'],
    ['order:%id%', '<id>'],
    ['order:[id]', '<id>'],
    ['order:(id)', '<id>'],
    ["order:'id'", '<id>'],
    ['order:%s', '<id>'],
    ['order:%1$s', '<id>'],
    ['order:orderId', '<orderId>'],
    ['order/orderId', '<orderId>'],
    ['order-orderId', '<orderId>'],
    ['order.orderId.paid', '<orderId>'],
    ['orderId', '<orderId>'],
    ['order:id:all:<orderId>', '<id>'],
    ['order:<orderId>:{id}', '<id>'],
    ['order:<orderId>::id', '<id>'],
    ['order:<id', 'single <'],
    ['order:< id >', '<id>'],
    ['order:<:id>', '<id>'],
    ['order:<${id}>', '<id>'],
    ['order:<id()>', '<id>'],
  ])('is refused when the class is defined, with the right one: %s', (template, right) => {
    expect(withIds(template)).toThrow(LockKeyError);
    expect(withIds(template)).toThrow(right);
    expect(withIds(template)).toThrow('Orders.pay');
    expect(withIds(['order:<id>', template])).toThrow(LockKeyError);
  });

  it.each([
    ['order:<order:id>', '<order.id>'],
    ['order:<order?.id>', '<order.id>'],
    ['order:<order[id]>', '<order.id>'],
    ["order:<order['id']>", '<order.id>'],
    ['order:{order.id}', '<order.id>'],
    ['order:${order.id}:<line>', '<order.id>'],
    ['order.id', '<order.id>'],
    ['order:line', '<order> or <line>'],
  ])('is refused with the path that it means: %s', (template, right) => {
    expect(withOrder(template)).toThrow(LockKeyError);
    expect(withOrder(template)).toThrow(right);
  });

  it('is refused under @Once', () => {
    const define = () => {
      class Orders {
        @Once('order:orderId', { remember: '1d' })
        async pay(orderId: string): Promise<void> {}
      }
      return Orders;
    };
    expect(define).toThrow(LockKeyError);
    expect(define).toThrow('<orderId>');
  });

  it('is refused where @LockParam gives the name, and where the parameters are hidden', () => {
    const define = (key: string) => () => {
      class Orders {
        @Locked(key)
        async pay(@LockParam('orderId') a: string): Promise<void> {}
      }
      return Orders;
    };
    expect(define('order:orderId')).toThrow('<orderId>');
    expect(define('order:<orderId>')).not.toThrow();

    const hidden = { value: (async (...args: unknown[]) => void args) as () => Promise<void> };
    const guard = (key: string) => () => Locked(key)(class {}.prototype, 'pay', hidden);
    expect(guard('order:{id}')).toThrow('<id>');
    expect(guard('order:${id}')).toThrow('<id>');
    expect(guard('order:%s')).toThrow('<0>');
  });
});

describe('What is no placeholder', () => {
  it.each([
    'order:<id>',
    'orders:all',
    'identity:<orderId>',
    'cron:daily',
    'a.b:c',
    'App::Cron',
    'nightly report',
    'https://example.com/orders',
    'user@example.com',
    '100%',
    '100%done',
    'order#1',
    'order[1]',
    'orders (all)',
    'note:<orderId>',
    'id:<orderId>',
    'tenant:<orderId>:note',
    'shard:n',
    'orderIds',
    'order_id',
    '[<id>]',
    '(<id>)',
    '{<id>}',
    '#<id>',
    ':<id>',
    '<id>@<orderId>',
    "'<id>'",
  ])('is accepted: %s', (template) => {
    expect(withIds(template)).not.toThrow();
  });

  it.each(['order:<order.id>', 'order:<order.id>:line', 'order:<0.id>', '#order:<order.id>', 'order:<line>'])(
    'is the name of a parameter beside a placeholder: %s',
    (template) => {
      expect(withOrder(template)).not.toThrow();
    },
  );

  it('is what a function returns', () => {
    for (const name of ['order:{id}', 'order:orderId', 'order::id']) expect(withIds(() => name)).not.toThrow();
  });
});
