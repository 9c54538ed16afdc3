/** What one file may ask of the reader. Beyond a limit the file, or the document, is refused with a finding. */
export const FILE_BYTES_MAX = 4 * 1024 * 1024;
export const DOCUMENTS_PER_FILE_MAX = 10_000;
/** Resources in one `kind: List`. */
export const LIST_ITEMS_MAX = 10_000;
/** Values in one document, each alias counted as what it stands for. */
export const VALUES_PER_DOCUMENT_MAX = 200_000;
/** Lists and maps inside each other; Istio's deepest field is at about 12. */
export const DEPTH_MAX = 64;
/** More are counted only. */
export const FINDINGS_PER_FILE_MAX = 100;
