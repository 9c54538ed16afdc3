import type { FuzzTarget } from '../target.ts';
import { boltTargets } from './bolt.ts';
import { conversionTargets } from './conversion.ts';
import { dubboTargets } from './dubbo.ts';
import { clientHelloTarget, detectionTarget, proxyProtocolTarget } from './first-bytes.ts';
import { frameFormatTargets } from './frame-format.ts';
import { hessian2Target } from './hessian2.ts';
import { hessian2ValuesTargets } from './hessian2-values.ts';
import { hpackTarget } from './hpack.ts';
import { hsfTargets } from './hsf.ts';
import { http1Targets } from './http1.ts';
import { http2Targets } from './http2.ts';
import { rpcHttp2Targets } from './rpc-http2.ts';
import { tarsTargets } from './tars.ts';
import { structSkipperTarget, thriftTargets } from './thrift.ts';
import { wasmTargets } from './wasm.ts';

export const targets: readonly FuzzTarget[] = [
  ...http1Targets,
  ...http2Targets,
  ...rpcHttp2Targets,
  hpackTarget,
  ...boltTargets,
  ...dubboTargets,
  hessian2Target,
  ...hessian2ValuesTargets,
  ...conversionTargets,
  ...tarsTargets,
  ...thriftTargets,
  structSkipperTarget,
  ...hsfTargets,
  ...frameFormatTargets,
  ...wasmTargets,
  clientHelloTarget,
  proxyProtocolTarget,
  detectionTarget,
];
