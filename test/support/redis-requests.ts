export interface RedisRequest {
  bytes: Buffer;
  /** Its words with a blank between, as they were sent. */
  text: string;
}

/** Cuts what a client sends into whole requests; a part of one stays for the next chunk. */
export class RedisRequestReader {
  #rest: Buffer = Buffer.alloc(0);

  read(chunk: Buffer): RedisRequest[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const requests: RedisRequest[] = [];
    for (let request = firstRequest(this.#rest); request; request = firstRequest(this.#rest)) {
      this.#rest = this.#rest.subarray(request.bytes.length);
      requests.push(request);
    }
    return requests;
  }
}

/** `*<count>\r\n`, then `$<length>\r\n<bytes>\r\n` per word. */
function firstRequest(buffer: Buffer): RedisRequest | undefined {
  let at = 0;
  const readNumber = (): number | undefined => {
    const end = buffer.indexOf('\r\n', at);
    if (end < 0) return undefined;
    const value = Number(buffer.toString('latin1', at + 1, end));
    at = end + 2;
    return value;
  };

  const count = readNumber();
  if (count === undefined) return undefined;
  const words: string[] = [];
  while (words.length < count) {
    const length = readNumber();
    if (length === undefined || at + length + 2 > buffer.length) return undefined;
    words.push(buffer.toString('utf8', at, at + length));
    at += length + 2;
  }
  return { bytes: buffer.subarray(0, at), text: words.join(' ') };
}
