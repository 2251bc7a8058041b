import type { Chapter } from './harness.js';

export function stealChapter({ promise, expect }: Chapter): void {
  promise('a steal ends the hold, tells its holder, and passes the queue', async ({ here, there, name }) => {
    const [holder, waiter, thief] = [here.exclusive(name), here.exclusive(name), there.exclusive(name)];
    const { token } = await holder.take();
    await waiter.queue();
    const answer = await thief.steal(token);
    expect(answer.granted && answer.token > token).toBe(true);
    await holder.revocation();
    expect(await holder.renew()).toBe(false);
    expect(await waiter.place()).toBe(0);
    expect(await thief.release()).toBe(true);
    await waiter.grant();
  });

  promise('a steal ends all shared holds', async ({ here, there, name }) => {
    const readers = [here.shared(name), there.shared(name)];
    const { token } = (await Promise.all(readers.map((reader) => reader.take())))[0] ?? { token: 0 };
    expect((await there.exclusive(name).steal(token)).granted).toBe(true);
    for (const reader of readers) {
      await reader.revocation();
      expect(await reader.renew()).toBe(false);
    }
  });

  promise('a steal of a free lock is a grant', async ({ here, there, name }) => {
    for (const process of [here, there]) {
      const thief = process.exclusive(name);
      expect((await thief.steal(null)).granted).toBe(true);
      await thief.release();
    }
  });

  promise('a steal is refused when another token is the last one', async ({ here, there, name }) => {
    const [holder, thief] = [here.exclusive(name), there.exclusive(name)];
    const { token } = await holder.take();
    for (const expected of [token - 1, token + 1, null]) {
      const answer = await thief.steal(expected);
      expect(answer.granted ? undefined : answer.holder).toBe(holder.owner);
    }
    expect(await holder.renew()).toBe(true);
    expect(await thief.place()).toBe(undefined);
  });

  promise('a repeat has the same token, and does not throw out whoever came next', async ({ here, there, name }) => {
    const [holder, thief, next] = [here.exclusive(name), there.exclusive(name), here.exclusive(name)];
    const { token } = await holder.take();
    const first = await thief.steal(token);
    const again = await thief.steal(token);
    expect(again.granted && again.token).toBe(first.granted && first.token);
    await thief.release();
    await next.take();
    expect((await thief.steal(token)).granted).toBe(false);
    expect(await next.renew()).toBe(true);
  });
}
