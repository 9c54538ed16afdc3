export * from './address.ts';
export * from './clock.ts';
export * from './errors.ts';
export * from './field-error.ts';
export * from './logger.ts';
export * from './manual-clock.ts';
export * from './random.ts';
export * from './timer-wheel.ts';
