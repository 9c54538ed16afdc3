export * from './cluster.ts';
export * from './extension.ts';
export * from './http-edge.ts';
export * from './listener.ts';
export * from './log-filter.ts';
export * from './route.ts';
export * from './tracing.ts';
export * from './update.ts';
