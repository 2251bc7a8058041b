import { randomBytes } from 'node:crypto';
import { RedisServer } from '../../support/redis-server.js';
import { ask } from './ask.js';
import type { Store } from './store.js';

const USER = 'app';
const MAY = ['~*', '&*', '+@all'];

/** One server, whose workers hand in clients of their own, as a user whose password changes. */
export async function startHandedIn(): Promise<Store> {
  let password = newPassword();
  const server = await RedisServer.start({
    acl: ['default on nopass ~* &* +@all', `${USER} on >${password} ${MAY.join(' ')}`],
  });
  return {
    servers: [server],
    reached: [server],
    source: (proxyPort) => ({ kind: 'handed-in', port: proxyPort(server.port), user: USER, password }),
    primaries: async () => [server],
    whole: async () => {},
    changePassword: async () => {
      password = newPassword();
      await ask(server, 'ACL', 'SETUSER', USER, 'resetpass', `>${password}`);
      // It is to have the same after a restart.
      await ask(server, 'ACL', 'SAVE');
      return password;
    },
    disconnectUser: async () => void (await ask(server, 'CLIENT', 'KILL', 'USER', USER)),
    stop: () => server.stop(),
  };
}

function newPassword(): string {
  return randomBytes(12).toString('hex');
}
