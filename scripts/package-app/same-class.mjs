import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { LockService } from 'nestjs-lock';

assert.equal(createRequire(import.meta.url)('nestjs-lock').LockService, LockService);
