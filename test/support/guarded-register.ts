import type { Redis } from 'ioredis';

/** A resource that checks fencing tokens: it refuses one that is lower than the highest it has seen. */
export interface GuardedRegister {
  /** A single write; false: refused. */
  write(token: number): Promise<boolean>;
  /** A write that begins some work with the resource; false: refused. */
  enter(token: number): Promise<boolean>;
  leave(token: number): Promise<void>;
  report(): Promise<RegisterReport>;
}

export interface RegisterReport {
  /** The tokens of all accepted writes and entries, in their order. */
  accepted: number[];
  refused: number[];
  /** The tokens of those who are in. A killed process stays in, until the test says `leave` for it. */
  inside: number[];
  /** The most that were ever in at once: 1 proves exclusion. */
  maxInside: number;
}

export function memoryRegister(): GuardedRegister {
  const state: RegisterReport = { accepted: [], refused: [], inside: [], maxInside: 0 };
  const admit = (token: number): boolean => {
    const fresh = token >= Math.max(0, ...state.accepted.slice(-1));
    (fresh ? state.accepted : state.refused).push(token);
    return fresh;
  };
  return {
    write: async (token) => admit(token),
    enter: async (token) => {
      if (!admit(token)) return false;
      state.maxInside = Math.max(state.maxInside, state.inside.push(token));
      return true;
    },
    leave: async (token) => {
      const index = state.inside.indexOf(token);
      if (index >= 0) state.inside.splice(index, 1);
    },
    report: async () => structuredClone(state),
  };
}

// KEYS: accepted, refused, inside, the greatest length of inside. ARGV: token, '1' to stay inside. Result: 1 or 0.
const ADMIT = `
local highest = tonumber(redis.call('LINDEX', KEYS[1], -1) or 0)
if tonumber(ARGV[1]) < highest then
  redis.call('RPUSH', KEYS[2], ARGV[1])
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[1])
if ARGV[2] == '1' then
  local inside = redis.call('RPUSH', KEYS[3], ARGV[1])
  if inside > tonumber(redis.call('GET', KEYS[4]) or 0) then
    redis.call('SET', KEYS[4], inside)
  end
end
return 1
`;

/** The same for several processes; `name` tells one register from another. */
export function redisRegister(client: Redis, name: string): GuardedRegister {
  const keys = ['accepted', 'refused', 'inside', 'max'].map((part) => `register:{${name}}:${part}`);
  const [accepted, refused, inside, max] = keys as [string, string, string, string];
  const admit = async (token: number, stay: boolean) =>
    (await client.eval(ADMIT, keys.length, ...keys, token, stay ? 1 : 0)) === 1;
  const tokens = async (key: string) => (await client.lrange(key, 0, -1)).map(Number);
  return {
    write: (token) => admit(token, false),
    enter: (token) => admit(token, true),
    leave: async (token) => {
      await client.lrem(inside, 1, token);
    },
    report: async () => ({
      accepted: await tokens(accepted),
      refused: await tokens(refused),
      inside: await tokens(inside),
      maxInside: Number(await client.get(max)),
    }),
  };
}
