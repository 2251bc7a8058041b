import { Module } from '@nestjs/common';
import { BankClient } from './bank-client.js';
import { OrdersController } from './orders.controller.js';
import { OrdersService } from './orders.service.js';

@Module({ providers: [OrdersService, BankClient], controllers: [OrdersController] })
export class OrdersModule {}
