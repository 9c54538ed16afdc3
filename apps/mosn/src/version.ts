/** Of all packages of this repository; a test compares it with package.json. */
export const version = '0.1.0';

/** `mosn 0.1.0 (node v26.10.0)`. */
export function versionLine(): string {
  return `mosn ${version} (node ${process.version})`;
}
