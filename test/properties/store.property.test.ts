import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Busy, type Granted, MemoryLockStore, type ReleaseAnswer, type StoreState } from '../../lib/index.js';
import { ListeningRedisStore } from '../support/listening-redis-store.js';
import { Callers, type LockStep, LockWorld, lockSteps, type Message, tellWorld } from '../support/lock-steps.js';
import { LockWitness } from '../support/lock-witness.js';
import { unique, useRedis } from '../support/redis.js';

const LONG_MS = 600_000;
/** The limit is for a slow machine: what has failed by then is reported with its seed. */
const parameters = (numRuns: number) => ({ numRuns, interruptAfterTimeLimit: 100_000 });
const TIMEOUT_MS = 120_000;

/** One world at a time hears what its store tells. */
function useRedisStore() {
  const redis = useRedis();
  let opened: ListeningRedisStore;
  let world: LockWorld | undefined;
  const listener = tellWorld(() => world);
  beforeAll(async () => {
    opened = await ListeningRedisStore.open(redis, listener);
  });
  afterAll(() => opened?.store.close());
  return {
    get opened() {
      return opened;
    },
    newWorld: (): LockWorld => {
      world = new LockWorld(opened.store, unique('lock'));
      return world;
    },
  };
}

/** The same in memory, with a clock that all but stands still unless it is moved. */
function newMemoryWorld(instances: readonly string[]) {
  let now = Date.now();
  const clock = {
    now: (): number => {
      now += 0.01;
      return now;
    },
  };
  const store = new MemoryLockStore({ clock });
  const world = new LockWorld(store, 'lock');
  const listener = tellWorld(() => world);
  for (const instance of instances) store.subscribe(instance, listener);
  const pass = async (ms: number): Promise<void> => {
    now += ms;
  };
  return { world, pass };
}

/** Tokens are times, which differ between stores: they are compared by their order. */
class Tokens {
  readonly #granted: number[] = [];

