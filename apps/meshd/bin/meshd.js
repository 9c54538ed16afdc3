#!/usr/bin/env node
import { startProgram } from '@sofamesh/base/bin/start-program.js';

await startProgram(import.meta.url, () => import('@sofamesh/api/late/library-changes'));
