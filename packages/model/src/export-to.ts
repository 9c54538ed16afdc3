/**
 * Whether a resource that says `exportTo` is visible from a namespace: `*` everywhere, `.` its own namespace only, `~`
 * nowhere, else the namespaces named. An empty list means the mesh's default.
 */
export function isVisible(
  exportTo: readonly string[],
  ownNamespace: string,
  viewerNamespace: string,
  defaultExportTo: readonly string[] = ['*'],
): boolean {
  for (const entry of exportTo.length > 0 ? exportTo : defaultExportTo) {
    if (entry === '*' || entry === viewerNamespace) return true;
    if (entry === '.' && ownNamespace === viewerNamespace) return true;
  }
  return false;
}

/** The annotation with which a Kubernetes Service says what `exportTo` says elsewhere: a list with commas. */
export const EXPORT_TO_ANNOTATION = 'networking.istio.io/exportTo';

/** The value of that annotation as a list; empty if it is absent. */
export function exportToOfAnnotations(annotations: Readonly<Record<string, string>>): readonly string[] {
  const text = annotations[EXPORT_TO_ANNOTATION];
  if (text === undefined) return [];
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}
