import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import type { BankName } from './bank-client.js';
import { type Order, OrdersService, type Receipt } from './orders.service.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  async place(@Body() order: Order): Promise<void> {
    await this.orders.place(order);
  }

  /** 423 with `Retry-After` when the order is still being paid after a second (`LockExceptionFilter`). */
  @Post(':orderId/pay')
  @HttpCode(200)
  async pay(@Param('orderId') orderId: string, @Body() payment: { bank: BankName }): Promise<Receipt> {
    return this.orders.pay(orderId, payment.bank);
  }
}
