import { setTimeout } from 'node:timers/promises';
import type { Database } from '../database/database.js';
import type { BankName } from '../orders/bank-client.js';
import type { Receipt } from '../orders/orders.service.js';
import { type Claims, judge, type Table, when } from './claims.js';
import type { Scene } from './scene.js';

interface Answer {
  status: number;
  /** Seconds; null: the answer did not say. */
  retryAfter: number | null;
  receipt: Receipt;
}

interface Evidence {
  /** Impatient clients: the same order over and over, on all replicas. */
  impatient: Answer[];
  /** The first answers to two clients whose bank is slow. */
  slow: Answer[];
  /** The answers that these two ended with. */
  slowInTheEnd: Answer[];
  otherOrderWasPaidMeanwhile: boolean;
  /** Per order: how often the card was charged. */
  charges: Map<string, number>;
}

const claims: Claims<Evidence> = {
  'every impatient client hears that the order is paid': ({ impatient }) => failures(impatient),
  'no card is charged twice': ({ charges }) =>
    [...charges].filter(([, times]) => times !== 1).map(([order, times]) => `${order}: ${times} times`),
  'when the wait is over, the client gets 423': ({ slow }) => {
    const statuses = slow.map(({ status }) => status).sort();
    return when(statuses.join() !== '200,423', `got ${statuses.join(' and ')}`);
  },
  '423 says when to ask again': ({ slow }) =>
    slow.filter(({ status, retryAfter }) => status === 423 && !(retryAfter! >= 1)).map(() => 'no Retry-After'),
  'a client that obeys Retry-After gets its answer': ({ slowInTheEnd }) => failures(slowInTheEnd),
  'other orders do not wait': ({ otherOrderWasPaidMeanwhile }) =>
    when(!otherOrderWasPaidMeanwhile, 'an order waited for another one'),
};

export const orderScene: Scene = {
  title: 'Request guard',
  async play({ fleet, database }) {
    const shop = new Shop(fleet.urlsOf('first'));
    for (const order of ['impatient', 'slow', 'other']) await shop.place(order);

    const impatient = await Promise.all(Array.from({ length: 8 }, () => shop.payInTheEnd('impatient', 'quick')));

    const slow = [shop.pay('slow', 'slow'), shop.pay('slow', 'slow')];
    const slowInTheEnd = Promise.all(slow.map((first) => shop.payInTheEnd('slow', 'slow', first)));
    const other = shop.payInTheEnd('other', 'quick');
    const paidFirst = await Promise.race([other.then(() => 'other'), slowInTheEnd.then(() => 'slow')]);

    const evidence: Evidence = {
      impatient,
      slow: await Promise.all(slow),
      slowInTheEnd: await slowInTheEnd,
      otherOrderWasPaidMeanwhile: paidFirst === 'other',
      charges: await countCharges(database),
    };
    return { tables: [table(evidence)], verdicts: judge(claims, evidence) };
  },
};

async function countCharges(database: Database): Promise<Map<string, number>> {
  const rows = await database.query<{ id: string; times: number }>`
    SELECT orders.id, COUNT(charges.order_id) AS times
    FROM orders LEFT JOIN charges ON charges.order_id = orders.id GROUP BY orders.id`;
  return new Map(rows.map(({ id, times }) => [id, times]));
}

/** A client of the shop; its requests go to all replicas in turn. */
class Shop {
  private requests = 0;

  constructor(private readonly urls: string[]) {}

  async place(id: string): Promise<void> {
    await this.post('/orders', { id, amount: 500 });
  }

  async pay(orderId: string, bank: BankName): Promise<Answer> {
    const response = await this.post(`/orders/${orderId}/pay`, { bank });
    const retryAfter = response.headers.get('retry-after');
    return {
      status: response.status,
      retryAfter: retryAfter === null ? null : Number(retryAfter),
      receipt: (await response.json()) as Receipt,
    };
  }

  /** As a polite client does: 423 is no refusal, it says when to come back. */
  async payInTheEnd(orderId: string, bank: BankName, first = this.pay(orderId, bank)): Promise<Answer> {
    const answer = await first;
    if (answer.status !== 423) return answer;
    await setTimeout((answer.retryAfter ?? 1) * 1_000);
    return this.payInTheEnd(orderId, bank);
  }

  private post(path: string, body: object): Promise<Response> {
    const url = this.urls[this.requests++ % this.urls.length]!;
    const headers = { 'content-type': 'application/json' };
    return fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  }
}

function failures(answers: Answer[]): string[] {
  return answers.filter(({ status }) => status !== 200).map(({ status }) => `got ${status}`);
}

function table({ impatient, slow, slowInTheEnd, charges }: Evidence): Table {
  const row = (order: string, answers: Answer[]) => [
    order,
    String(answers.length),
    answers
      .map(({ status, retryAfter }) => (retryAfter === null ? status : `${status} (retry after ${retryAfter} s)`))
      .join(' '),
    `${charges.get(order)} x`,
  ];
  return [
    ['order', 'requests', 'answers', 'card charged'],
    row('impatient', impatient),
    row('slow', [...slow, ...slowInTheEnd.filter((answer) => !slow.includes(answer))]),
  ];
}
