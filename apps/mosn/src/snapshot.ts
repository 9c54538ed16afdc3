/** The program up to where its command line is read: what a start-up snapshot of it holds. */
import { pathToFileURL } from 'node:url';
import { startupSnapshot } from 'node:v8';
import { create, fromBinary, toBinary, toJson } from '@bufbuild/protobuf';
import { NodeSchema } from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import {
  DiscoveryRequestSchema,
  DiscoveryResponseSchema,
} from '@sofamesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { silentLogger } from '@sofamesh/base/logger';
import { readArguments, readCommandLine } from './argv.ts';
import { describeNode } from './dynamic/node.ts';
import './lifecycle/control-plane.ts';
import { loadBootstrap, readTexts } from './lifecycle/load-bootstrap.ts';
import { runProgram } from './lifecycle/program.ts';
import { ProgramLog } from './lifecycle/program-log.ts';
import { validate } from './lifecycle/validate.ts';
import './mosn-json/mosn-config.ts';
import { sampleBootstrap } from './sample-bootstrap.ts';
import { version } from './version.ts';
import './worker/worker.ts';

/** Uses what a start uses, so that it is compiled. Its results are dropped. */
async function useSample(): Promise<void> {
  const texts = readTexts(readArguments(['node', 'mosn', '--config-yaml', JSON.stringify(sampleBootstrap)]));
  const bootstrap = loadBootstrap(texts, silentLogger);
  const node = describeNode(bootstrap.config.node, bootstrap.extensions, version);
  toJson(NodeSchema, node, { useProtoFieldName: true });
  toBinary(DiscoveryRequestSchema, create(DiscoveryRequestSchema, { node, errorDetail: { message: 'sample' } }));
  const response = create(DiscoveryResponseSchema, { controlPlane: { identifier: 'sample' } });
  fromBinary(DiscoveryResponseSchema, toBinary(DiscoveryResponseSchema, response));
  await validate(bootstrap, new ProgramLog(undefined, { level: 'off', components: {} }));
}

// Node has none while it makes a snapshot, and metrics are counted in them.
const standIn = !('SharedArrayBuffer' in globalThis);
if (standIn) Object.assign(globalThis, { SharedArrayBuffer: ArrayBuffer });
void useSample().finally(() => standIn && Reflect.deleteProperty(globalThis, 'SharedArrayBuffer'));

startupSnapshot.setDeserializeMainFunction(() => {
  const { argv } = process;
  const options = readCommandLine(argv);
  if (options !== undefined) void runProgram(options, { argv, entry: pathToFileURL(argv[1]!), fromSnapshot: true });
});
