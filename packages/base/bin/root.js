export const fileScheme = 'file://';

/** The repository, as the start of a URL. */
export const root = new URL('../../../', import.meta.url).href;
