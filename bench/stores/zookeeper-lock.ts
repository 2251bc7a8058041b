import zookeeper, { type Client, type Exception } from 'node-zookeeper-client';
import { LEASE_SECONDS, type LockClient } from './contestant.js';

type Callback<T> = (error: Error | Exception | null, value: T) => void;

/** The recipe "Locks" of ZooKeeper's documentation: a sequential ephemeral node each, and a watch on the one before. */
export async function openZooKeeperLock(address: string): Promise<LockClient> {
  const client = zookeeper.createClient(address, { sessionTimeout: LEASE_SECONDS * 1_000 });
  await new Promise<void>((resolve) => {
    client.once('connected', resolve);
    client.connect();
  });
  const parents = new Map<string, Promise<string>>();
  const parentOf = (name: string): Promise<string> => {
    const parent = parents.get(name) ?? call<string>((done) => client.mkdirp(`/locks/${name}`, done));
    parents.set(name, parent);
    return parent;
  };
  return {
    acquire: async (name) => acquire(client, await parentOf(name)),
    close: () =>
      new Promise((resolve) => {
        client.once('disconnected', resolve);
        client.close();
      }),
  };
}

async function acquire(client: Client, parent: string): Promise<() => Promise<void>> {
  const { EPHEMERAL_SEQUENTIAL } = zookeeper.CreateMode;
  const path = await call<string>((done) => client.create(`${parent}/lock-`, EPHEMERAL_SEQUENTIAL, done));
  const own = path.slice(parent.length + 1);
  for (;;) {
    const children = await call<string[]>((done) => client.getChildren(parent, done));
    const mine = children.sort().indexOf(own);
    if (mine < 0) throw new Error(`The node ${path} is gone: its session has expired.`);
    const before = children[mine - 1];
    if (before === undefined)
      return () => call<undefined>((done) => client.remove(path, (error) => done(error, undefined)));
    await gone(client, `${parent}/${before}`);
  }
}

/** Resolves when the node may be gone; the caller looks again, as the recipe says. */
function gone(client: Client, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    client.exists(
      path,
      () => resolve(),
      (error, stat) => {
        if (error) reject(error);
        else if (!stat) resolve();
      },
    );
  });
}

function call<T>(start: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => start((error, value) => (error ? reject(error) : resolve(value))));
}
