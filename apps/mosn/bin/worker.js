// What a worker thread of mosn starts with when mosn runs from its sources.
import { findModules } from '@sofamesh/base/bin/find-modules.js';

findModules();
await import('../src/main.ts');
