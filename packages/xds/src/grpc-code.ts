/** The gRPC status codes that ADS uses. */
export const grpcCode = {
  ok: 0,
  invalidArgument: 3,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
} as const;
