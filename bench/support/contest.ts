import type { ContenderHandlers } from '../children/contender.js';
import type { Contestant } from '../contestants/contestant.js';
import { Child } from './child.js';
import { monotonic } from './clock.js';
import { RedisServer } from './redis-server.js';

/** From asking all to the first moment that counts, so that all are in the queue by then. */
const LEAD_MS = 200;

export interface Crowd {
  readonly processes: number;
  /** In each process. */
  readonly waiters: number;
  /** How long a body sleeps, in ms. */
  readonly body: number;
}

export interface Outcome {
  bodiesPerSecond: number;
  longestWait: number;
  /** The process that got the most bodies against the one that got the fewest. */
  spread: number;
}

/** The processes of one contestant. They stay from contest to contest; those that have no part in one sleep. */
export class Crew implements AsyncDisposable {
  readonly name: string;
  readonly #members: readonly Child<ContenderHandlers>[];

  private constructor(name: string, members: readonly Child<ContenderHandlers>[]) {
    this.name = name;
    this.#members = members;
  }

  static async start({ name }: Contestant, url: string, processes: number): Promise<Crew> {
    const starting = Array.from({ length: processes }, () => Child.start<ContenderHandlers>('contender'));
    const crew = new Crew(name, await Promise.all(starting));
    try {
      await Promise.all(crew.#members.map((child) => child.call('open', { contestant: name, url })));
      return crew;
    } catch (error) {
      await crew[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** All compete for one name; with `witness`, throws when two were ever inside at once. */
  async compete({ processes, waiters, body }: Crowd, ms: number, witness = false): Promise<Outcome> {
    const start = monotonic() + LEAD_MS;
    const terms = { name: `hot:${this.name}`, waiters, body, start, end: start + ms, witness };
    const children = this.#members.slice(0, processes);
    const results = await Promise.all(children.map((child) => child.call('compete', terms)));
    if (witness) {
      const times = results.map(({ bodyTimes }) => bodyTimes);
      assertApart(this.name, times);
    }
    const shares = results.map(({ bodies }) => bodies);
    return {
      bodiesPerSecond: shares.reduce((sum, bodies) => sum + bodies, 0) / (ms / 1e3),
      longestWait: Math.max(...results.map(({ longestWait }) => longestWait)),
      spread: Math.max(...shares) / Math.min(...shares),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map((child) => child.stop()));
  }
}

/** A crew for each contestant, while `use` runs. */
export async function withCrews<T>(
  contestants: readonly Contestant[],
  processes: number,
  use: (crews: readonly Crew[]) => Promise<T>,
): Promise<T> {
  await using server = await RedisServer.start();
  const crews: Crew[] = [];
  try {
    for (const contestant of contestants) crews.push(await Crew.start(contestant, server.url, processes));
    return await use(crews);
  } finally {
    await Promise.all(crews.map((crew) => crew[Symbol.asyncDispose]()));
  }
}

function assertApart(contestant: string, times: readonly number[][]): void {
  const bodies: [number, number][] = [];
  for (const list of times) {
    for (let index = 0; index < list.length; index += 2)
      bodies.push([list[index] as number, list[index + 1] as number]);
  }
  if (bodies.length === 0) throw new Error(`${contestant} let nobody in`);
  bodies.sort(([a], [b]) => a - b);
  for (let index = 1; index < bodies.length; index += 1) {
    const [[, ended], [began]] = [bodies[index - 1] as [number, number], bodies[index] as [number, number]];
    if (began < ended) throw new Error(`${contestant} let two in at once, for ${ended - began} ms`);
  }
}
