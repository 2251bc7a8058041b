// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../lib/features/keys/key-template.js';
import { LockKeyError } from '../../lib/index.js';

const read = (path: string, user: unknown): string =>
  compileTemplate(`user:<user.${path}>`, { method: 'Users.touch', parameters: ['user'] })([user]);

class Base {
  get inherited(): string {
    return `${this.constructor.name} 1`;
  }

  get overridden(): string {
    return 'base';
  }
}

class User extends Base {
  readonly #hidden = '7';

  constructor(private readonly raw: { id: string }) {
    super();
  }

  get id(): string {
    return this.raw.id;
  }

  get hidden(): string {
    return this.#hidden;
  }

  get broken(): string {
    throw new TypeError('not loaded');
  }

  override get overridden(): string {
    return 'user';
  }

  set writable(_value: string) {}

  key(): string {
    return this.raw.id;
  }
}
Object.assign(User.prototype, { shared: 'the same for all' });

const user = new User({ id: '5' });

describe('A path in a template', () => {
  it.each([
    ['id', 'user:5'],
    ['hidden', 'user:7'],
    ['inherited', 'user:User%201'],
    ['overridden', 'user:user'],
    ['raw.id', 'user:5'],
  ])('reads the accessor or the own property %s', (path, name) => {
    expect(read(path, user)).toBe(name);
  });

  it('reads accessors of objects on the way', () => {
    expect(read('owner.id', { owner: user })).toBe('user:5');
    expect(read('url.hostname', { url: new URL('https://a.example') })).toBe('user:a.example');
  });

  it('reads accessors that a class got after it was defined, as ODMs give them', () => {
    class Document {
      readonly doc = { _id: '5f43' };
    }
    Object.defineProperty(Document.prototype, 'id', {
      get(this: Document) {
        return this.doc._id;
      },
      enumerable: true,
      configurable: true,
    });
    expect(read('id', new Document())).toBe('user:5f43');
  });

  it('reads through proxies, as ORMs wrap entities', () => {
    expect(read('id', new Proxy(user, {}))).toBe('user:5');
    const loaded = new Proxy(user, { get: (target, key) => (key === 'id' ? 'loaded' : Reflect.get(target, key)) });
    expect(read('id', loaded)).toBe('user:loaded');
    const virtual = new Proxy({} as Record<string, string>, {
      get: (_target, key) => `virtual ${String(key)}`,
      getOwnPropertyDescriptor: (_target, key) => ({ value: `virtual ${String(key)}`, configurable: true }),
    });
    expect(read('id', virtual)).toBe('user:virtual%20id');
  });

  it('reads own properties of objects without a prototype', () => {
    expect(read('id', Object.assign(Object.create(null), { id: '5' }))).toBe('user:5');
    expect(read('of.id', { of: Object.assign(Object.create(null), { id: '5' }) })).toBe('user:5');
  });

  it.each([
    'key',
    'constructor',
    'constructor.name',
    '__proto__',
    '__proto__.id',
    'toString',
    'hasOwnProperty',
    'valueOf',
  ])('reads no method and nothing that every object has: %s', (path) => {
    expect(() => read(path, user)).toThrow(LockKeyError);
    expect(() => read(path, {})).toThrow(LockKeyError);
    expect(() => read(path, Object.create(null))).toThrow(LockKeyError);
    expect(() => read(path, runInNewContext('new (class { get id() { return 1; } key() {} })()'))).toThrow(
      LockKeyError,
    );
    expect(() => read(path, user)).toThrow(/Users\.touch.*parameter user/);
  });

  it('reads objects of another realm alike', () => {
    expect(read('id', runInNewContext('new (class { get id() { return 1; } })()'))).toBe('user:1');
    expect(read('id', runInNewContext('({ id: 1 })'))).toBe('user:1');
  });

  it('reads nothing that only the class has, nor what can only be written', () => {
    expect(() => read('shared', user)).toThrow(LockKeyError);
    expect(() => read('writable', user)).toThrow(LockKeyError);
    expect(() => read('size', new Map([['size', 1]]).get('size'))).toThrow(LockKeyError);
  });

  it('fails with the cause where a getter throws', () => {
    expect(() => read('broken', user)).toThrow(
      expect.objectContaining({ code: 'LOCK_KEY', cause: new TypeError('not loaded') }),
    );
    const unwrapped = new Proxy(user, { get: (target, key, proxy) => Reflect.get(target, key, proxy) });
    expect(() => read('hidden', unwrapped)).toThrow(expect.objectContaining({ cause: expect.any(TypeError) }));
  });
});
