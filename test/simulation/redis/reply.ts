/** What a server answers: as RESP2 has it. */
export type Reply = string | number | null | ReplyError | Status | readonly Reply[];

export class ReplyError {
  constructor(readonly message: string) {}
}

export class Status {
  constructor(readonly text: string) {}
}

export const OK = new Status('OK');
export const WRONG_TYPE = new ReplyError('WRONGTYPE Operation against a key holding the wrong kind of value');

/** The reply as it is, or thrown if it is an error. */
export class Refusal extends Error {
  constructor(readonly reply: ReplyError) {
    super(reply.message);
  }
}
