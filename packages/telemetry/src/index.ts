export * from './access-log/access-logs.ts';
export * from './access-log/format.ts';
export * from './component-log.ts';
export * from './metrics/aggregate.ts';
export * from './metrics/prometheus.ts';
export * from './metrics/text.ts';
export * from './metrics/thread-stats.ts';
