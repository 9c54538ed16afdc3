export * from './config/index.ts';
export * from './engine.ts';
export * from './engine-api.ts';
export * from './environment.ts';
