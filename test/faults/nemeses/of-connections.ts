import type { Kind } from '../proxy/proxied-connection.js';
import type { Nemesis, Strike } from './nemesis.js';

/** For longer than a process may be starved, and some more, in which it is served like all others. */
const WATCHED_MS = 32_000;
/** Until an own connection that does not answer is replaced, and the new one is there. */
const REPLACED_MS = 8_000;

/**
 * The connections of one worker that are for this swallow everything, and never heal. New ones work. Sometimes the server
 * notices, and sometimes only one server of several is behind them.
 */
function halfOpen(name: string, kinds: readonly Kind[]): Nemesis {
  const commands = kinds.includes('commands');
  return {
    name,
    on: 'network',
    lingers: true,
    draw(field, random): Strike {
      const victim = field.victim(random);
      const noticed = random.chance(0.4);
      const proxies = field.proxiesOf(victim);
      const struck = random.chance(0.7) ? proxies : [random.pick(proxies)];
      return {
        victim,
        note: `${noticed ? 'noticed by the server' : 'noticed by nobody'}, to ${struck.length} of ${proxies.length}`,
        spares: commands ? ['waiters'] : ['calls', 'holds', 'waiters'],
        act: async () => {
          for (const proxy of struck) proxy.swallow(kinds, noticed);
        },
        lingers: { ms: commands ? REPLACED_MS : WATCHED_MS, end: () => {} },
      };
    },
  };
}

/** The server takes no further connections of one worker, and ends that for messages. */
const quota: Nemesis = {
  name: 'connection-quota',
  on: 'network',
  lingers: true,
  draw(field, random): Strike {
    const victim = field.victim(random);
    const proxies = field.proxiesOf(victim);
    return {
      victim,
      // A primary that moves meanwhile takes the connection for calls along, and there may be no other.
      spares: field.store.failOver ? [] : ['calls', 'holds', 'waiters'],
      act: async () => {
        for (const proxy of proxies) proxy.fill();
      },
      lingers: {
        ms: random.integer(3_000, WATCHED_MS),
        end: () => {
          for (const proxy of proxies) proxy.lift();
        },
      },
    };
  },
};

export const OF_CONNECTIONS: readonly Nemesis[] = [
  halfOpen('half-open-commands', ['commands']),
  halfOpen('half-open-messages', ['messages']),
  halfOpen('half-open', ['commands', 'messages']),
  quota,
];
