export { type LockHealthDetails, LockHealthIndicator } from './nest/terminus/lock-health.indicator.js';
