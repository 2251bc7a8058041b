import { describe, expect, it } from 'vitest';
import { LockUnavailableError } from '../../../../lib/index.js';
import { Stakes } from '../../../../lib/stores/redis/quorum/stakes.js';
import { replyError } from '../../../../lib/stores/redis/reply-error.js';
import { deferred } from '../../../support/event.js';
import { pass, settle, useFakeTime } from '../../../support/fake-time.js';

const LIFE_MS = 10_000;
const UNSENT = new LockUnavailableError(undefined, 'it is not connected', { uncertain: false });
const UNANSWERED = new LockUnavailableError(undefined, 'it did not answer');

/** A server to which calls come in vain as long as it is away. */
class Server {
  reachable = true;
  /** Reached, and silent. */
  isSilent = false;
  readonly calls: string[] = [];
  #listener = (): void => {};

  onReachable(listener: () => void): void {
    this.#listener = listener;
  }

  back(): void {
    this.reachable = true;
    this.#listener();
  }

  call(what: string): Promise<string> {
    if (!this.reachable) return Promise.reject(UNSENT);
    this.calls.push(what);
    return this.isSilent ? Promise.reject(UNANSWERED) : Promise.resolve(what);
  }
}

describe('What a server may have of an owner', () => {
  useFakeTime();
  const always = (): boolean => true;

  async function voted(owner = 'a'): Promise<{ server: Server; stakes: Stakes }> {
    const server = new Server();
    const stakes = new Stakes(server);
    await stakes.ask(owner, LIFE_MS, always, async () => {});
    return { server, stakes };
  }

  it('is forgotten once it is taken back', async () => {
    const { server, stakes } = await voted();
    expect(stakes.size).toBe(1);
    expect(await stakes.takeBack('a', () => server.call('end'))).toBe('end');
    await settle();
    expect(stakes.size).toBe(0);
  });

  it('is nothing when the ask certainly did not come through, or left nothing', async () => {
    const stakes = new Stakes(new Server());
    await expect(stakes.ask('a', LIFE_MS, always, () => Promise.reject(UNSENT))).rejects.toBe(UNSENT);
    await stakes.ask(
      'b',
      LIFE_MS,
      () => false,
      async () => {},
    );
    expect(stakes.size).toBe(0);
    await expect(stakes.ask('c', LIFE_MS, always, () => Promise.reject(UNANSWERED))).rejects.toBe(UNANSWERED);
    expect(stakes.size).toBe(1);
  });

  it('is taken back as soon as the server can be reached, however long that takes', async () => {
    const { server, stakes } = await voted();
    server.reachable = false;
    await expect(stakes.takeBack('a', () => server.call('end'))).rejects.toBe(UNSENT);
    await pass(10 * LIFE_MS);
    expect(stakes.size).toBe(1);
    server.back();
    await settle();
    expect([server.calls, stakes.size]).toEqual([['end'], 0]);
  });

  it('is not over by itself where the try was not sent, whatever the server had answered before', async () => {
    const { server, stakes } = await voted();
    const cause = replyError('BUSY Redis is busy running a script.');
    const away = new LockUnavailableError(undefined, 'Redis has been away', { uncertain: false, cause });
    let tries = 0;
    const end = (): Promise<string> => {
      tries += 1;
      return server.reachable ? server.call('end') : Promise.reject(away);
    };
    server.reachable = false;
    await expect(stakes.takeBack('a', end)).rejects.toBe(away);
    await pass(2 * LIFE_MS);
    server.back();
    await settle();
    expect([server.calls, stakes.size]).toEqual([['end'], 0]);
    expect(tries).toBeGreaterThan(1);
  });

  it('is asked for again until the server answers, or it is over by itself', async () => {
    const { server, stakes } = await voted();
    server.isSilent = true;
    await expect(stakes.takeBack('a', () => server.call('end'))).rejects.toBe(UNANSWERED);
    await pass(LIFE_MS / 2);
    const tries = server.calls.length;
    expect(tries).toBeGreaterThan(2);
    await pass(2 * LIFE_MS);
    expect(stakes.size).toBe(0);
    const all = server.calls.length;
    await pass(10 * LIFE_MS);
    expect(server.calls).toHaveLength(all);
  });

  it('is taken back again after an ask that was on its way', async () => {
    const server = new Server();
    const stakes = new Stakes(server);
    const answer = deferred<string>();
    const asked = stakes.ask('a', LIFE_MS, always, () => answer.promise);
    await stakes.takeBack('a', () => server.call('end'));
    expect(server.calls).toEqual(['end']);
    answer.resolve('granted');
    await asked;
    await settle();
    expect([server.calls, stakes.size]).toEqual([['end', 'end'], 0]);
  });

  it('stays when it is wanted again: a late try takes back nothing that was won since', async () => {
    const { server, stakes } = await voted();
    server.reachable = false;
    await stakes.takeBack('a', () => server.call('end')).catch(() => {});
    await expect(stakes.ask('a', LIFE_MS, always, () => server.call('ask'))).rejects.toBe(UNSENT);
    server.back();
    await pass(2 * LIFE_MS);
    expect([server.calls, stakes.size]).toEqual([[], 1]);
  });

  it('counts from the last time that it was asked for', async () => {
    const { server, stakes } = await voted();
    server.isSilent = true;
    await stakes.takeBack('a', () => server.call('end')).catch(() => {});
    await pass(0.9 * LIFE_MS);
    await stakes.ask('a', LIFE_MS, always, async () => {});
    await stakes.takeBack('a', () => server.call('end')).catch(() => {});
    await pass(0.9 * LIFE_MS);
    expect(stakes.size).toBe(1);
    server.isSilent = false;
    await pass(2_000);
    expect(stakes.size).toBe(0);
  });

  it('is asked for only after a try to take it back that is on its way', async () => {
    const { server, stakes } = await voted();
    const answer = deferred();
    const ended = stakes.takeBack('a', () => answer.promise);
    const asked = stakes.ask('a', LIFE_MS, always, () => server.call('ask'));
    await settle();
    expect(server.calls).toEqual([]);
    answer.resolve();
    await Promise.all([ended, asked]);
    await settle();
    expect([server.calls, stakes.size]).toEqual([['ask'], 1]);
  });

  it('is asked for one by one as long as the server is silent, and then for all', async () => {
    const { server, stakes } = await voted('0');
    const owners = Array.from({ length: 250 }, (_, index) => String(index));
    for (const owner of owners) await stakes.ask(owner, 10 * LIFE_MS, always, async () => {});
    server.isSilent = true;
    await Promise.all(owners.map((owner) => stakes.takeBack(owner, () => server.call(owner)).catch(() => {})));
    server.calls.splice(0);
    await pass(5_000);
    expect(server.calls.length).toBeLessThanOrEqual(5);
    server.isSilent = false;
    await pass(2_000);
    expect(stakes.size).toBe(0);
    expect(new Set(server.calls).size).toBe(250);
  });

  it('does not pile up where nobody says what becomes of it', async () => {
    const { stakes } = await voted();
    for (let round = 0; round < 20; round += 1) {
      for (let index = 0; index < 500; index += 1)
        await stakes.ask(`${round} ${index}`, LIFE_MS, always, async () => {});
      await pass(LIFE_MS);
    }
    expect(stakes.size).toBeLessThan(2_000);
  });
});
