export { type PrometheusOptions, prometheusObserver } from './observe/prometheus.js';
