import { Injectable, NotFoundException } from '@nestjs/common';
import { currentLock, Locked } from 'nestjs-lock';
import { Database } from '../database/database.js';
import { Settings } from '../settings.js';
import { BankClient, type BankName } from './bank-client.js';

export interface Order {
  id: string;
  /** Cents. */
  amount: number;
}

export interface Receipt {
  orderId: string;
  /** Cents that this very request took from the card; 0: the order was paid already. */
  charged: number;
  replica: string;
}

@Injectable()
export class OrdersService {
  constructor(
    private readonly database: Database,
    private readonly bank: BankClient,
    private readonly settings: Settings,
  ) {}

  async place({ id, amount }: Order): Promise<void> {
    await this.database.query`INSERT INTO orders (id, amount) VALUES (${id}, ${amount})`;
  }

  /** Requests for one order take turns, whichever replica they reach; different orders never wait for each other. */
  @Locked('order:<orderId>', { wait: '1s', ttl: '5s' })
  async pay(orderId: string, bank: BankName): Promise<Receipt> {
    const { signal, fencingToken } = currentLock()!;
    const [order] = await this.database.query<Order & { paid: number }>`SELECT * FROM orders WHERE id = ${orderId}`;
    if (!order) throw new NotFoundException(`There is no order ${orderId}`);

    const replica = this.settings.name;
    if (order.paid) return { orderId, charged: 0, replica };

    // Between this read and the write below lies the double charge that the lock prevents.
    await this.bank.charge(bank, order.amount, signal);
    await this.database.query`INSERT INTO charges VALUES (${orderId}, ${order.amount}, ${replica}, ${fencingToken})`;
    await this.database.query`UPDATE orders SET paid = 1 WHERE id = ${orderId}`;
    return { orderId, charged: order.amount, replica };
  }
}
