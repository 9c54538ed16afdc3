import { join } from 'node:path';

/** Where suites keep what others may want to read afterwards; `INTEROP_RESULTS` moves it. */
export const resultsFolder = process.env['INTEROP_RESULTS'] ?? join(import.meta.dirname, '..', 'results');
