import type { RedisOptions } from 'ioredis';
import { LockOptionsError } from '../../core/errors.js';
import { kindOf } from '../../core/options.js';
import type { RedisClient } from './redis-client.js';

/** The options of ioredis; any of them may be left undefined. */
export type RedisServerOptions = { [Option in keyof RedisOptions]?: RedisOptions[Option] | undefined };

/** How Redis is named: a URL, ioredis options, or a client. */
export type RedisSource = string | RedisServerOptions | RedisClient;

const CLIENT_METHODS: readonly (keyof RedisClient)[] = [
  'evalsha',
  'eval',
  'subscribe',
  'duplicate',
  'connect',
  'disconnect',
  'on',
  'off',
];

const WRITE_URL = "write the URL itself: 'redis://redis.example:6379'";
const WRITE_OPTIONS = "write the options of ioredis: { host: 'redis.example', port: 6379 }";
const WRITE_EITHER = `give a URL ('redis://redis.example:6379'), options of ioredis ({ host: 'redis.example', port: 6379 }) or a client of ioredis`;
const WRITE_CLUSTER = 'give a client: new Cluster([{ host, port }]) of ioredis';

/** Where other packages have the address. ioredis would not look there, and connect to localhost. */
const OTHER_PACKAGES: readonly [keys: readonly string[], remedy: string][] = [
  [['url', 'uri', 'href', 'dsn', 'connectionString', 'connectionUrl', 'redisUrl', 'redisURL'], WRITE_URL],
  [['nodes', 'node', 'rootNodes', 'startupNodes', 'clusterNodes', 'cluster', 'clusters'], WRITE_CLUSTER],
  [['host', 'hostname', 'address', 'addresses', 'addr', 'endpoint', 'server', 'servers', 'hosts', 'ip'], WRITE_OPTIONS],
  [
    ['connection', 'socket', 'redis', 'redisOptions', 'config', 'options', 'opts', 'client', 'createClient', 'pool'],
    `write what stands in it without that name around it, if it is of ioredis, or ${WRITE_OPTIONS.slice('write '.length)}`,
  ],
];

/**
 * Throws `LockOptionsError` for whatever ioredis would not understand, or would understand as "localhost" although that
 * is not what was written. Shows nothing of it, since it may contain a password.
 */
export function checkRedisSource(source: unknown, what = '`redis`'): asserts source is RedisSource {
  const problem = typeof source === 'string' ? problemOfUrl(source) : problemOfObject(source);
  if (problem !== undefined) throw new LockOptionsError(`The option ${what} ${problem}.`);
}

export function isClient(source: unknown): source is RedisClient {
  return typeof (source as Partial<RedisClient>).evalsha === 'function';
}

function problemOfUrl(url: string): string | undefined {
  if (url.trim() === '') return `is an empty string: ${WRITE_EITHER}`;
  if (url.startsWith('/')) return undefined;
  const [, authority, rest] = /^rediss?:\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  if (authority === undefined) {
    return 'is neither a URL (redis://, rediss:// or the path of a socket), nor an object of ioredis options, nor a client: give one of them';
  }
  const host = authority.slice(authority.lastIndexOf('@') + 1).replace(/:\d*$/, '');
  // A password may have the characters that end a host, when it is not written as %XX.
  if (/^(undefined|null|)$/.test(host) && !/[@?]/.test(rest ?? '')) {
    return `is a URL ${host === '' ? 'without a host' : `whose host is "${host}"`}: check the variable that it is made of, and ${WRITE_URL}`;
  }
  return undefined;
}

function problemOfObject(source: unknown): string | undefined {
  if (source === undefined) return `is undefined: check the variable that it comes from, and ${WRITE_EITHER}`;
  if (typeof source !== 'object' || source === null || Array.isArray(source)) {
    return `is ${kindOf(source)}, neither a URL nor an object: ${WRITE_EITHER}`;
  }
  if (source instanceof URL) return `is an object of URL: ${WRITE_URL}, or url.href`;
  if (typeof (source as Partial<PromiseLike<unknown>>).then === 'function') {
    return 'is a promise: await it, in the factory of forRootAsync, and give what it resolves to';
  }
  return isClient(source) ? problemOfClient(source) : problemOfOptions(source as Record<string, unknown>);
}

function problemOfClient(client: RedisClient): string | undefined {
  const missing = CLIENT_METHODS.find((method) => typeof client[method] !== 'function');
  if (missing === undefined) return undefined;
  return `is a client without ${missing}(), which is not one of ioredis: ${WRITE_EITHER}`;
}

function problemOfOptions(options: Record<string, unknown>): string | undefined {
  if (typeof options.evalSha === 'function' || typeof options.sendCommand === 'function' || 'isOpen' in options) {
    return `is a client of another package, such as node-redis: ${WRITE_EITHER}`;
  }
  if (options.sentinels !== undefined && options.sentinels !== null) return problemOfSentinels(options);
  if (isFilled(options.path) || typeof options.Connector === 'function') return undefined;
  if (isFilled(options.host)) return problemOfHost(options);
  for (const [keys, remedy] of OTHER_PACKAGES) {
    const found = Object.keys(options).find((key) => key !== 'host' && keys.some((other) => isAlike(key, other)));
    if (found) return `has \`${found}\`, which is no option of ioredis, and no \`host\`: ${remedy}`;
  }
  const empty = (isPort(options.port) ? ['host'] : ['host', 'path', 'port']).find((key) => key in options);
  if (empty) {
    const value = options[empty] === '' ? 'an empty string' : kindOf(options[empty]);
    return `names no server: its \`${empty}\` is ${value}. Check where it comes from, and ${WRITE_OPTIONS}`;
  }
  if (isPort(options.port)) return undefined;
  return `${kindOfOptions(options)} without a server: ${WRITE_EITHER}`;
}

function problemOfSentinels({ sentinels, name }: Record<string, unknown>): string | undefined {
  const remedy = "write { sentinels: [{ host: 'sentinel.example', port: 26379 }], name: 'mymaster' }";
  if (!Array.isArray(sentinels) || sentinels.length === 0) return `has \`sentinels\` without an address: ${remedy}`;
  if (!isFilled(name)) return `has \`sentinels\` and no \`name\`, under which they know the primary: ${remedy}`;
  const bad = sentinels.findIndex((sentinel) => {
    if (typeof sentinel !== 'object' || sentinel === null) return true;
    return 'host' in sentinel ? !isFilled(sentinel.host) : !isPort(sentinel.port);
  });
  return bad < 0 ? undefined : `has no host in \`sentinels[${bad}]\`: ${remedy}`;
}

function problemOfHost({ host, port }: Record<string, unknown>): string | undefined {
  if (/:\/\//.test(String(host))) return `has a URL as \`host\`: ${WRITE_URL}`;
  if (/^(undefined|null)$/.test(String(host))) {
    return `has the \`host\` "${host}": check the variable that it is made of, and ${WRITE_OPTIONS}`;
  }
  if (port === undefined || port === null || isPort(port)) return undefined;
  return 'has a `port` that is no number from 1 to 65535: give one, or leave it out for 6379';
}

function isAlike(key: string, other: string): boolean {
  return key.toLowerCase() === other.toLowerCase();
}

function isFilled(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}

/** ioredis takes it as a string of digits, too. */
function isPort(value: unknown): boolean {
  const port = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536;
}

function kindOfOptions(options: object): string {
  const made: unknown = options.constructor;
  const plain = typeof made !== 'function' || made === Object;
  return plain ? 'is an object' : `is an object of the class ${made.name}`;
}
