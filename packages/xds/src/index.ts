export * from './client/ads-client.ts';
export * from './grpc/dialer.ts';
export * from './grpc/server.ts';
export * from './server/ads-server.ts';
export * from './server/proxy-status.ts';
export * from './type-urls.ts';
