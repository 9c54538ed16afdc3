// Where things are, from the environment. Nothing here knows that there is a mesh: with other ports
// in the environment the same programs call each other directly.

/** The workload's own address. `meshctl up` gives each workload one of 127.0.0.0/8. */
const own = process.env.MESH_ADDRESS ?? '127.0.0.1';

/** Where a server listens: the application's own port, behind the sidecar (`ingress` of the
 * Sidecar in config/). */
export function listenOn(defaultPort) {
  return { host: own, port: Number(process.env.PORT ?? defaultPort) };
}

/**
 * Where a client calls SERVICE: the service's port on the workload's own address, which is where its sidecar
 * listens on behalf of that service. `CATALOG_PORT`, `INVENTORY_PORT` and `PRICING_PORT` override the port.
 */
export function serviceAt(service, servicePort) {
  return { host: own, port: Number(process.env[`${service.toUpperCase()}_PORT`] ?? servicePort) };
}
