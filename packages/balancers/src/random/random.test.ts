import { balancerSuite } from '@sofamesh/testkit/balancer-suite';
import { kind } from './random.ts';

balancerSuite(kind);
