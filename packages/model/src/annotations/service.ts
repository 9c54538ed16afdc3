import type { Report } from '../finding.ts';
import type { Labels } from '../labels.ts';
import type { ResolvedPort } from '../port-protocol.ts';
import { type Annotation, annotationKey, wordAnnotation } from './annotation.ts';
import { checkScoped, readScoped } from './scoped-value.ts';

/** How much of a call the proxies on both sides read; default full. */
export const serviceLevel = wordAnnotation('service-level', ['full', 'light', 'relay']);

/** Of a Service or ServiceEntry: of all its RPC ports, and of ports by name. */
export const serviceAnnotations: readonly Annotation[] = [serviceLevel];

/** A port and what it carries. */
export interface AnnotatedPort {
  readonly name: string;
  readonly resolved: ResolvedPort;
}

/** `report` stands at `metadata.annotations`. */
export function checkServiceAnnotations(annotations: Labels, ports: readonly AnnotatedPort[], report: Report): void {
  const rpcPorts = ports.filter(isRpc);
  const names = rpcPorts.map(({ name }) => name);
  checkScoped(serviceLevel, annotations, 'RPC port', names, report);
  const key = annotationKey(serviceLevel);
  if (annotations[key] !== undefined && rpcPorts.length === 0) {
    report.at(key).warn('has no effect: no port carries RPC (a name that begins with x-)');
  }
}

/** What the annotations of a service say of one of its ports. */
export function annotatedPort(
  annotations: Labels,
  port: AnnotatedPort,
): { readonly serviceLevel?: 'full' | 'light' | 'relay' } {
  if (!isRpc(port)) return {};
  const { whole, parts } = readScoped(serviceLevel, annotations);
  const level = parts.get(port.name) ?? whole;
  return level === undefined ? {} : { serviceLevel: level };
}

function isRpc({ resolved }: AnnotatedPort): boolean {
  return resolved.protocol === 'X';
}
