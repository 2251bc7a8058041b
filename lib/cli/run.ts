import { parseArgs } from 'node:util';
import { LockError, LockUnavailableError } from '../core/errors.js';
import { createLockService } from '../service/create-lock-service.js';
import type { LockService } from '../service/lock-service.js';
import type { RedisSource } from '../stores/redis/redis-source.js';
import { COMMANDS, type Command, type Invocation } from './commands.js';
import { connect, type OpenClient } from './connect.js';
import { EXIT, type ExitCode, printable, type Terminal } from './terminal.js';

const OPTIONS = {
  redis: { type: 'string' },
  namespace: { type: 'string' },
  json: { type: 'boolean' },
  yes: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const HELP = `Who holds which lock, who waits, and what to do about it.

  npx nestjs-lock <command> [options]

${Object.entries(COMMANDS)
  .map(([name, { argument, summary }]) => `  ${`${name} ${argument}`.padEnd(18)}${summary}`)
  .join('\n')}

Options:
  --redis <url>       default: REDIS_URL, else redis://localhost:6379
  --namespace <name>  that of LockModule; default: lock
  --json              one JSON object a line, for programs
  --yes               \`release\` does not ask
  -h, --help

Exit codes: 0 done, 1 not found or not well, 2 wrong use, 3 Redis unavailable.
`;

/** Runs one command. Resolves to the exit code, and leaves nothing open. */
export async function run(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  terminal: Terminal,
): Promise<ExitCode> {
  const parsed = parse(args);
  if (typeof parsed === 'string') return misused(terminal, parsed);
  const { values, positionals } = parsed;
  const [name, ...rest] = positionals;
  if (values.help || name === undefined) {
    terminal.out(HELP);
    return values.help ? EXIT.ok : EXIT.usage;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) return misused(terminal, `There is no command ${printable(name)}.`);
  const problem = problemOf(name, command, rest);
  if (problem) return misused(terminal, problem);
  const url = values.redis ?? env.REDIS_URL ?? 'redis://localhost:6379';
  return withRedis(url, values.namespace ?? 'lock', terminal, (opened) =>
    command.run({ ...opened, terminal, json: values.json === true, yes: values.yes === true }, rest[0] ?? ''),
  );
}

function parse(args: readonly string[]): ReturnType<typeof parsedBy> | string {
  try {
    return parsedBy(args);
  } catch (error) {
    return (error as Error).message;
  }
}

function parsedBy(args: readonly string[]) {
  return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
}

function problemOf(name: string, { argument }: Command, rest: readonly string[]): string | undefined {
  if (argument.startsWith('<') && rest.length === 0) return `${name} needs the name of a lock: ${name} ${argument}.`;
  return rest.length > 1 || (argument === '' && rest.length > 0) ? `${name} has too many arguments.` : undefined;
}

function misused(terminal: Terminal, problem: string): ExitCode {
  terminal.err(`${problem}\nSee \`npx nestjs-lock --help\`.\n`);
  return EXIT.usage;
}

/** What is wrong with the connection is said by what fails. */
const QUIET = { warn: (): void => {}, error: (): void => {} };

async function withRedis(
  url: string,
  namespace: string,
  terminal: Terminal,
  work: (opened: Pick<Invocation, 'locks' | 'another' | 'client'>) => Promise<ExitCode>,
): Promise<ExitCode> {
  const services: LockService[] = [];
  let client: OpenClient | undefined;
  try {
    client = await connect(url);
    const redis = client as unknown as RedisSource;
    const another = async (): Promise<LockService> => {
      const options = { redis, namespace, logger: QUIET, instance: 'command line', commandTimeout: '3s' } as const;
      const service = await createLockService(options);
      services.push(service);
      return service;
    };
    return await work({ locks: await another(), another, client });
  } catch (error) {
    if (!(error instanceof LockError)) throw error;
    const isAway = error instanceof LockUnavailableError;
    terminal.err(`${printable(error.message)}${isAway ? causeOf(error) : ''}\n`);
    return isAway ? EXIT.unavailable : EXIT.usage;
  } finally {
    for (const service of services) await service.close();
    client?.disconnect();
  }
}

function causeOf({ cause }: LockUnavailableError): string {
  return cause instanceof Error ? ` (${printable(cause.message)})` : '';
}
