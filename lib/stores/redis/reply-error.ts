/** How ioredis names an error that Redis replied with. */
const REPLY_ERROR = 'ReplyError';

export function isReplyError(error: Error): boolean {
  return error.name === REPLY_ERROR;
}

/** The error of one operation, which the script keeps from its neighbours. */
export function replyError(message: string): Error {
  const error = new Error(message);
  error.name = REPLY_ERROR;
  return error;
}

/** The error without what ioredis adds to it: the arguments of the command, which for AUTH are the password. */
export function bareError({ name, message, code }: Error & { code?: unknown }): Error {
  const error = Object.assign(new Error(message), code === undefined ? {} : { code });
  error.name = name;
  return error;
}
