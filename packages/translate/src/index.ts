export { TranslationCache } from './cache.ts';
export * from './input.ts';
export { translate } from './translate.ts';
