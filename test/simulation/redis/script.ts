import { createHash } from 'node:crypto';
import { compileLua, type LuaScript } from '../lua/compile.js';
import { LUA_LIBRARY } from '../lua/library.js';
import { LuaError, LuaTable, numberText } from '../lua/runtime.js';
import { type CommandContext, execute, WRITES } from './commands.js';
import { type Reply, ReplyError, Status } from './reply.js';

export interface ScriptCall extends CommandContext {
  readonly readOnly: boolean;
}

const compiled = new Map<string, LuaScript>();
const shas = new Map<string, string>();

export function shaOf(source: string): string {
  const known = shas.get(source);
  if (known) return known;
  const sha = createHash('sha1').update(source).digest('hex');
  shas.set(source, sha);
  return sha;
}

/** Runs a script as EVAL does: the arguments are the number of keys, the keys, and the rest. */
export function evaluate(call: ScriptCall, source: string, [count, ...args]: readonly string[]): Reply {
  const script = compiled.get(source) ?? compileLua(source);
  compiled.set(source, script);
  const keys = Number(count);
  const globals = Object.create(LUA_LIBRARY) as Record<string, unknown>;
  globals.redis = libraryFor(call);
  globals.KEYS = LuaTable.of(args.slice(0, keys));
  globals.ARGV = LuaTable.of(args.slice(keys));
  try {
    return toReply(script(globals)[0]);
  } catch (error) {
    if (!(error instanceof LuaError)) throw error;
    const { value } = error;
    if (value instanceof LuaTable && typeof value.get('err') === 'string')
      return new ReplyError(value.get('err') as string);
    return new ReplyError(`ERR ${error.message} script: ${shaOf(source)}, on @user_script:1.`);
  }
}

const libraries = new WeakMap<ScriptCall, LuaTable>();

/** Made once for each server. */
function libraryFor(call: ScriptCall): LuaTable {
  const library = libraries.get(call) ?? redisFor(call);
  libraries.set(call, library);
  return library;
}

function redisFor(call: ScriptCall): LuaTable {
  const run = ([name, ...args]: readonly unknown[]): Reply => {
    const command = String(name).toUpperCase();
    if (call.readOnly && WRITES.has(command)) {
      return new ReplyError("READONLY You can't write against a read only replica.");
    }
    return execute(call, command, args.map(toArgument));
  };
  return LuaTable.of(
    [],
    Object.entries({
      call: (...args: unknown[]) => {
        const reply = run(args);
        if (reply instanceof ReplyError) throw new LuaError(toLua(reply));
        return [toLua(reply)];
      },
      pcall: (...args: unknown[]) => [toLua(run(args))],
      error_reply: (message: unknown) => [LuaTable.of([], [['err', message]])],
      status_reply: (message: unknown) => [LuaTable.of([], [['ok', message]])],
      sha1hex: (text: unknown) => [createHash('sha1').update(String(text)).digest('hex')],
      log: () => [],
    }),
  );
}

function toArgument(value: unknown): string {
  if (typeof value === 'number') return numberText(value, 17);
  if (typeof value === 'string') return value;
  throw new LuaError(LuaTable.of([], [['err', 'ERR Lua redis lib command arguments must be strings or integers']]));
}

function toLua(reply: Reply): unknown {
  if (reply === null) return false;
  if (typeof reply === 'string' || typeof reply === 'number') return reply;
  if (reply instanceof ReplyError) return LuaTable.of([], [['err', reply.message]]);
  if (reply instanceof Status) return LuaTable.of([], [['ok', reply.text]]);
  return LuaTable.of(reply.map(toLua));
}

function toReply(value: unknown): Reply {
  if (value === undefined || value === false) return null;
  if (value === true) return 1;
  if (typeof value === 'number') return Math.trunc(value);
  if (typeof value === 'string') return value;
  if (!(value instanceof LuaTable)) return null;
  const [error, ok] = [value.get('err'), value.get('ok')];
  if (typeof error === 'string') return new ReplyError(error);
  if (typeof ok === 'string') return new Status(ok);
  const items = value.items;
  const end = items.indexOf(undefined);
  return items.slice(0, end < 0 ? items.length : end).map(toReply);
}