  learn(tokens: readonly number[]): void {
    for (const token of [...tokens].sort((a, b) => a - b)) {
      if (token > (this.#granted.at(-1) ?? 0)) this.#granted.push(token);
    }
  }

  /** Which grant it belongs to, and how many tokens after that one's first. */
  place(token: number | null): unknown {
    const index = this.grant(token);
    return token === null || index === null ? null : [index, token - (this.#granted[index] ?? 0)];
  }

  /** Which grant it belongs to. */
  grant(token: number | null): number | null {
    return token === null ? null : this.#granted.filter((granted) => granted <= token).length - 1;
  }
}

type Answer = Granted | Busy | ReleaseAnswer | undefined;

/** What two stores must have in common. */
function comparable(tokens: Tokens, answers: readonly Answer[], messages: readonly Message[], state: StoreState) {
  const grants = [...answers, ...messages].filter((each) => typeof each === 'object' && 'token' in each);
  tokens.learn(grants.map(({ token }) => token ?? 0));
  return {
    answers: answers.map((answer) => {
      if (typeof answer !== 'object') return answer;
      // How many tokens are set aside depends on how fast grants come.
      if (answer.granted) return { granted: true, token: tokens.place(answer.token) };
      // Of several holders either may be named.
      const { retryAfter, ticket, holder, rank } = answer;
      return { rank, ticket: ticket > 0, later: (retryAfter ?? 0) > 0, held: holder !== undefined };
    }),
    // What is told to different owners comes in any order. A grant is provisional until messages are proven to arrive.
    messages: messages
      .map((message) =>
        'token' in message
          ? { ...message, block: undefined, provisional: undefined, token: tokens.place(message.token) }
          : message,
      )
      .sort((a, b) => byText(a.owner, b.owner)),
    holders: state.holders
      .map(({ remaining, token, ...rest }) => ({ ...rest, token: tokens.place(token), lasts: (remaining ?? 0) > 0 }))
      .sort((a, b) => byText(a.owner, b.owner)),
    waiting: state.waiting.map(({ owner, mode }) => [owner, mode]),
    // And so does the last of them.
    lastToken: tokens.grant(state.lastToken),
  };
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Steps of different slots: they are sent together, so that no caller knows yet what its other step was answered. Releases
 * come first, as the Redis store sends them.
 */
function ofOneTick(group: readonly LockStep[]): LockStep[] {
  const steps = [...new Map(group.map((step) => ['slot' in step ? step.slot : step.do, step])).values()];
  return [...steps.filter((step) => step.do === 'release'), ...steps.filter((step) => step.do !== 'release')];
}

describe('the Redis store', () => {
  const redis = useRedisStore();

  it('does what the memory store does, as long as nothing ends by itself', { timeout: TIMEOUT_MS }, async () => {
    const { instances } = redis.opened;
    const long = fc.constant(LONG_MS);
    const step = lockSteps(6, { ttl: long, alive: long, retain: long });
    const group = fc.array(step, { minLength: 1, maxLength: 3 }).map(ofOneTick);
    const groups = fc.array(group, { minLength: 1, maxLength: 20, size: 'max' });
    const property = fc.asyncProperty(groups, async (run) => {
      const worlds = { redis: redis.newWorld(), memory: newMemoryWorld(instances).world };
      const tokens = { redis: new Tokens(), memory: new Tokens() };
      const callers = new Callers(instances);
      for (const steps of run) {
        const calls = steps.map((each) => [each, callers.of(each)] as const);
        const perform = (world: LockWorld) => Promise.all(calls.map((call) => world.perform(...call)));
        const answers = { redis: await perform(worlds.redis), memory: await perform(worlds.memory) };
        await redis.opened.hearAll();
        const messages = { redis: worlds.redis.takeMessages(), memory: worlds.memory.takeMessages() };
        const outcome = async (which: 'redis' | 'memory') => {
          return comparable(tokens[which], answers[which], messages[which], await worlds[which].inspect());
        };
        expect(await outcome('redis')).toEqual(await outcome('memory'));
        for (const [index, call] of calls.entries()) callers.note(...call, answers.memory[index], messages.memory);
      }
    });
    await fc.assert(property, parameters(300));
  });
});

describe('a store keeps the rules while leases and waiters come to their end:', () => {
  const redis = useRedisStore();

  interface Setting {
    readonly world: LockWorld;
    pass(ms: number): Promise<void>;
    hearAll(): Promise<void>;
    readonly instances: readonly string[];
    isDeaf(owner: string): boolean;
  }

  const onRedis = (): Setting => {
    const { opened } = redis;
    const world = redis.newWorld();
    const { instances } = opened;
    return {
      ...{ world, instances, isDeaf: () => false },
      pass: (ms) => opened.pass(world.name, ms),
      hearAll: () => opened.hearAll(),
    };
  };

  const inMemory = (): Setting => ({
    ...newMemoryWorld(['here', 'there']),
    instances: ['here', 'there', 'deaf'],
    isDeaf: (owner) => owner.startsWith('deaf'),
    hearAll: () => new Promise(setImmediate),
  });

  it.each([
    ['memory', inMemory, 3_000],
    ['Redis', onRedis, 600],
  ])('%s', { timeout: TIMEOUT_MS }, async (_, setting, runs) => {
    // Few values, so that much ends at the same time; long enough that the real time, which passes on Redis as well,
    // changes nothing.
    const minutes = (...counts: number[]) => fc.constantFrom(...counts.map((count) => count * 60_000));
    const times = minutes(10, 10, 20, 60);
    const pause = minutes(0, 0, 0, 1 / 6, 1 / 3, 5, 10, 15);
    const step = lockSteps(4, { ttl: times, alive: times, retain: times });
    const steps = fc.array(fc.tuple(pause, step), { minLength: 1, maxLength: 40, size: 'max' });
    const property = fc.asyncProperty(steps, async (run) => {
      const { world, instances, isDeaf, pass, hearAll } = setting();
      const callers = new Callers(instances);
      const witness = new LockWitness(isDeaf);
      const perform = async (each: LockStep): Promise<void> => {
        const caller = callers.of(each);
        const answer = await world.perform(each, caller);
        await hearAll();
        const messages = world.takeMessages();
        witness.witness(each, caller, answer, messages);
        callers.note(each, caller, answer, messages);
      };
      for (const [ms, each] of run) {
        if (ms > 0) await pass(ms);
        witness.pass(ms);
        // Force names the last token that it has seen.
        if (each.do === 'force') await perform({ do: 'inspect' });
        await perform(each);
      }
    });
    await fc.assert(property, parameters(runs));
  });
});
