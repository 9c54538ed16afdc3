import { create } from '@bufbuild/protobuf';
import {
  BuildVersionSchema,
  type Extension,
  ExtensionSchema,
  type Node,
  NodeSchema,
} from '@sofamesh/api/gen/envoy/config/core/v3/base_pb';
import { accessLogSchemas } from '../config/access-log.ts';
import type { Extensions } from '../config/extensions.ts';
import { engineFilters } from '../config/network-filters.ts';
import type { ExtensionTypes } from '../config/reader-table.ts';
import { rpcOptionsKey } from '../config/upstream-rpc.ts';

/**
 * The node as the control plane sees it: what the bootstrap says, and what this program is and can do. A control plane
 * sends our own types only to a proxy that declares them here.
 */
export function describeNode(node: Node, extensions: Extensions, version: string): Node {
  const [majorNumber = 0, minorNumber = 0, patch = 0] = version
    .split('.')
    .map((part) => Number.parseInt(part, 10) || 0);
  return create(NodeSchema, {
    ...node,
    userAgentName: 'mosn',
    userAgentVersionType: {
      case: 'userAgentBuildVersion',
      value: create(BuildVersionSchema, { version: { majorNumber, minorNumber, patch } }),
    },
    extensions: [...node.extensions, ...declared(extensions)],
  });
}

function declared(extensions: Extensions): Extension[] {
  const extension = (category: string, name: string, typeNames: readonly string[]) =>
    create(ExtensionSchema, {
      category,
      name,
      typeUrls: typeNames.map((typeName) => `type.googleapis.com/${typeName}`),
    });
  const of = (category: string, list: readonly ExtensionTypes[]) =>
    list.map(({ name, typeUrls }) => create(ExtensionSchema, { category, name, typeUrls: [...typeUrls] }));
  return [
    ...of('envoy.filters.http', extensions.list()),
    ...engineFilters.map(({ name, schema }) => extension('envoy.filters.network', name, [schema.typeName])),
    ...of('envoy.filters.network', extensions.listNetworkFilters()),
    extension('envoy.upstream_options', rpcOptionsKey, [rpcOptionsKey]),
    ...accessLogSchemas.map(({ typeName }) =>
      extension('envoy.access_loggers', accessLoggerNames[typeName] ?? typeName, [typeName]),
    ),
  ];
}

const accessLoggerNames: Readonly<Record<string, string>> = {
  'envoy.extensions.access_loggers.file.v3.FileAccessLog': 'envoy.access_loggers.file',
  'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': 'envoy.access_loggers.stdout',
  'envoy.extensions.access_loggers.stream.v3.StderrAccessLog': 'envoy.access_loggers.stderr',
};
