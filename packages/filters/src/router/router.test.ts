import { filterSuite } from '@sofamesh/testkit/filter-suite';
import { kind } from './router.ts';

filterSuite(kind, {
  configs: [
    { name: 'default', config: { suppressEnvoyHeaders: false } },
    { name: "without Envoy's headers", config: { suppressEnvoyHeaders: true } },
  ],
});
