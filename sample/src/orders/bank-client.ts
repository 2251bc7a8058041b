import { setTimeout } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

/** How long each bank takes to charge a card, in ms. */
const BANKS = { quick: 100, slow: 2_500 };
export type BankName = keyof typeof BANKS;

/** Stands in for a payment provider: a remote call that takes its time and must not be made twice. */
@Injectable()
export class BankClient {
  async charge(bank: BankName, _cents: number, signal: AbortSignal): Promise<void> {
    await setTimeout(BANKS[bank], undefined, { signal });
  }
}
