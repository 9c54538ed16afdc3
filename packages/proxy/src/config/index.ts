export * from './cluster.ts';
export * from './extension.ts';
export * from './listener.ts';
export * from './route.ts';
export * from './update.ts';
