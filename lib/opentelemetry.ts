export { type OpenTelemetryOptions, openTelemetryObserver } from './observe/opentelemetry.js';
