import { balancerSuite } from '@sofamesh/testkit/balancer-suite';
import { kind } from './round-robin.ts';

balancerSuite(kind);
