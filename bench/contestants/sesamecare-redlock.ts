import { Redlock } from '@sesamecare-oss/redlock';
import { redlockContestant } from './redlock-family.js';

export const sesamecareRedlock = redlockContestant('@sesamecare-oss/redlock', Redlock);
