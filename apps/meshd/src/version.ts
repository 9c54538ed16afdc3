export const version = '0.1.0';

/** `meshd 0.1.0 (node v26.10.0)`. */
export function versionLine(): string {
  return `meshd ${version} (node ${process.version})`;
}
