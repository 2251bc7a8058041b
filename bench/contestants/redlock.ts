import Redlock from 'redlock';
import { redlockContestant } from './redlock-family.js';

export const redlock = redlockContestant('redlock', Redlock);
