export type { DetachedSocket } from './detached-socket.ts';
export * from './http-request.ts';
export * from './http-service.ts';
export * from './resolver.ts';
export * from './subject-alt-names.ts';
export * from './tls-check.ts';
export * from './transport.ts';
