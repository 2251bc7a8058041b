// biome-ignore-all lint/correctness/noUnusedFunctionParameters: the templates of the locks use them.
import { Injectable } from '@nestjs/common';
import { beforeAll, describe, expect, it } from 'vitest';
import { currentLock, Locked, LockKeyError, LockModule } from '../../lib/index.js';
import { TestApp } from '../support/nest.js';

class Printed {
  constructor(readonly text: unknown) {}

  toString(): string {
    return this.text as string;
  }
}

@Injectable()
class Users {
  ran = 0;

  @Locked('user:<user>')
  async touch(user: unknown): Promise<string | undefined> {
    this.ran += 1;
    return currentLock()?.name;
  }

  @Locked('user:<request.user>')
  async touchBy(request: { user: unknown }): Promise<string | undefined> {
    this.ran += 1;
    return currentLock()?.name;
  }
}

describe('An object in a template', () => {
  let users: Users;
  beforeAll(async () => {
    const app = await TestApp.start({ imports: [LockModule.forRoot({ store: 'memory' })], providers: [Users] });
    users = app.get(Users);
    return () => app.close();
  });

  it.each([
    ['a document of an ODM', "{\n  _id: new ObjectId('5f43'),\n  email: 'ann@example.com'\n}"],
    ['JSON', '{"id":"5f43","email":"ann@example.com"}'],
    ['a short object', '{id:5}'],
    ['an array in words', 'a, b'],
    ['two words', 'Ann Example'],
    ['a tab', 'a\tb'],
    ['a line', 'a\n'],
    ['a no-break space', 'a\u00a0b'],
    ['quotes', "'5f43'"],
    ['double quotes', '"5f43"'],
    ['backticks', '`5f43`'],
    ['a control character', 'a\u0000b'],
    ['a class', '[object User]'],
    ['129 bytes', 'x'.repeat(129)],
    ['129 bytes in fewer characters', 'é'.repeat(65)],
    ['nothing', ''],
    ['what is no string', 5],
    ['half a character', '\ud800'],
  ])('that prints %s is no id: the call fails, shows nothing of it, and does not run', async (_what, text) => {
    const before = users.ran;
    for (const call of [users.touch(new Printed(text)), users.touchBy({ user: new Printed(text) })]) {
      const error: LockKeyError = await call.catch((reason) => reason);
      expect(error).toBeInstanceOf(LockKeyError);
      expect(error.message).toMatch(/Users\.touch.*parameter (user|request)\)/);
      expect(error.message).not.toContain('ann@example.com');
      expect(error.message).not.toContain('5f43');
    }
    expect(users.ran).toBe(before);
  });

  it('says which property would do', async () => {
    await expect(users.touch(new Printed('{}'))).rejects.toThrow('<user.id>');
    await expect(users.touchBy({ user: new Printed('{}') })).rejects.toThrow('<request.user.id>');
  });

  it.each([
    ['an ObjectId', new Printed('5f43a1'), 'user:5f43a1'],
    ['a UUID', new Printed('0b0e6c5e-5f4a-4a7e-8d1c-3f2b8c9d0e1f'), 'user:0b0e6c5e-5f4a-4a7e-8d1c-3f2b8c9d0e1f'],
    ['a decimal', new Printed('12.50'), 'user:12.50'],
    ['128 bytes', new Printed('x'.repeat(128)), `user:${'x'.repeat(128)}`],
    ['other letters', new Printed('größe'), 'user:größe'],
    ['a hash sign', new Printed('Order#1'), 'user:Order%231'],
    ['a URL', new URL('https://a.example/b?c=d'), 'user:https%3A%2F%2Fa.example%2Fb%3Fc%3Dd'],
    ['a date', new Date(0), 'user:1970-01-01T00%3A00%3A00.000Z'],
    ['a boxed string', Object('5f43'), 'user:5f43'],
    ['a boxed bigint', Object(5n), 'user:5'],
  ])('that prints one word is an id: %s', async (_what, id, name) => {
    expect(await users.touch(id)).toBe(name);
    expect(await users.touchBy({ user: id })).toBe(name);
  });

  it('may be any string where it is a string itself', async () => {
    expect(await users.touch('Ann "A" {x}')).toBe('user:Ann%20%22A%22%20%7Bx%7D');
    expect(await users.touch('x'.repeat(300))).toBe(`user:${'x'.repeat(300)}`);
  });

  it('is not asked for anything but toString()', async () => {
    const byValue = { valueOf: () => 5, [Symbol.toPrimitive]: () => '5' };
    await expect(users.touch(byValue)).rejects.toThrow(LockKeyError);
    await expect(users.touch(Object.create(null))).rejects.toThrow(LockKeyError);
  });

  it('that throws when it is printed is the cause of the error', async () => {
    const cause = new Error('not loaded');
    const broken = {
      toString: () => {
        throw cause;
      },
    };
    await expect(users.touch(broken)).rejects.toMatchObject({ code: 'LOCK_KEY', cause });
  });
});
