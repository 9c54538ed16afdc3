import type { FuzzTarget } from '../target.ts';
import { boltTargets } from './bolt.ts';
import { dubboTargets } from './dubbo.ts';
import { clientHelloTarget, detectionTarget, proxyProtocolTarget } from './first-bytes.ts';
import { hessian2Target } from './hessian2.ts';
import { hpackTarget } from './hpack.ts';
import { http1Targets } from './http1.ts';
import { http2Targets } from './http2.ts';

export const targets: readonly FuzzTarget[] = [
  ...http1Targets,
  ...http2Targets,
  hpackTarget,
  ...boltTargets,
  ...dubboTargets,
  hessian2Target,
  clientHelloTarget,
  proxyProtocolTarget,
  detectionTarget,
];
